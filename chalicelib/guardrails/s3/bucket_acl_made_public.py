from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Graded, Severity
from chalicelib.fixes.s3.block_public_access import BLOCK_READS, blocks
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
    reads=(*FIX.reads, *BLOCK_READS),
    fix=FIX,
)
def bucket_acl_made_public(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket ACL open to everyone.

    The ACL's grants let anyone on the internet, or anyone with an AWS account, list, write or re-share the bucket. The
    fix removes those grants and keeps all others. Exempt buckets that are public on purpose. For a public website, a
    bucket policy or CloudFront is better than an ACL.

    Legitimate look-alikes: grants behind Block Public Access. With IgnorePublicAcls on, for the bucket or the account,
    S3 ignores such grants. They open the bucket when the block is removed, so the finding has low severity and says so.
    While BlockPublicAcls is on, S3 accepts no public ACL, and Snapback refuses the undo before it starts.
    """
    grants = [grant for grant in FIX.read(bucket, aws)["grants"] if is_public(grant)]
    if not grants:
        return None
    rights = sorted({f"{grant['Permission']} to {grant['Grantee']['URI'].rsplit('/', 1)[-1]}" for grant in grants})
    reason = f"its ACL grants {', '.join(rights)}"
    if "IgnorePublicAcls" in blocks(bucket, aws):
        return Graded(f"{reason}; Block Public Access makes S3 ignore that", Severity.LOW)
    return reason
