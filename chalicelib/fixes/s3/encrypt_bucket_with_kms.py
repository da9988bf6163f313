"""S3 default encryption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket

_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
_OF_AWS = "alias/aws/s3"
"""What KMS encryption without a key means: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html."""


def used(state: State) -> tuple[str, str]:
    """The algorithm and key of new objects; the key is "" where KMS has no part in it."""
    default = (state["rules"] or [{}])[0].get("ApplyServerSideEncryptionByDefault", {})
    algorithm = default.get("SSEAlgorithm", "AES256")
    return algorithm, (default.get("KMSMasterKeyID") or _OF_AWS) if algorithm in _KMS else ""


def as_asked(state: State, baseline: Baseline) -> bool:
    """Whether it is the key that the settings ask for, if they do; S3 keeps the id, ARN or alias as it was given."""
    wanted, (_, found) = baseline.bucket(state["bucket"]).kms_key, used(state)
    if not wanted:
        return wanted is None or found != ""
    if found.startswith("arn:") and wanted.startswith("arn:"):
        return found == wanted
    return _bare(found) == _bare(wanted)


def _bare(key: str) -> str:
    return key.rpartition(":")[2].removeprefix("key/")


class EncryptBucketWithKms(Fix["Bucket"]):
    """Encrypt new objects of the bucket with the KMS key in the settings.

    The state is `{"bucket": its name, "rules": as GetBucketEncryption answers, or None}`. Whether it uses a bucket key,
    and which encryption it refuses, stays. Objects that are there are not encrypted anew.
    """

    document = "s3:encryption"
    reads = ("s3:GetEncryptionConfiguration",)
    writes = ("s3:PutEncryptionConfiguration",)

    def read(self, resource: Bucket, aws: Session) -> State:
        rules: Any = None
        with absent("ServerSideEncryptionConfigurationNotFoundError"):
            answer = aws.client("s3").get_bucket_encryption(Bucket=resource.id, ExpectedBucketOwner=resource.account)
            rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        return {"bucket": resource.id, "rules": rules}

    def safe(self, state: State, context: FixContext) -> State:
        if as_asked(state, context.baseline):
            return state
        (algorithm, _), key = used(state), context.baseline.bucket(state["bucket"]).kms_key
        default = {"SSEAlgorithm": algorithm if algorithm in _KMS else "aws:kms"}
        if key:
            default["KMSMasterKeyID"] = key
        first, *more = state["rules"] or [{}]
        return {**state, "rules": [{**first, "ApplyServerSideEncryptionByDefault": default}, *more]}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        s3 = aws.client("s3")
        if state["rules"] is None:
            s3.delete_bucket_encryption(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        else:
            s3.put_bucket_encryption(
                Bucket=resource.id,
                ExpectedBucketOwner=resource.account,
                ServerSideEncryptionConfiguration={"Rules": state["rules"]},
            )
