"""Policies that allow on everything what they should allow on named things, and what else of their holders counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import judged
from chalicelib.analysis.policy_reach import why_broad
from chalicelib.core.snapback_resources import is_ours
from chalicelib.fixes.iam.detach_admin_policies import attached
from chalicelib.fixes.iam.drop_escalating_statements import DropEscalatingStatements
from chalicelib.resources.iam.identities import kept_by_aws

if TYPE_CHECKING:
    from chalicelib.analysis.escalation_paths import Path
    from chalicelib.core.session import Session
    from chalicelib.resources.iam.identities import Identity
    from chalicelib.resources.iam.managed_policies import ManagedPolicy

POLICY_READS = ("iam:GetPolicy", "iam:GetPolicyVersion")
INLINE_READS = (*DropEscalatingStatements.reads, "iam:GetGroup")
"""IAM actions that the two functions need."""


def why_policy_is_broad(policy: ManagedPolicy, calls: tuple[Path, ...], aws: Session) -> str | None:
    """Of its default version. One that is a permissions boundary only gives nothing to anybody."""
    described = policy.described(aws)
    if not described["AttachmentCount"] and described.get("PermissionsBoundaryUsageCount"):
        return None
    text = policy.text(aws)
    why = judged(why_broad({"": text}, calls, account=policy.account), text)
    return f"in its default version {described['DefaultVersionId']}, {why}" if why else None


def why_inline_is_broad(identity: Identity, calls: tuple[Path, ...], aws: Session) -> str | None:
    """Of its inline policies; attached ones and a boundary, which may deny it, are read only where these allow it."""
    inline = identity.inline(aws)
    if not judged(why_broad(inline, calls, account=identity.account), *inline.values()):
        return None
    described = identity.described(aws)
    if is_ours(aws.baseline, identity.arn) or aws.baseline.principal(described["Arn"]) or kept_by_aws(described):
        return None
    return why_broad(inline, calls, attached(identity, aws), identity.boundary(aws), identity.account)
