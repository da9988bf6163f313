"""S3 bucket ACLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.s3.block_public_access import BLOCK_READS, blocks

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket

_EVERYONE = frozenset(f"http://acs.amazonaws.com/groups/global/{group}" for group in ("AllUsers", "AuthenticatedUsers"))


def is_public(grant: dict[str, Any]) -> bool:
    """To anyone, or to anyone with an AWS account: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html."""
    return grant["Grantee"].get("URI") in _EVERYONE


class CloseBucketAcl(Fix["Bucket"]):
    """Remove the grants to everyone from the bucket's ACL, and leave the others."""

    document = "s3:acl"
    reads = ("s3:GetBucketAcl",)
    writes = ("s3:PutBucketAcl",)
    approval_reads = BLOCK_READS

    def read(self, resource: Bucket, aws: Session) -> State:
        acl = aws.client("s3").get_bucket_acl(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        return {"owner": acl["Owner"], "grants": acl["Grants"]}

    def undo_refusal(self, resource: Bucket, target: State, aws: Session) -> str | None:
        if not any(map(is_public, target["grants"])) or "BlockPublicAcls" not in blocks(resource, aws):
            return None
        return "Block Public Access is on, so S3 accepts no public ACL; turn BlockPublicAcls off first"

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "grants": [grant for grant in state["grants"] if not is_public(grant)]}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        aws.client("s3").put_bucket_acl(
            Bucket=resource.id,
            ExpectedBucketOwner=resource.account,
            AccessControlPolicy={"Owner": state["owner"], "Grants": state["grants"]},
        )
