from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.log_bucket_access import LogBucketAccess
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = LogBucketAccess()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "PutBucketLogging"), SCHEDULED),
    reads=FIX.reads,
    fix=FIX,
)
def bucket_logging_off(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket whose access logs don't go where they must.

    For the buckets that the settings name under `require.buckets` with `logs_to`. Without access logs nobody can tell
    afterwards who read or deleted what. The fix sends them to the bucket that the settings name, which must be of the
    same account and region and let S3's log delivery write. That bucket itself is exempt: it would log its own logs.

    Legitimate look-alikes: buckets that CloudTrail's data events watch. Only buckets that `require.buckets` names
    with `logs_to` are looked at; the bucket that takes the logs is fine without.
    """
    target = aws.baseline.bucket(bucket.id).logs_to
    if target in (None, bucket.id):
        return None
    logging = FIX.read(bucket, aws)["logging"]
    if logging is None:
        return f"it writes no access logs; they must go to {target}"
    found = logging["TargetBucket"]
    return None if found == target else f"its access logs go to {found}, and must go to {target}"
