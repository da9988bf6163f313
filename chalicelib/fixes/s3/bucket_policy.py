"""What the fixes of a bucket policy share: how it is read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket


class BucketPolicy(Fix["Bucket"]):
    """The state is `{"account": the bucket's owner, "bucket": its ARN, "policy": its text or None}`."""

    reads = ("s3:GetBucketPolicy",)
    writes = ("s3:PutBucketPolicy", "s3:DeleteBucketPolicy")

    def read(self, resource: Bucket, aws: Session) -> State:
        text = None
        with absent("NoSuchBucketPolicy"):
            answer = aws.client("s3").get_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account)
            text = answer["Policy"]
        return {"account": resource.account, "bucket": resource.arn, "policy": text}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        s3 = aws.client("s3")
        if state["policy"] is None:
            s3.delete_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        else:
            s3.put_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account, Policy=state["policy"])
