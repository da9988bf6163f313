from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.encrypt_bucket_with_kms import EncryptBucketWithKms, as_asked, used
from chalicelib.resources.s3 import EXPOSED, Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EncryptBucketWithKms()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "CreateBucket", "PutBucketEncryption", "DeleteBucketEncryption"), *EXPOSED),
    reads=FIX.reads,
    fix=FIX,
    grace=timedelta(minutes=10),
)
def bucket_encryption_weakened(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket without its required KMS key.

    This applies to buckets with a `kms_key` under `require.buckets` in the settings. Without KMS, or with another key,
    anyone who can read the bucket can read its data. The required key's policy, audit trail and deletion no longer
    protect the data. The fix sets the key again. Objects stored in between keep the encryption they got: encrypt them
    again. Write the key in the settings as your tools give it to S3: an id, an ARN or an alias.

    Legitimate look-alikes: buckets with S3's own keys (SSE-S3). That is AWS's default, and log delivery of load
    balancers needs it. Snapback evaluates only buckets with a `kms_key` under `require.buckets`.
    """
    if aws.baseline.bucket(bucket.id).kms_key is None:
        return None
    state = FIX.read(bucket, aws)
    if as_asked(state, aws.baseline):
        return None
    algorithm, key = used(state)
    return f"it encrypts new objects by {algorithm}" + (f" with {key}" if key else "") + ", not with its required key"
