from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail, native
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.scan_repository_on_push import ScanRepositoryOnPush
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = ScanRepositoryOnPush()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Repository,
    on=any_of(
        cloudtrail("ecr", "CreateRepository", "PutImageScanningConfiguration"),
        native("aws.ecr", "ECR Scan Resource Change", **{"action-type": ["SCAN_FREQUENCY_CHANGE"]}),
        SCHEDULED,
    ),
    reads=("ecr:BatchGetRepositoryScanningConfiguration", *FIX.reads),
    fix=FIX,
    controls=("ECR.1",),
)
def scan_on_push_off(repository: Repository, aws: Session) -> str | None:
    """ECR repository without image scanning.

    Known vulnerabilities in pushed images stay unseen. A repository counts as scanned if its own setting or a filter of
    the registry, basic or enhanced, scans it on push or continuously. The fix turns its own setting on. With enhanced
    scanning that has no effect, so Snapback only reports it: widen a filter of the registry.

    PutRegistryScanningConfiguration names no repository. With enhanced scanning, ECR sends one event for each
    repository; with basic scanning, the daily sweep finds them. Exempt repositories that another scanner covers.

    Legitimate look-alikes: repositories that a registry-wide filter scans. Those count as scanned. For scanners other
    than AWS's, exempt the repository.
    """
    answer = aws.client("ecr").batch_get_repository_scanning_configuration(repositoryNames=[repository.id])
    if any(found["scanFrequency"] != "MANUAL" for found in answer["scanningConfigurations"]):
        return None
    state = FIX.read(repository, aws)
    if state["scan_type"] == "ENHANCED":
        return "no filter of the registry's enhanced scanning matches it"
    return None if state["scan_on_push"] else "neither its own setting nor a filter of the registry scans pushed images"
