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
    # By the API's old name; the new one in case that changes.
    on=cloudtrail("s3", "PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
    reads=FIX.reads,
    fix=FIX,
)
def bucket_lifecycle_too_short(bucket: Bucket, aws: Session) -> str | None:
    """S3 lifecycle rule that deletes what must be kept.

    For the buckets that the settings name under `require.buckets` with `keep_days`, such as those of the audit trail. A
    rule that deletes objects after a day wipes out the logs, and no call of DeleteObject is ever seen. The fix gives
    the rule the days that the settings name; a rule with a date, which deletes whatever there is on that day, loses it,
    and goes when nothing else is left of it. Other rules, filters and the rest of the rule stay, and so does what the
    rule does to noncurrent versions. S3 begins to delete within a day, and what it has deleted stays deleted, unless
    the bucket has versioning.

    Legitimate look-alikes: rules for scratch space and for parts of uploads. Only buckets that `require.buckets`
    names with `keep_days` are looked at, and of their rules only what deletes current objects.
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
