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
    """S3 bucket without the KMS key that it must have.

    For the buckets that the settings name under `require.buckets` with a `kms_key`. Without KMS, or with another key,
    whoever may read the bucket may read its data: the key's policy, the key's trail and the key's deletion protect it
    no more. The fix sets the key again; what was stored in between keeps the encryption that it got, so encrypt it
    anew. Write the key in the settings as your tools give it to S3, be it an id, an ARN or an alias.

    Legitimate look-alikes: buckets with S3's own keys (SSE-S3), as AWS makes all of them, and as log delivery of
    load balancers needs. Only buckets that `require.buckets` names with a `kms_key` are looked at.
    """
    if aws.baseline.bucket(bucket.id).kms_key is None:
        return None
    state = FIX.read(bucket, aws)
    if as_asked(state, aws.baseline):
        return None
    algorithm, key = used(state)
    return (
        f"it encrypts new objects by {algorithm}" + (f" with {key}" if key else "") + ", not with the key it must have"
    )
