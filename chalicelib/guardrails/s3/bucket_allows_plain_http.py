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
    """S3 bucket that accepts requests without TLS.

    Anyone on the network path can read and change requests sent over plain HTTP. The fix adds one statement to the
    bucket policy and leaves the rest of the text as it is. The statement denies every request for which
    `aws:SecureTransport` is false. A bucket without a policy gets one; an undo deletes it. When the statement doesn't
    fit into the policy, Snapback only reports the bucket.

    A statement that covers only some actions, callers or objects doesn't count. S3's website endpoint speaks plain HTTP
    only, so Snapback asks before it fixes a bucket that serves a website. Exempt such a bucket, or put CloudFront in
    front of it.

    Legitimate look-alikes: CloudFormation stacks (CDK, SAM) create the bucket first and its AWS::S3::BucketPolicy
    later. That second step fails if the bucket already has a policy. The guardrail waits ten minutes. If a bucket of a
    stack (AWS's tag `aws:cloudformation:stack-name`) still has no policy, Snapback asks first.
    """
    state = FIX.read(bucket, aws)
    if state["policy"] is None:
        return "it has no policy that denies requests without TLS"
    return None if refused(state) else "its policy doesn't deny all requests without TLS"
