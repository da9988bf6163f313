"""What AWS's pages say of identity policies: whether whoever holds one is administrator."""

from __future__ import annotations

from typing import Any

from tests.analysis.policy_pages import BUCKET, IAM, OBJECTS, OWN


def identity(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


AWS = "arn:aws:iam::aws:policy/"
DENY = {"Effect": "Deny"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": True}, "DateGreaterThan": {"aws:CurrentTime": "2017-07-01T00:00:00Z"}}
BUCKET_ALONE = [
    identity("s3:*", [BUCKET, OBJECTS]),
    {**DENY, "NotAction": "s3:*", "NotResource": [BUCKET, OBJECTS]},
]

IDENTITY_PAGES: dict[str, list[tuple[str, list[dict[str, Any]], bool]]] = {
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess.html": [
        ("everything", [identity("*")], True),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/IAMFullAccess.html": [
        ("all of IAM", [identity(["iam:*", "organizations:Describe*"])], True),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/PowerUserAccess.html": [
        (
            "all but IAM",
            [
                {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
                identity(["iam:CreateServiceLinkedRole", "iam:ListRoles"]),
            ],
            False,
        ),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/ReadOnlyAccess.html": [
        ("reading", [identity(["iam:Get*", "iam:List*", "s3:Get*"])], False),
    ],
    f"{IAM}reference_policies_elements_notaction.html": [
        ("all but a service is all the rest", [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ("with Deny it allows nothing", [{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], False),
    ],
    f"{IAM}reference_policies_evaluation-logic_policy-eval-denyallow.html": [
        ("all denied again", [identity("*"), identity("*") | {"Effect": "Deny"}], False),
        ("IAM denied", [identity("*"), identity("iam:*") | {"Effect": "Deny"}], False),
        ("a bucket denied", [identity("*"), identity("*", BUCKET) | {"Effect": "Deny"}], True),
    ],
    f"{IAM}reference_policies_examples_iam_limit-managed.html": [
        (
            "policies that may be attached, none of which makes administrator",
            [
                identity(["iam:CreateUser", "iam:DeleteUser", "iam:ListPolicies"]),
                identity(
                    ["iam:AttachUserPolicy", "iam:DetachUserPolicy"],
                    Condition={
                        "ArnEquals": {"iam:PolicyARN": [f"arn:aws:iam::{OWN}:policy/app", f"{AWS}ReadOnlyAccess"]}
                    },
                ),
            ],
            False,
        ),
        (
            "all of IAM, by policies none of which makes administrator",
            [identity("iam:*", Condition={"ArnEquals": {"iam:PolicyARN": f"{AWS}ReadOnlyAccess"}})],
            False,
        ),
        (
            "all of IAM, by the policy that makes administrator",
            [
                identity(
                    "iam:*",
                    Condition={"ArnEquals": {"iam:PolicyARN": [f"{AWS}ReadOnlyAccess", f"{AWS}AdministratorAccess"]}},
                )
            ],
            True,
        ),
    ],
    f"{IAM}reference_policies_examples_aws_mfa-dates.html": [
        ("a service, with MFA", [identity(["ec2:*", "s3:GetObject"], Condition=MFA)], False),
        ("everything, with MFA", [identity("*", Condition=MFA)], True),
        (
            "everything, for some months",
            [identity("*", Condition={"DateLessThan": {"aws:CurrentTime": "2030-12-31T23:59:59Z"}})],
            True,
        ),
    ],
    f"{IAM}reference_policies_examples_aws_deny-ip.html": [
        (
            "everything, but from other addresses",
            [
                identity("*"),
                identity(
                    "*",
                    Condition={
                        "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
                        "Bool": {"aws:ViaAWSService": "false"},
                    },
                )
                | DENY,
            ],
            True,
        ),
    ],
    f"{IAM}reference_policies_examples_aws_deny-requested-region.html": [
        (
            "everything, where other regions are denied",
            [
                identity("*"),
                {
                    **DENY,
                    "NotAction": ["cloudfront:*", "iam:*", "route53:*", "support:*"],
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
                },
            ],
            True,
        ),
    ],
    f"{IAM}reference_policies_examples_s3_deny-except-bucket.html": [
        ("a bucket, and all else denied", BUCKET_ALONE, False),
        ("a bucket, and all else denied, beside everything", [identity("*"), *BUCKET_ALONE], False),
    ],
    f"{IAM}access_policies_boundaries.html": [
        ("three services", [identity(["s3:*", "cloudwatch:*", "ec2:*"])], False),
        ("users made", [identity("iam:CreateUser")], False),
        (
            "a boundary for users: services, and their own credentials",
            [
                identity(["s3:*", "cloudwatch:*", "ec2:*", "dynamodb:*"]),
                identity(["iam:ListUsers", "iam:GetAccountPasswordPolicy"]),
                identity(
                    ["iam:*AccessKey*", "iam:ChangePassword", "iam:GetUser"], "arn:aws:iam::*:user/${aws:username}"
                ),
                identity("s3:*", [BUCKET, OBJECTS]) | DENY,
            ],
            False,
        ),
        (
            "users made with a boundary only",
            [
                identity(
                    ["iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"],
                    Condition={
                        "StringEquals": {"iam:PermissionsBoundary": f"arn:aws:iam::{OWN}:policy/XCompanyBoundaries"}
                    },
                ),
                identity("iam:DeleteUserPermissionsBoundary") | DENY,
            ],
            False,
        ),
        (
            "all of IAM, for one whom a boundary holds",
            [identity("iam:*"), identity("s3:ListBucket", BUCKET)],
            True,
        ),
    ],
    f"{IAM}reference_policies_condition-keys.html": [
        (
            "all of IAM, for whoever has a tag",
            [identity("iam:*", Condition={"StringEquals": {"aws:PrincipalTag/tagManager": "true"}})],
            True,
        ),
        (
            "IAM's reading, for whoever has a tag",
            [identity(["iam:Get*", "iam:List*"], Condition={"StringEquals": {"aws:PrincipalTag/department": "hr"}})],
            False,
        ),
        (
            "all denied over HTTP",
            [identity("*"), identity("*", Condition={"Bool": {"aws:SecureTransport": "false"}}) | DENY],
            True,
        ),
        (
            "all denied where it is told whether it goes over TLS, as it always is",
            [identity("*"), identity("*", Condition={"Null": {"aws:SecureTransport": "false"}}) | DENY],
            False,
        ),
        (
            "all denied where that isn't told, which is never",
            [identity("*"), identity("*", Condition={"Null": {"aws:SecureTransport": "true"}}) | DENY],
            True,
        ),
        (
            "all denied to sessions from a chat",
            [
                identity("*"),
                identity(
                    "*", Condition={"ArnLike": {"aws:ChatbotSourceArn": "arn:aws:chatbot::*:chat-configuration/*"}}
                )
                | DENY,
            ],
            True,
        ),
        (
            "all denied with the first version of the metadata service",
            [identity("*"), identity("*", Condition={"NumericLessThan": {"ec2:RoleDelivery": "2.0"}}) | DENY],
            True,
        ),
    ],
    f"{IAM}reference_policies_elements_condition_operators.html": [
        (
            "access keys, by whoever has a tag",
            [
                identity(
                    "iam:*AccessKey*", Condition={"StringEquals": {"aws:PrincipalTag/job-category": "iamuser-admin"}}
                )
            ],
            False,
        ),
        ("EC2 with long-term keys", [identity("ec2:*", Condition={"Null": {"aws:TokenIssueTime": "true"}})], False),
        ("everything with long-term keys", [identity("*", Condition={"Null": {"aws:TokenIssueTime": "true"}})], True),
    ],
    f"{IAM}reference_policies_elements_notresource.html": [
        (
            "everything on all but a bucket",
            [{"Effect": "Allow", "Action": "*", "NotResource": [BUCKET, OBJECTS]}],
            True,
        ),
        (
            "S3 on all but a bucket",
            [{"Effect": "Allow", "Action": "s3:*", "NotResource": [BUCKET, OBJECTS]}],
            False,
        ),
        (
            "everything, where all but a bucket is denied",
            [identity("*"), {**DENY, "Action": "*", "NotResource": [BUCKET, OBJECTS]}],
            False,
        ),
    ],
    f"{IAM}reference_policies_elements_action.html": [
        ("a wildcard that ends IAM's name", [identity("i*")], True),
        ("wildcards inside", [identity("iam:*Policy*")], False),
        ("a service in capitals", [identity("IAM:*")], True),
        ("two services", [identity(["sqs:*", "sns:*"])], False),
    ],
    f"{IAM}reference_policies_elements_resource.html": [
        ("IAM of all users, oneself too", [identity("iam:*", "arn:aws:iam::*:user/*")], True),
        ("all of IAM, by an ARN", [identity("iam:*", "arn:aws:iam::*:*")], True),
        ("everything on a bucket", [identity("*", [BUCKET, OBJECTS])], False),
    ],
    f"{IAM}access_policies_job-functions.html": [
        ("billing", [identity(["aws-portal:*Billing", "budgets:*", "iam:ListRoles"])], False),
        (
            "networks",
            [identity(["ec2:*Vpc*", "iam:PassRole", "iam:ListRoles"], "arn:aws:iam::*:role/flow-logs-*")],
            False,
        ),
        (
            "security audit",
            [identity(["iam:GenerateCredentialReport", "iam:Get*", "iam:List*", "s3:GetBucket*"])],
            False,
        ),
        ("support", [identity("support:*")], False),
    ],
}
