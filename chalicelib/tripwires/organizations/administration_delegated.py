from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.HIGH,
    on=cloudtrail("organizations", "RegisterDelegatedAdministrator", "PutResourcePolicy"),
)
def administration_delegated(event: Event, baseline: Baseline) -> str | None:
    """Organization administration delegated to an account.

    An account other than the management account now administers a service in all accounts (StackSets, IAM, Security Hub
    …). Or the organization's resource policy lets it read and change policies. Anyone in control of that account has a
    way into all others. Deregister it, or restore the policy, if nobody intended this. Name who may delegate under
    `allow.principals`.

    Legitimate look-alikes: the set-up of an organization. Security Hub, GuardDuty, IPAM and others each need a
    delegated administrator once. `allow.principals` tells allowed callers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    if event.name == "PutResourcePolicy":
        return f"{event.actor.name} rewrote the organization's delegation policy"
    account, service = (event.text(key) or "?" for key in ("accountId", "servicePrincipal"))
    return f"{event.actor.name} made account {account} administrator of {service}"
