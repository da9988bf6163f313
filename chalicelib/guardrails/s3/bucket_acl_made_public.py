from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl, is_public
from chalicelib.resources.s3 import EXPOSED, Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseBucketAcl()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Bucket,
    on=any_of(
        cloudtrail("s3", "CreateBucket", "PutBucketAcl", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls"),
        *EXPOSED,
    ),
    reads=FIX.reads,
    fix=FIX,
    controls=("S3.2", "S3.3", "S3.12"),
)
def bucket_acl_made_public(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket ACL open to everyone.

    Anyone on the internet, or anyone with an AWS account, may list, write or re-share the bucket as the grants say.
    The fix takes those grants off and leaves every other. Exempt buckets that are public on purpose; a public website
    is better served by a bucket policy or by CloudFront.
    """
    grants = [grant for grant in FIX.read(bucket, aws)["grants"] if is_public(grant)]
    if not grants:
        return None
    rights = sorted({f"{grant['Permission']} to {grant['Grantee']['URI'].rsplit('/', 1)[-1]}" for grant in grants})
    return f"its ACL grants {', '.join(rights)}"
