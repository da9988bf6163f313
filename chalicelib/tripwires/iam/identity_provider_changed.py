from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "CreateSAMLProvider": "made the SAML provider",
    "UpdateSAMLProvider": "gave other metadata or keys to the SAML provider",
    "CreateOpenIDConnectProvider": "made the OpenID Connect provider",
    "UpdateOpenIDConnectProviderThumbprint": "gave other certificates to the OpenID Connect provider",
    "AddClientIDToOpenIDConnectProvider": "added an audience to the OpenID Connect provider",
}
# IAM Identity Center makes and renews its own; AWS itself writes `invokedBy`.
_BUT_IDENTITY_CENTER = {"invokedBy": [{"exists": False}, {"anything-but": ["sso.amazonaws.com"]}]}


@tripwire(severity=Severity.HIGH, on=cloudtrail("iam", *_CALLS, userIdentity=_BUT_IDENTITY_CENTER))
def identity_provider_changed(event: Event, baseline: Baseline) -> str | None:
    """IAM identity provider created or changed by an unknown principal.

    Anyone with a provider's keys decides who signs in, and can assume every role that trusts the provider. Changed
    metadata is lasting access that needs no user and no key. Name the allowed pipeline, by the ARN of its role, under
    `allow.principals`. Delete the provider, or restore its former metadata, if nobody intended this.

    Legitimate look-alikes: EKS clusters and CI create OIDC providers, and SAML metadata is renewed each year.
    `allow.principals` tells allowed callers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    named = (event.text(key) for key in ("name", "sAMLProviderArn", "openIDConnectProviderArn", "url"))
    which = next((name for name in named if name), "") or event.answered("openIDConnectProviderArn") or "?"
    return f"{event.actor.name} {_CALLS[event.name]} {which}"
