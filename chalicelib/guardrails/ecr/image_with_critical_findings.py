from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.guardrail import Severity, guardrail
from chalicelib.core.pattern import native
from chalicelib.fixes.quarantine_image import QuarantineImage
from chalicelib.resources.absent import absent
from chalicelib.resources.ecr import Image

if TYPE_CHECKING:
    from chalicelib.core.ports import Session

FIX = QuarantineImage()


@guardrail(
    severity=Severity.HIGH,
    resource=Image,
    on=native("aws.ecr", "ECR Image Scan", **{"scan-status": ["COMPLETE"]}),
    reads=("ecr:DescribeImageScanFindings", *FIX.reads),
    fix=FIX,
    opt_in=True,
)
def image_with_critical_findings(image: Image, aws: Session) -> str | None:
    """Image in ECR with critical vulnerabilities.

    Whoever pulls one of its tags runs software with known critical holes. The fix quarantines it: its tags come off and
    it is kept under a tag `quarantined-…`, so that new tasks and pods that ask for a tag don't start; what runs goes on,
    and a pull by digest still works. An image without tags is let be. Because a missing tag stops deployments and
    restarts, this is fixed only where the settings name this guardrail.
    """
    critical = 0
    with absent("ScanNotFoundException"):
        answer = aws.client("ecr").describe_image_scan_findings(
            repositoryName=image.repository,
            imageId={"imageDigest": image.digest},
            maxResults=1,  # The counts are for all findings, whatever the page.
        )
        critical = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {}).get("CRITICAL", 0)
    if not critical:
        return None
    state = FIX.read(image, aws)
    if state == FIX.safe(state, aws.known):
        return None
    return f"its scan found {critical} critical, and it can be pulled as {', '.join(state['tags'])}"
