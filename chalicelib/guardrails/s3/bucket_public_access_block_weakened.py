from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.block_public_access import BlockBucketPublicAccess, off
from chalicelib.resources.s3 import EXPOSED, Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = BlockBucketPublicAccess()


@guardrail(
    severity=Severity.HIGH,
    resource=Bucket,
    on=any_of(
        cloudtrail("s3", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock", "CreateBucket"), *EXPOSED
    ),
    reads=FIX.reads,
    fix=FIX,
    controls=("S3.8", "CIS-5.0 2.1.4"),
)
def bucket_public_access_block_weakened(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket without full Block Public Access.

    Block Public Access keeps a wrong ACL or policy from opening the bucket to everyone. New buckets have all four
    settings on. With one off, the next mistake is public. The fix turns on all four. This also blocks callers who reach
    the bucket through a public ACL or policy today. Exempt buckets that are public on purpose.

    Legitimate look-alikes: buckets of public websites. Nothing in the setting tells them from a mistake: exempt them,
    or serve them through CloudFront. The account's own block doesn't replace the bucket's.
    """
    state = FIX.read(bucket, aws)
    if state["block"] is None:
        return "it has no Block Public Access"
    flags = off(state)
    return f"its Block Public Access has {', '.join(flags)} off" if flags else None
