"""Policies whose answer AWS's documentation gives, and what they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.baseline import Allow, Baseline

OWN = "111111111111"
FRIEND = "222222222222"
UNKNOWN = "999999999999"
ORG = "o-aaaaaaaaaa"
KNOWN = Baseline(
    allow=Allow(
        accounts=frozenset({FRIEND}),
        organizations=frozenset({ORG}),
        principals=(
            f"arn:aws:iam::{UNKNOWN}:role/partner-*",
            "vpce-0123456789abcdef0",
            "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1*",
        ),
        cidrs=("198.51.100.0/24", "2001:db8::/29"),
    )
)
MEANING_OF_PUBLIC = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status"
CONDITION_OPERATORS = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)
PRINCIPAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
NOT_PRINCIPAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html"
GLOBAL_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
SET_OPERATORS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"
VARIABLES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"
WEB_IDENTITY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"
IAM_1 = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-1"
JOB_FUNCTIONS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html"
NOT_ACTION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html"
EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"


def resource_policy(principal: Any = "*", condition: Any = None, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def trust_policy(principal: Any, condition: Any = None) -> dict[str, Any]:
    return resource_policy(principal, condition, Action="sts:AssumeRole")


def not_principal(effect: str) -> dict[str, Any]:
    statement = {"Effect": effect, "NotPrincipal": {"AWS": OWN}, "Action": "*", "Resource": "*"}
    return {"Statement": [statement]}


def identity_policy(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Resource": "*", **statement} for statement in listed]}


def equals(key: str, value: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {operator: {key: value}}


ALL = {"Action": "*"}
PUBLIC = {
    MEANING_OF_PUBLIC: {
        "anybody": resource_policy("*"),
        "a web identity provider's every user": resource_policy({"Federated": "graph.facebook.com"}),
        "a VPC id with a wildcard": resource_policy("*", equals("aws:SourceVpc", "vpc-*", "StringLike")),
        "the two halves of IPv4": resource_policy(
            "*", equals("aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"], "IpAddress")
        ),
        "a broad range beside a narrow one": resource_policy(
            "*", equals("aws:SourceIp", ["203.0.113.7", "8.0.0.0/7"], "IpAddress")
        ),
        "all of IPv6": resource_policy("*", equals("aws:SourceIp", "::/0", "IpAddress")),
        "IPv6 broader than /32": resource_policy("*", equals("aws:SourceIp", "2a00::/31", "IpAddress")),
        "every session of a role id": resource_policy(
            "*", equals("aws:userid", "AROAEXAMPLEROLEID123:*", "StringLike")
        ),
        "access points of any account": resource_policy(
            "*", equals("s3:DataAccessPointArn", "arn:aws:s3:us-west-2:*:accesspoint/*", "ArnLike")
        ),
        "ArnEquals knows wildcards": resource_policy("*", equals("aws:SourceArn", "arn:aws:sns:*:*:*", "ArnEquals")),
        "one fixed value of two": resource_policy("*", equals("aws:SourceAccount", [FRIEND, "3*"], "StringLike")),
        "a key that names nobody": resource_policy("*", equals("aws:Referer", "https://example.com/")),
        "a shared secret": trust_policy({"AWS": "*"}, equals("sts:ExternalId", "abc")),
    },
    PRINCIPAL: {
        "AWS with a wildcard": resource_policy({"AWS": "*"}),
        "a wildcard among others": resource_policy({"AWS": [f"arn:aws:iam::{OWN}:root", "*"]}),
        "a wildcard of another kind": resource_policy({"Service": "s3.amazonaws.com", "CanonicalUser": "*"}),
        "a wildcard for the account": resource_policy({"AWS": "arn:aws:iam::*:root"}),
    },
    NOT_PRINCIPAL: {"everybody else": not_principal("Allow")},
    CONDITION_OPERATORS: {
        "not equal": resource_policy("*", equals("aws:SourceVpce", "vpce-1", "StringNotEquals")),
        "not this address": resource_policy("*", equals("aws:SourceIp", "203.0.113.0/24", "NotIpAddress")),
        "equal if there": resource_policy("*", equals("aws:PrincipalOrgID", ORG, "StringEqualsIfExists")),
        "there at all": resource_policy("*", equals("aws:SourceVpc", "false", "Null")),
        "over TLS": resource_policy("*", equals("aws:SecureTransport", True, "Bool")),
    },
    SET_OPERATORS: {
        "all of possibly none": resource_policy(
            "*", equals("aws:PrincipalOrgPaths", f"{ORG}/r-1/*", "ForAllValues:StringLike")
        ),
    },
    VARIABLES: {
        "a policy variable": resource_policy("*", equals("aws:PrincipalArn", "${aws:SourceArn}")),
        "a variable in a pattern": resource_policy("*", equals("aws:SourceVpc", "${aws:username}", "StringLike")),
    },
}
NOT_PUBLIC = {
    MEANING_OF_PUBLIC: {
        "a fixed VPC": resource_policy("*", equals("aws:SourceVpc", "vpc-91237329")),
        "a fixed endpoint": resource_policy("*", equals("aws:SourceVpce", ["vpce-1", "vpce-2"])),
        "a fixed address": resource_policy("*", equals("aws:SourceIp", "203.0.113.7", "IpAddress")),
        "a private range": resource_policy("*", equals("aws:SourceIp", "10.0.0.0/8", "IpAddress")),
        "an IPv6 /32": resource_policy("*", equals("aws:SourceIp", "2a00:1450::/32", "IpAddress")),
        "a broad range that is known": resource_policy("*", equals("aws:SourceIp", "2001:db8::/30", "IpAddress")),
        "another's account": resource_policy("*", equals("aws:SourceAccount", UNKNOWN)),
        "another's organization": resource_policy("*", equals("aws:PrincipalOrgID", "o-zzzzzzzzzz")),
        "access points of one account": resource_policy(
            "*", equals("s3:DataAccessPointArn", "arn:aws:s3:us-west-2:123456789012:accesspoint/*", "ArnLike")
        ),
        "a KMS key": resource_policy(
            "*", equals("s3:x-amz-server-side-encryption-aws-kms-key-id", f"arn:aws:kms:eu-west-1:{OWN}:key/1")
        ),
        "one session of a role id": resource_policy("*", equals("aws:userid", "AROAEXAMPLEROLEID123:alice")),
        "the default policy of an SNS topic": resource_policy({"AWS": "*"}, equals("AWS:SourceOwner", OWN)),
        "the default policy of a KMS key": resource_policy(
            {"AWS": "*"},
            {"StringEquals": {"kms:CallerAccount": OWN, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        ),
        "one app's users": resource_policy(
            {"Federated": "graph.facebook.com"}, equals("graph.facebook.com:app_id", "1234")
        ),
        "a fixed bucket": resource_policy("*", equals("aws:SourceArn", "arn:aws:s3:::mine", "ArnLike")),
        "one narrowing condition of two": resource_policy(
            "*", {"StringLike": {"aws:SourceArn": "*", "aws:SourceAccount": OWN}}
        ),
    },
    PRINCIPAL: {
        "another account": resource_policy({"AWS": UNKNOWN}),
        "all roles of one account": resource_policy({"AWS": f"arn:aws:iam::{UNKNOWN}:role/*"}),
        "a service": resource_policy({"Service": "cloudtrail.amazonaws.com"}),
        "nobody named": identity_policy({"Action": "*"}),
    },
    NOT_PRINCIPAL: {"everybody denied but one": not_principal("Deny")},
    CONDITION_OPERATORS: {
        "an asterisk taken literally": resource_policy("*", equals("aws:SourceVpc", "vpc-*")),
        "an ignored case": resource_policy("*", equals("aws:SourceVpc", "VPC-1", "StringEqualsIgnoreCase")),
        "a role in one account": resource_policy(
            "*", equals("aws:PrincipalArn", f"arn:aws:iam::{UNKNOWN}:role/*", "ArnLike")
        ),
        "everybody denied": resource_policy("*", Effect="Deny"),
        "equal if there, and it is there": resource_policy(
            "*", {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}, "Null": {"aws:sourcevpc": "false"}}
        ),
    },
    SET_OPERATORS: {
        "any of some": resource_policy(
            "*", equals("aws:PrincipalOrgPaths", f"{ORG}/r-1/ou-1/*", "ForAnyValue:StringLike")
        ),
        "all of some": resource_policy(
            "*",
            {
                "ForAllValues:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/*"},
                "Null": {"aws:PrincipalOrgPaths": False},
            },
        ),
    },
    VARIABLES: {
        "the resource's own account": resource_policy("*", equals("aws:PrincipalAccount", "${aws:ResourceAccount}")),
        "the resource's own organization": resource_policy("*", equals("aws:PrincipalOrgID", "${AWS:resourceorgid}")),
        "an escaped asterisk": resource_policy("*", equals("aws:SourceVpc", "vpc-${*}", "StringLike")),
    },
}


def cases(table: dict[str, dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=name) for group in table.values() for name, case in group.items()]
    )
