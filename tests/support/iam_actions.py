"""Which IAM action an API call needs, where it isn't `<service>:<operation>`.

Source: the Service Authorization Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snapback.deploy.dependents import DOCUMENTED, GRANTS, LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.calls import Call

_OTHERWISE = {
    "ecr:ListImageReferrers": "ecr:BatchGetImage",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3-control:TagResource": "s3:TagResource",
    "s3-control:UntagResource": "s3:UntagResource",
    "s3-control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "s3-control:PutPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "s3-control:DeletePublicAccessBlock": "s3:PutAccountPublicAccessBlock",
}

_PREFIXES = {"eventbridge": "events", "sso-admin": "sso", "auto-scaling": "autoscaling"}
_PREFIXES |= {"secrets-manager": "secretsmanager", "config-service": "config"}
_PREFIXES |= {"dynamodb-streams": "dynamodb", "efs": "elasticfilesystem"}
_PREFIXES |= dict.fromkeys(("elastic-load-balancing", "elastic-load-balancing-v2"), "elasticloadbalancing")


def needed_by(service: str, operation: str) -> str:
    return _OTHERWISE.get(f"{service}:{operation}", f"{_PREFIXES.get(service, service)}:{operation}")


def actions_of(calls: Iterable[Call]) -> set[str]:
    needed = {needed_by(call.service, call.operation) for call in calls}
    return needed.union(*map(also_needed, needed))


def also_needed(action: str) -> frozenset[str]:
    """What else a call needs by AWS's pages, which fixes declare; what has a Grant is granted without."""
    service = action.partition(":")[0]
    return frozenset(
        each for each in DOCUMENTED.get(action, ()) if (action, each) not in LEFT_OUT and (service, each) not in GRANTS
    )


def operations_for(action: str) -> list[str]:
    """The operations that an action allows."""
    others = [call.partition(":")[2] for call, needed in _OTHERWISE.items() if needed == action]
    return others or [action.partition(":")[2]]
