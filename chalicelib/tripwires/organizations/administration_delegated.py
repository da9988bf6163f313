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
    """Administration of the organization delegated to an account.

    An account outside of management now rules a service in all accounts (StackSets, IAM, Security Hub …), or, by the
    organization's resource policy, reads and changes policies. Whoever holds that account has a way into all others.
    Deregister it, or take the policy back, if nobody meant this. Name who may delegate under `allow.principals`.

    Legitimate look-alikes: the set-up of an organization: Security Hub, GuardDuty, IPAM and others ask for a
    delegated administrator once each. Who may delegate is told apart by `allow.principals`.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    if event.name == "PutResourcePolicy":
        return f"{event.actor.name} rewrote the organization's delegation policy"
    account, service = (event.text(key) or "?" for key in ("accountId", "servicePrincipal"))
    return f"{event.actor.name} made account {account} administrator of {service}"
