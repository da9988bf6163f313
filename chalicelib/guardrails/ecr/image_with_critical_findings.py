from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import dig, rows, text
from chalicelib.core.pattern import Pattern, any_of, native
from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.quarantine_image import QuarantineImage
from chalicelib.resources.absent import absent
from chalicelib.resources.ecr.images import Image

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = QuarantineImage()
_FINDING: Pattern = {
    "status": ["ACTIVE"],
    "resources": {"type": ["AWS_ECR_CONTAINER_IMAGE"]},
    "$or": [{"severity": ["CRITICAL", "HIGH"]}, {"exploitAvailable": ["YES"]}],
}
"""https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html."""
_MOST_NAMED = 5


@guardrail(
    severity=Severity.HIGH,
    resource=Image,
    on=any_of(
        native("aws.ecr", "ECR Image Scan", **{"scan-status": ["COMPLETE"]}),
        native("aws.inspector2", "Inspector2 Scan", **{"scan-status": ["INITIAL_SCAN_COMPLETE"]}),
        {**native("aws.inspector2", "Inspector2 Finding"), "detail": _FINDING},
    ),
    reads=("ecr:DescribeImageScanFindings", "inspector2:GetClustersForImage", *FIX.reads),
    fix=FIX,
    opt_in=True,
)
def image_with_critical_findings(image: Image, aws: Session) -> str | None:
    """ECR image with critical vulnerabilities.

    Anyone who pulls one of its tags runs vulnerable software. The image has more critical vulnerabilities than
    `require.scans` allows (none by default; it can limit other severities too), or one with a known exploit.
    Vulnerabilities in `require.scans.cves` don't count until their date, nor do findings that Amazon Inspector has
    suppressed or closed.

    The fix archives the image in ECR, so nobody can pull it, or removes its tags (`quarantine`). Running containers
    continue until they must pull the image again. The fix stops deployments and restarts, so it runs only where the
    settings name this guardrail. Snapback only reports an image without tags, such as part of a multi-platform image,
    and only if Amazon Inspector saw it run.

    With enhanced scanning, Inspector knows exploits and Snapback names the clusters, tasks and pods that run the image.
    It reports critical and high findings, and those with an exploit, as they arrive, and the others at the image's
    first scan. It doesn't name Lambda functions that run the image: AWS can't list them by image.

    Legitimate look-alikes: base images with vulnerabilities that nobody has fixed yet, and vulnerabilities that the
    code doesn't reach. `require.scans.cves`, until a date, and Inspector's suppression rules tell them apart. Snapback
    fixes this only where the settings name this guardrail.
    """
    scan = _scanned(image, aws)
    found = _over(scan, aws)
    if not found:
        return None
    state = FIX.read(image, aws)
    runs_untagged = scan.in_use and not state["tags"] and not state["archived"]
    if state == FIX.safe(state, FixContext(aws.baseline)) and not runs_untagged:
        return None
    running = _running(image, aws) if scan.in_use else ""
    pulled = f"it can be pulled as {', '.join(state['tags'])}" if state["tags"] else "it has no tag"
    return f"its scan found {', '.join(found)}, and {pulled}{running}"


@dataclass
class _Scan:
    counts: Counter[str] = field(default_factory=Counter)
    exploitable: list[str] = field(default_factory=list)
    in_use: bool = False


def _scanned(image: Image, aws: Session) -> _Scan:
    """What counts of the scan's findings. A basic scan has counts, an enhanced one a status of each finding."""
    scan, today = _Scan(), aws.now.date()
    exempt = {cve for cve, until in aws.baseline.require.scans.cves.items() if today <= until}
    pages = aws.client("ecr").get_paginator("describe_image_scan_findings")
    with absent("ScanNotFoundException"):
        for page in pages.paginate(
            repositoryName=image.repository, imageId={"imageDigest": image.digest}, PaginationConfig={"PageSize": 1000}
        ):
            found: Any = page.get("imageScanFindings", {})
            enhanced = "enhancedFindings" in found
            if not scan.counts and not enhanced:
                scan.counts.update(found.get("findingSeverityCounts", {}))
            scan.counts.subtract(each.get("severity") for each in rows(found, "findings") if each.get("name") in exempt)
            for each in rows(found, "enhancedFindings"):
                _count(each, exempt, scan)
            if not enhanced and not exempt:
                break  # The first page has the counts of all pages.
    return scan


def _count(finding: Any, exempt: set[str], scan: _Scan) -> None:
    cve = text(finding, "packageVulnerabilityDetails", "vulnerabilityId") or ""
    if cve in exempt or text(finding, "status") not in {None, "ACTIVE"}:
        return
    scan.counts[text(finding, "severity") or ""] += 1
    if text(finding, "exploitAvailable") == "YES":
        scan.exploitable.append(cve)
    uses = [dig(each, "details", "awsEcrContainerImage", "inUseCount") for each in rows(finding, "resources")]
    scan.in_use = scan.in_use or any(uses)


def _over(scan: _Scan, aws: Session) -> list[str]:
    allowed = aws.baseline.require.scans
    limits = {"critical": allowed.critical, "high": allowed.high, "medium": allowed.medium, "low": allowed.low}
    counts = {level: scan.counts[level.upper()] for level in limits}
    over = [f"{counts[level]} {level}" for level, most in limits.items() if most is not None and counts[level] > most]
    if allowed.exploitable and scan.exploitable:
        names = sorted(set(scan.exploitable))
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        over.append(f"a known exploit for {', '.join(names[:_MOST_NAMED])}{more}")
    return over


def _running(image: Image, aws: Session) -> str:
    """Where Amazon Inspector saw it run, as in "; runs in cluster shop (service:web, web:7)"; the first few.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetClustersForImage.html
    """
    answer = aws.client("inspector2").get_clusters_for_image(filter={"resourceId": image.arn}, maxResults=_MOST_NAMED)
    said = []
    for cluster in answer["cluster"]:
        names: list[str] = []
        for each in rows(cluster, "clusterDetails"):
            task = dig(each, "clusterMetadata", "awsEcsMetadataDetails")
            names += [text(task, "detailsGroup") or "", (text(task, "taskDefinitionArn") or "").rpartition("/")[2]]
            pods = dig(each, "clusterMetadata", "awsEksMetadataDetails")
            names += [f"{text(pods, 'namespace')}/{text(load, 'name')}" for load in rows(pods, "workloadInfoList")]
        unique = [name for name in dict.fromkeys(names) if name][:_MOST_NAMED]
        said.append(f"{cluster['clusterArn'].rpartition('/')[2]} ({', '.join(unique)})")
    return f"; runs in cluster {', '.join(said)}" if said else ""
