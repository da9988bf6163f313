"""Trust anchors of IAM Roles Anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.rolesanywhere import TrustAnchor


class DisableTrustAnchor(Fix["TrustAnchor"]):
    """Disable the trust anchor, and keep it. Its certificates get no new sessions."""

    document = "rolesanywhere:trust-anchor"
    reads = ("rolesanywhere:GetTrustAnchor",)
    writes = ("rolesanywhere:DisableTrustAnchor", "rolesanywhere:EnableTrustAnchor")
    undo_writes = ("rolesanywhere:EnableTrustAnchor",)

    def read(self, resource: TrustAnchor, aws: Session) -> State:
        return {"enabled": resource.described(aws)["enabled"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "enabled": False}

    def write(self, resource: TrustAnchor, state: State, aws: Session) -> None:
        client = aws.client("rolesanywhere")
        switch = client.enable_trust_anchor if state["enabled"] else client.disable_trust_anchor
        switch(trustAnchorId=resource.id)
