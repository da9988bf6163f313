"""What the fixes of a bucket policy share: how it is read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import PolicyFix
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket


class BucketPolicy(PolicyFix["Bucket"]):
    """The state has the bucket's ARN besides, as `bucket`."""

    document = "s3:bucket-policy"
    reads = ("s3:GetBucketPolicy",)
    writes = ("s3:PutBucketPolicy", "s3:DeleteBucketPolicy")

    def facts(self, resource: Bucket) -> State:
        return {**super().facts(resource), "bucket": resource.arn}

    def get_policy(self, resource: Bucket, aws: Session) -> str | None:
        with absent("NoSuchBucketPolicy"):
            answer = aws.client("s3").get_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account)
            return answer["Policy"]
        return None

    def put_policy(self, resource: Bucket, text: str, aws: Session) -> None:
        s3 = aws.client("s3")
        s3.put_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account, Policy=text)

    def delete_policy(self, resource: Bucket, aws: Session) -> None:
        aws.client("s3").delete_bucket_policy(Bucket=resource.id, ExpectedBucketOwner=resource.account)
