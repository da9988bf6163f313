"""Events that are AWS's services' own, and no CloudTrail records: ECR's, GuardDuty's, Inspector's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.fixes.ecr.quarantine_image import quarantined
from tests.e2e.day import when
from tests.e2e.emulator import Account, Broken
from tests.guardrails.ec2.test_instance_exploitable_from_internet import hole, way
from tests.guardrails.ecr.registry import image, pushed
from tests.guardrails.iam.test_sessions_stolen import TRUST, finding
from tests.support.events import native_event

if TYPE_CHECKING:
    from tests.e2e.day import Day

REPOSITORY, ROLE = "lib/web", "e2e-app"


def native_events(day: Day) -> None:
    """A push, a scan, a stolen session, and an exploitable instance."""
    account: Any = Account(day.emulator)
    ecr, iam = account.client("ecr"), account.client("iam")
    ecr.create_repository(repositoryName=REPOSITORY)
    pushed_as_latest = image(account, "latest", "v1", name=REPOSITORY)
    with_holes = image(account, "v2", content=b"another program", name=REPOSITORY)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    holes = {"findingSeverityCounts": {"CRITICAL": 2}, "findings": []}
    day.emulator.scanners_found(hole(), way(), **{with_holes.removeprefix("sha256:"): holes})
    sent = {
        "ecr.release_tag_forbidden": pushed(pushed_as_latest, "latest", REPOSITORY),
        "ecr.image_with_critical_findings": _scanned(with_holes),
        "iam.sessions_stolen": finding(userName=ROLE),
        "ec2.instance_exploitable_from_internet": native_event("inspector2", "Inspector2 Finding", hole()),
    }
    put = {guardrail: day.emulator.put(event) for guardrail, event in sent.items()}
    for guardrail, at in put.items():
        wanted = "alerted" if guardrail.endswith("from_internet") else "fixed"
        record = day.become(guardrail, wanted)
        day.took("native event to fix or alert", when(record, wanted) - at)
        day.hear(record.id, 1)
    tags = {
        each["imageDigest"]: each.get("imageTags", [])
        for each in ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    }
    if tags != {pushed_as_latest: ["v1"], with_holes: [quarantined(with_holes)]}:
        raise Broken(f"the images have the tags {tags}")
    if not iam.list_role_policies(RoleName=ROLE)["PolicyNames"]:
        raise Broken("the role's sessions are not revoked")


def _scanned(digest: str) -> Any:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html."""
    counts = {"CRITICAL": 2}
    told = {"scan-status": "COMPLETE", "repository-name": REPOSITORY, "image-digest": digest, "image-tags": ["v2"]}
    return native_event("ecr", "ECR Image Scan", {**told, "finding-severity-counts": counts})
