from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.refuse_plain_http import RefusePlainHttp, refused
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RefusePlainHttp()


@guardrail(
    severity=Severity.LOW,
    resource=Bucket,
    on=cloudtrail("s3", "CreateBucket", "PutBucketPolicy", "DeleteBucketPolicy"),
    reads=FIX.reads,
    fix=FIX,
    controls=("S3.5", "CIS-5.0 2.1.1"),
    grace=timedelta(minutes=10),
)
def bucket_allows_plain_http(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket that can be used without TLS.

    Whoever listens on the way can read and change what is sent by plain HTTP. The fix adds one statement to the bucket
    policy that denies every request for which `aws:SecureTransport` is false, and leaves the rest of the text as it
    is; a bucket without a policy gets one, which an undo deletes. A policy that has no room for it is only reported.

    A statement for some of the actions, the callers or the objects only doesn't count. S3's website endpoint speaks
    plain HTTP only: for a bucket that serves a website a person is asked first. Exempt it, or put CloudFront before it.

    Legitimate look-alikes: a stack of CloudFormation (CDK, SAM) makes the bucket first and its AWS::S3::BucketPolicy
    later; that fails when there is a policy by then. The guardrail waits, and asks first about a bucket of a stack
    (by AWS's tag `aws:cloudformation:stack-name`) that has no policy.
    """
    state = FIX.read(bucket, aws)
    if state["policy"] is None:
        return "it has no policy that denies requests without TLS"
    return None if refused(state) else "its policy doesn't deny everybody all requests without TLS"
