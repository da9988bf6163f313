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

    The service control policies of the unit that it was in no longer hold it, those of the other do. Compare the two
    units' policies, and move it back if nobody meant this. Control Tower's own moves are left out. Name who may move
    accounts, such as an account factory's role, under `allow.principals`.

    Legitimate look-alikes: Control Tower and account factories, which put each new account in its unit. Control
    Tower's own moves are told apart by the caller, others by `allow.principals`.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    account, begin, end = (event.text(key) or "?" for key in ("accountId", "sourceParentId", "destinationParentId"))
    return f"{event.actor.name} moved account {account} from {begin} to {end}"
