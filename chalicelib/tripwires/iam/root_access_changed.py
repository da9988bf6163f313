from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "EnableOrganizationsRootSessions": "let the management account act as root of member accounts",
    "DisableOrganizationsRootSessions": "stopped the management account from acting as root of member accounts",
    "EnableOrganizationsRootCredentialsManagement": "let the management account manage root credentials of member accounts",
    "DisableOrganizationsRootCredentialsManagement": "let the root users of member accounts manage their own credentials",
}


@tripwire(severity=Severity.HIGH, on=cloudtrail("iam", *_CALLS))
def root_access_changed(event: Event, baseline: Baseline) -> str | None:
    """Centralized root access turned on or off for the organization.

    With root sessions on, the management account and a delegated administrator may act as root of each member account
    (`sts.root_assumed` reports each time). With credential management off, members' root users can have passwords and
    access keys again. Reverse the change if nobody intended this. Name who may do so under `allow.principals`.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management

    Legitimate look-alikes: the day on which you turn centralized root access on. `allow.principals` tells allowed
    callers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    return f"{event.actor.name} {_CALLS[event.name]}"
