from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.keep_bucket_objects import KeepBucketObjects, too_short
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.s3.keep_bucket_objects import Rule

FIX = KeepBucketObjects()


@guardrail(
    severity=Severity.HIGH,
    resource=Bucket,
    # CloudTrail has the API's old name; the new one is there in case that changes.
    on=cloudtrail("s3", "PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
    reads=FIX.reads,
    fix=FIX,
)
def bucket_lifecycle_too_short(bucket: Bucket, aws: Session) -> str | None:
    """S3 lifecycle rule that deletes objects too early.

    This applies to buckets with `keep_days` under `require.buckets` in the settings, such as audit log buckets. A rule
    that deletes objects after a day wipes out the logs without any DeleteObject call. The fix sets the rule's
    expiration to `keep_days`. A rule with a date deletes all its objects on that day: the fix removes the date, and the
    rule too when nothing else is left in it. Other rules, filters, the rest of the rule and the handling of noncurrent
    versions stay. S3 starts to delete within a day. Deleted objects stay deleted unless the bucket has versioning.

    Legitimate look-alikes: rules for scratch space and for incomplete uploads. Snapback evaluates only buckets with
    `keep_days` under `require.buckets`, and only rules that delete current objects.
    """
    days = aws.baseline.bucket(bucket.id).keep_days
    if days is None:
        return None
    found = [rule for rule in FIX.read(bucket, aws)["rules"] or () if too_short(rule, days)]
    return f"{'; '.join(map(_format_rule, found))}; they must be kept for {days} days" if found else None


def _format_rule(rule: Rule) -> str:
    expiration = rule["Expiration"]
    when = f"after {expiration['Days']} days" if "Days" in expiration else f"on {expiration['Date'][:10]}"
    return f"its lifecycle rule {rule.get('ID', 'without a name')} deletes objects {when}"
