from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_BUT_CONTROL_TOWER = {"invokedBy": [{"exists": False}, {"anything-but": ["controltower.amazonaws.com"]}]}


@tripwire(
    severity=Severity.HIGH,
    on=cloudtrail("organizations", "MoveAccount", userIdentity=_BUT_CONTROL_TOWER),
)
def account_moved(event: Event, baseline: Baseline) -> str | None:
    """Account moved to another organizational unit.

    The service control policies of its former unit no longer apply; those of the new unit do. Compare the two units'
    policies, and move the account back if nobody intended this. Snapback ignores Control Tower's own moves. Name who
    may move accounts, such as an account factory's role, under `allow.principals`.

    Legitimate look-alikes: Control Tower and account factories, which move each new account to its unit. The caller
    tells Control Tower's own moves apart, and `allow.principals` tells others.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    account, begin, end = (event.text(key) or "?" for key in ("accountId", "sourceParentId", "destinationParentId"))
    return f"{event.actor.name} moved account {account} from {begin} to {end}"
