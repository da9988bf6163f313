from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.weakening import why_weaker
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "ArchiveFindings": "archived findings",
    "CreateFilter": "made a filter that archives findings",
    "CreateIPSet": "added a list of trusted addresses",
    "CreateTrustedEntitySet": "added a list of trusted addresses and domains",
    "DeleteDetector": "switched GuardDuty off",
    "DeleteMembers": "removed member accounts from central administration",
    "DisableOrganizationAdminAccount": "removed the organization's administrator",
    "DisassociateFromAdministratorAccount": "left central administration",
    "DisassociateFromMasterAccount": "left central administration",
    "DisassociateMembers": "removed member accounts from central administration",
    "StopMonitoringMembers": "stopped monitoring member accounts",
    "UpdateDetector": "changed what GuardDuty monitors",
    "UpdateFilter": "changed a filter that archives findings",
    "UpdateIPSet": "changed a list of trusted addresses",
    "UpdateMemberDetectors": "changed what GuardDuty monitors in member accounts",
    "UpdateOrganizationConfiguration": "changed what GuardDuty monitors in new accounts",
    "UpdateTrustedEntitySet": "changed a list of trusted addresses and domains",
}

_SETTINGS = {"UpdateDetector", "UpdateMemberDetectors", "UpdateOrganizationConfiguration"}


@tripwire(severity=Severity.HIGH, on=cloudtrail("guardduty", *_CALLS))
def detection_weakened(event: Event, baseline: Baseline) -> str | None:
    """GuardDuty turned off or weakened.

    Guardrails that answer GuardDuty's findings (stolen sessions, exposed keys, compromised instances) need those
    findings. A detector that is off, a filter that archives or a trusted address hides them. Turn detection on again,
    and check what happened in between. Name who may administer GuardDuty under `allow.principals`. Snapback ignores
    filters that archive nothing and updates that turn nothing off.

    Legitimate look-alikes: the security team's trusted addresses, and filters for known noise. `allow.principals` and
    `allow.deployers` tell allowed callers apart.
    """
    archives = dict.fromkeys(("CreateFilter", "UpdateFilter"), lambda each: each.text("action") == "ARCHIVE")
    return why_weaker(event, baseline, _CALLS, archives, _SETTINGS)
