from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.rolesanywhere.disable_trust_anchor import DisableTrustAnchor
from chalicelib.resources.rolesanywhere import TrustAnchor

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DisableTrustAnchor()


@guardrail(
    severity=Severity.HIGH,
    resource=TrustAnchor,
    on=cloudtrail("rolesanywhere", "CreateTrustAnchor", "EnableTrustAnchor", "UpdateTrustAnchor"),
    reads=FIX.reads,
    fix=FIX,
)
def trust_anchor_enabled(anchor: TrustAnchor, aws: Session) -> str | None:
    """IAM Roles Anywhere trusts a certificate authority that isn't known.

    Whoever has a certificate of it can assume every role that trusts Roles Anywhere and doesn't ask by which anchor:
    intruders make their own authority, since its sessions need no key and no user. The fix disables the trust anchor
    and keeps it; sessions that have begun go on until they expire. Name yours, by ARN, under `allow.principals`
    (`arn:aws:rolesanywhere:*:*:trust-anchor/…`). The certificates of a known one are not looked at.

    Legitimate look-alikes: anchors of your own certificate authority, AWS Private CA too. They are told apart by
    `allow.principals` alone.
    """
    described = anchor.described(aws)
    if not described["enabled"] or aws.baseline.principal(anchor.arn):
        return None
    source = described.get("source", {}).get("sourceType", "an unknown source")
    return f"the trust anchor {described['name']} ({source}) is enabled, and not known"
