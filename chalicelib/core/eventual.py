"""Services whose reads may be late: right after a change, they may answer what was there before, or that nothing is.

Each with the page on which AWS says so. S3's ACLs, objects and policies of other services are read as they are.
"""

from __future__ import annotations

from datetime import timedelta

_DOCS = "https://docs.aws.amazon.com"
EVENTUAL = {
    "iam": f"{_DOCS}/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
    "organizations": f"{_DOCS}/organizations/latest/userguide/orgs_troubleshoot.html#troubleshoot_general_eventual-consistency",
    # AWS makes an assignment after it has answered the call.
    "sso": f"{_DOCS}/singlesignon/latest/APIReference/API_CreateAccountAssignment.html",
    "ec2": f"{_DOCS}/ec2/latest/devguide/eventual-consistency.html",
    "ecs": f"{_DOCS}/AmazonECS/latest/APIReference/API_RunTask.html",
    "eks": f"{_DOCS}/eks/latest/APIReference/API_UpdateClusterConfig.html",
    # Configurations of buckets.
    "s3": f"{_DOCS}/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel",
    # DescribeTable.
    "dynamodb": f"{_DOCS}/amazondynamodb/latest/APIReference/API_DescribeTable.html",
    "kms": f"{_DOCS}/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency",
    # Attributes of queues, the policy among them.
    "sqs": f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
}
"""By the folder of their guardrails."""
SETTLES_WITHIN = timedelta(minutes=2)
"""How long an old read after a write proves nothing there, for fixes of which no page of AWS has a number of its own.

AWS names no number either: this is ours, as long as the lock on the document lasts. See docs/decisions/0037-settling.md.
"""
