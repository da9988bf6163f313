from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("lambda", "AddLayerVersionPermission"))
def layer_shared(event: Event, baseline: Baseline) -> str | None:
    """Lambda layer shared with an account that isn't known, or with everybody.

    Whoever is let in can read the layer's code, and what was left in it. Accounts in `allow.accounts`, and everybody of an
    organization in `allow.organizations`, are exempt. Take the permission away (`lambda:RemoveLayerVersionPermission`), and
    publish the version anew where a secret was in it.

    Legitimate look-alikes: layers for the organization's other accounts and for customers. They are told apart by
    `allow.accounts` and `allow.organizations`; a layer that is for everybody is not.
    """
    principal, organization = event.text("principal") or "?", event.text("organizationId")
    account = principal.split(":")[4] if principal.startswith("arn:") and principal.count(":") > 4 else principal  # noqa: PLR2004
    if organization in baseline.allow.organizations or account in {event.account, *baseline.allow.accounts}:
        return None
    with_whom = "everybody" if principal == "*" else f"account {account}"
    told = f"{with_whom} of organization {organization}" if organization else with_whom
    version = dig(event.detail, "requestParameters", "versionNumber")
    return f"{event.actor.name} shared layer {event.text('layerName') or '?'}, version {version}, with {told}"
