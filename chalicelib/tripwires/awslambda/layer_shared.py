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
    """Lambda layer shared with everyone or an unknown account.

    Anyone it is shared with can read the layer's code, and any secret left in it. Accounts in `allow.accounts`, and
    everybody of an organization in `allow.organizations`, are exempt. Remove the permission
    (`lambda:RemoveLayerVersionPermission`). If the layer contained a secret, change the secret and publish a new
    version.

    Legitimate look-alikes: layers for the organization's other accounts and for customers. `allow.accounts` and
    `allow.organizations` tell them apart. Nothing tells apart a layer meant for everybody.
    """
    principal, organization = event.text("principal") or "?", event.text("organizationId")
    account = principal.split(":")[4] if principal.startswith("arn:") and principal.count(":") > 4 else principal  # noqa: PLR2004
    if organization in baseline.allow.organizations or account in {event.account, *baseline.allow.accounts}:
        return None
    with_whom = "everybody" if principal == "*" else f"account {account}"
    told = f"{with_whom} of organization {organization}" if organization else with_whom
    version = dig(event.detail, "requestParameters", "versionNumber")
    return f"{event.actor.name} shared layer {event.text('layerName') or '?'}, version {version}, with {told}"
