"""S3 server access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket


class LogBucketAccess(Fix["Bucket"]):
    """Send the bucket's access logs to the bucket in the settings.

    The state is `{"bucket": its name, "logging": as GetBucketLogging answers, or None}`. The prefix and the layout of
    the logs' names stay if there are any; grants on the logs go, as they were for another bucket.
    """

    document = "s3:logging"
    reads = ("s3:GetBucketLogging",)
    writes = ("s3:PutBucketLogging",)

    def read(self, resource: Bucket, aws: Session) -> State:
        answer = aws.client("s3").get_bucket_logging(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        return {"bucket": resource.id, "logging": answer.get("LoggingEnabled") or None}

    def safe(self, state: State, context: FixContext) -> State:
        target, now = context.baseline.bucket(state["bucket"]).logs_to, state["logging"] or {}
        if target in (None, state["bucket"], now.get("TargetBucket")):
            return state
        kept = {key: value for key, value in now.items() if key != "TargetGrants"}
        return {**state, "logging": {"TargetPrefix": f"{state['bucket']}/", **kept, "TargetBucket": target}}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        aws.client("s3").put_bucket_logging(
            Bucket=resource.id,
            ExpectedBucketOwner=resource.account,
            BucketLoggingStatus={"LoggingEnabled": state["logging"]} if state["logging"] else {},
        )
