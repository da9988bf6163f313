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
    """Unknown certificate authority trusted by IAM Roles Anywhere.

    Anyone with a certificate from this authority can assume every role that trusts Roles Anywhere without naming an
    anchor. Intruders create their own authority, because its sessions need no key and no user. The fix disables the
    trust anchor and keeps it. Sessions that have begun last until they expire. Name your anchors, by ARN, under
    `allow.principals` (`arn:aws:rolesanywhere:*:*:trust-anchor/…`). Snapback doesn't check the certificates of a known
    anchor.

    Legitimate look-alikes: anchors of your own certificate authority, AWS Private CA included. Only `allow.principals`
    tells them apart.
    """
    described = anchor.described(aws)
    if not described["enabled"] or aws.baseline.principal(anchor.arn):
        return None
    source = described.get("source", {}).get("sourceType", "an unknown source")
    return f"the unknown trust anchor {described['name']} ({source}) is enabled"
