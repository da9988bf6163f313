"""S3 bucket policies: no request without TLS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_document import append, statements
from chalicelib.analysis.policy_tls import refuses_plain_http
from chalicelib.fixes.s3.bucket_policy import BucketPolicy
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.rule import FixContext
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket

MOST_BYTES = 20 * 1024
"""Of a bucket policy: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html."""


def refused(state: State) -> bool:
    """Whether every request to the bucket and to its objects must come by TLS."""
    everything = [("s3:~", state["bucket"]), ("s3:~", f"{state['bucket']}/~")]
    return refuses_plain_http(state["policy"], everything)


class RefusePlainHttp(BucketPolicy):
    """Add a bucket policy statement that denies requests without TLS, and leave every other byte.

    A policy that would become larger than AWS takes is left as it is, and so is what can't be read.
    """

    approval_reads = ("s3:GetBucketWebsite", "s3:GetBucketTagging")

    def safe(self, state: State, context: FixContext) -> State:
        if refused(state):
            return state
        text, arn = state["policy"], state["bucket"]
        denial: dict[str, Any] = {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        if any(each.raw.get("Sid") == denial["Sid"] for each in statements(text)):
            del denial["Sid"]  # A Sid may stand in a policy once only.
        if text is None:
            return {**state, "policy": json.dumps({"Version": "2012-10-17", "Statement": [denial]})}
        try:
            policy = append(text, denial)
        except ValueError:
            return state
        return {**state, "policy": policy} if len(policy.encode()) <= MOST_BYTES else state

    def needs_approval(self, resource: Bucket, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        """The website endpoint knows no TLS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html."""
        with absent("NoSuchWebsiteConfiguration"):
            aws.client("s3").get_bucket_website(Bucket=resource.id, ExpectedBucketOwner=resource.account)
            return "it serves a website; S3's website endpoint speaks plain HTTP only, so the site would stop"
        stack = resource.tags(aws).get("aws:cloudformation:stack-name") if before["policy"] is None else None
        if stack:
            return f"CloudFormation's stack {stack} created it, and can't add an AWS::S3::BucketPolicy if the bucket already has a policy"
        return None
