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
    """S3 bucket that must have versioning, and hasn't.

    For the buckets that the settings name under `require.buckets` with `versioning`. Without it, whoever deletes or
    overwrites an object destroys it: ransomware suspends it first. The fix turns it on again. What was overwritten in
    between is lost. A bucket that never had versioning is reported when the daily sweep comes by, and a person is asked
    first, since it can then only be suspended. With MFA delete on, only root can change it, so it is only reported.

    Legitimate look-alikes: buckets for scratch space and logs. Only buckets that `require.buckets` names with
    `versioning` are looked at.
    """
    if not aws.baseline.bucket(bucket.id).versioning or FIX.read(bucket, aws)["versioned"]:
        return None
    return "its versioning is off"
