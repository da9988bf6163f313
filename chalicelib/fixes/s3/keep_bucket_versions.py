"""S3 versioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket


class KeepBucketVersions(Fix["Bucket"]):
    """Turn the bucket's versioning on again.

    The state is `{"bucket": its name, "versioned", "mfa_delete"}`, the latter two booleans. With MFA delete on, only the
    root user can change it, by an MFA device: nothing to do here.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html
    """

    document = "s3:versioning"
    reads = ("s3:GetBucketVersioning",)
    writes = ("s3:PutBucketVersioning",)
    approval_reads = reads

    def read(self, resource: Bucket, aws: Session) -> State:
        answer = aws.client("s3").get_bucket_versioning(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        return {
            "bucket": resource.id,
            "versioned": answer.get("Status") == "Enabled",
            "mfa_delete": answer.get("MFADelete") == "Enabled",
        }

    def safe(self, state: State, context: FixContext) -> State:
        if state["mfa_delete"] or not context.baseline.bucket(state["bucket"]).versioning:
            return state
        return {**state, "versioned": True}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        aws.client("s3").put_bucket_versioning(
            Bucket=resource.id,
            ExpectedBucketOwner=resource.account,
            VersioningConfiguration={"Status": "Enabled" if state["versioned"] else "Suspended"},
        )

    def needs_approval(self, resource: Bucket, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        answer = aws.client("s3").get_bucket_versioning(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        if "Status" in answer:
            return None
        return "the bucket never had versioning; once on, versioning can be suspended but not removed"
