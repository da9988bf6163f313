from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.keep_bucket_versions import KeepBucketVersions
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = KeepBucketVersions()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "PutBucketVersioning"), SCHEDULED),
    reads=FIX.reads,
    fix=FIX,
)
def bucket_versioning_suspended(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket without its required versioning.

    This applies to buckets with `versioning` under `require.buckets` in the settings. Without versioning, anyone who
    deletes or overwrites an object destroys it. Ransomware suspends versioning first. The fix turns it on again.
    Objects overwritten in between are lost. The daily sweep reports a bucket that never had versioning; Snapback asks
    before it fixes one, because versioning can then only be suspended, never removed. With MFA delete on, only the root
    user can change versioning, so Snapback only reports it.

    Legitimate look-alikes: buckets for scratch space and logs. Snapback evaluates only buckets with `versioning` under
    `require.buckets`.
    """
    if not aws.baseline.bucket(bucket.id).versioning or FIX.read(bucket, aws)["versioned"]:
        return None
    return "its versioning is off"
