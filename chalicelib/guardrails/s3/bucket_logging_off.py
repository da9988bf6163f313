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
    """S3 bucket without its required access logs.

    This applies to buckets with `logs_to` under `require.buckets` in the settings. Without access logs, nobody can tell
    afterwards who read or deleted which objects. The fix sends the logs to the bucket in `logs_to`. That bucket must be
    in the same account and region and allow S3's log delivery to write. Snapback never requires logs of the log bucket
    itself: it would log its own logs.

    Legitimate look-alikes: buckets covered by CloudTrail data events. Snapback evaluates only buckets with `logs_to`
    under `require.buckets`. The bucket that receives the logs needs none.
    """
    target = aws.baseline.bucket(bucket.id).logs_to
    if target in (None, bucket.id):
        return None
    logging = FIX.read(bucket, aws)["logging"]
    if logging is None:
        return f"it writes no access logs; they must go to {target}"
    found = logging["TargetBucket"]
    return None if found == target else f"its access logs go to {found}, not to {target}"
