"""Every table names the AWS page that decides its answers."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.analysis.policy_access import by_statement, let_in, public, unknown_principals
from chalicelib.analysis.policy_document import drop, drop_principals, statements, without_deleted_principals
from chalicelib.analysis.policy_escalation import why_admin
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


@cases(PUBLIC)
def test_it_is_public(case: dict[str, Any]) -> None:
    assert public(case, KNOWN, OWN) == [0]


@cases(NOT_PUBLIC)
def test_it_is_not_public(case: dict[str, Any]) -> None:
    assert public(case, KNOWN, OWN) == []


@cases(PUBLIC)
def test_what_is_public_lets_in_strangers(case: dict[str, Any]) -> None:
    assert unknown_principals(case, KNOWN, OWN)


GITHUB = "token.actions.githubusercontent.com"
GITHUB_PROVIDER = {"Federated": f"arn:aws:iam::{OWN}:oidc-provider/{GITHUB}"}
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF"
EKS_PROVIDER = {"Federated": f"arn:aws:iam::{OWN}:oidc-provider/{EKS}"}
CANONICAL = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"

STRANGERS: dict[str, dict[str, tuple[Any, list[str]]]] = {
    PRINCIPAL: {
        "anybody": (resource_policy("*"), ["*"]),
        "an unknown account id": (trust_policy({"AWS": UNKNOWN}), [UNKNOWN]),
        "an unknown account": (trust_policy({"AWS": f"arn:aws:iam::{UNKNOWN}:root"}), [f"arn:aws:iam::{UNKNOWN}:root"]),
        "an unknown user among known": (
            resource_policy({"AWS": [OWN, f"arn:aws:iam::{UNKNOWN}:user/eve", f"arn:aws:iam::{FRIEND}:root"]}),
            [f"arn:aws:iam::{UNKNOWN}:user/eve"],
        ),
        "an unknown session": (
            resource_policy({"AWS": f"arn:aws:sts::{UNKNOWN}:assumed-role/x/eve"}),
            [f"arn:aws:sts::{UNKNOWN}:assumed-role/x/eve"],
        ),
        "an unknown canonical user": (resource_policy({"CanonicalUser": CANONICAL}), [CANONICAL]),
        "any service": (resource_policy({"Service": "*"}), ["*"]),
        "our account": (trust_policy({"AWS": OWN}), []),
        "our role": (resource_policy({"AWS": f"arn:aws:iam::{OWN}:role/mine"}), []),
        "a known account": (trust_policy({"AWS": f"arn:aws:iam::{FRIEND}:root"}), []),
        "a known role of an unknown account": (trust_policy({"AWS": f"arn:aws:iam::{UNKNOWN}:role/partner-1"}), []),
        "a known CloudFront identity": (
            resource_policy({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1XYZ"}),
            [],
        ),
        "a deleted role": (resource_policy({"AWS": "AROAEXAMPLEROLEID123"}), []),
        "a deleted user": (resource_policy({"AWS": "AIDAEXAMPLEUSERID123"}), []),
        "a service": (trust_policy({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}), []),
        "our SAML provider": (trust_policy({"Federated": f"arn:aws:iam::{OWN}:saml-provider/okta"}), []),
        "an unknown SAML provider": (
            trust_policy({"Federated": f"arn:aws:iam::{UNKNOWN}:saml-provider/okta"}),
            [f"arn:aws:iam::{UNKNOWN}:saml-provider/okta"],
        ),
        "a stranger denied": (resource_policy({"AWS": UNKNOWN}, Effect="Deny"), []),
    },
    NOT_PRINCIPAL: {"everybody else": (not_principal("Allow"), ["*"])},
    GLOBAL_KEYS: {
        "our organization": (resource_policy("*", equals("aws:PrincipalOrgID", ORG)), []),
        "a part of our organization": (
            resource_policy("*", equals("aws:PrincipalOrgPaths", f"{ORG}/r-1/*", "ForAnyValue:StringLike")),
            [],
        ),
        "an unknown organization": (resource_policy("*", equals("aws:PrincipalOrgID", "o-zzzzzzzzzz")), ["*"]),
        "an unknown account within our organization": (
            resource_policy({"AWS": UNKNOWN}, equals("aws:PrincipalOrgID", ORG)),
            [],
        ),
        "our account by condition": (resource_policy("*", equals("aws:PrincipalAccount", OWN)), []),
        "our account or an unknown one": (resource_policy("*", equals("aws:SourceAccount", [OWN, UNKNOWN])), ["*"]),
        "a known account's topic": (
            resource_policy("*", equals("aws:SourceArn", f"arn:aws:sns:*:{FRIEND}:*", "ArnLike")),
            [],
        ),
        "an unknown account's topic": (
            resource_policy("*", equals("aws:SourceArn", f"arn:aws:sns:*:{UNKNOWN}:*", "ArnLike")),
            ["*"],
        ),
        "a known network": (resource_policy("*", equals("aws:SourceIp", "198.51.100.128/25", "IpAddress")), []),
        "an unknown address": (resource_policy("*", equals("aws:SourceIp", "203.0.113.7", "IpAddress")), ["*"]),
        "a known endpoint": (resource_policy("*", equals("aws:SourceVpce", "vpce-0123456789abcdef0")), []),
        "an unknown endpoint": (resource_policy("*", equals("aws:SourceVpce", "vpce-0fedcba9876543210")), ["*"]),
        "our key says nothing of the caller": (
            resource_policy(
                "*", equals("s3:x-amz-server-side-encryption-aws-kms-key-id", f"arn:aws:kms:eu-west-1:{OWN}:key/1")
            ),
            ["*"],
        ),
        "a shared secret makes nobody known": (
            trust_policy({"AWS": UNKNOWN}, equals("sts:ExternalId", "abc")),
            [UNKNOWN],
        ),
    },
    VARIABLES: {
        "the resource's own account": (
            resource_policy("*", equals("aws:PrincipalAccount", "${aws:ResourceAccount}")),
            [],
        ),
    },
    WEB_IDENTITY: {
        "every Google user": (trust_policy({"Federated": "accounts.google.com"}), ["accounts.google.com"]),
        "one Google app": (
            trust_policy({"Federated": "accounts.google.com"}, equals("accounts.google.com:aud", "66677788")),
            [],
        ),
        "one Cognito pool": (
            trust_policy(
                {"Federated": "cognito-identity.amazonaws.com"}, equals("cognito-identity.amazonaws.com:aud", "eu:1")
            ),
            [],
        ),
        "every Cognito pool's guests": (
            trust_policy(
                {"Federated": "cognito-identity.amazonaws.com"},
                equals("cognito-identity.amazonaws.com:amr", "unauthenticated", "ForAnyValue:StringLike"),
            ),
            ["cognito-identity.amazonaws.com"],
        ),
        "every GitHub repository": (trust_policy(GITHUB_PROVIDER), [GITHUB_PROVIDER["Federated"]]),
        "every GitHub repository that asks for AWS": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:aud", "sts.amazonaws.com")),
            [GITHUB_PROVIDER["Federated"]],
        ),
        "one branch": (trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:sub", "repo:a/b:ref:refs/heads/main")), []),
        "one GitHub organization": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:sub", "repo:acme/*", "StringLike")),
            [],
        ),
        "GitHub organizations that begin alike": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:sub", "repo:acme*", "StringLike")),
            [GITHUB_PROVIDER["Federated"]],
        ),
        "every main branch": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:sub", "repo:*:ref:refs/heads/main", "StringLike")),
            [GITHUB_PROVIDER["Federated"]],
        ),
        "one GitHub organization or any": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:sub", ["repo:acme/*", "repo:*"], "StringLike")),
            [GITHUB_PROVIDER["Federated"]],
        ),
        "repositories of one organization": (
            trust_policy(GITHUB_PROVIDER, equals(f"{GITHUB}:repository", "acme/*", "StringLike")),
            [],
        ),
        "a namespace of our cluster": (
            trust_policy(EKS_PROVIDER, equals(f"{EKS}:sub", "system:serviceaccount:app:*", "StringLike")),
            [],
        ),
        "our cluster": (trust_policy(EKS_PROVIDER, equals(f"{EKS}:aud", "sts.amazonaws.com")), []),
        "another provider's claim": (
            trust_policy(EKS_PROVIDER, equals("accounts.google.com:sub", "1")),
            [EKS_PROVIDER["Federated"]],
        ),
        "an unknown account's provider": (
            trust_policy(
                {"Federated": f"arn:aws:iam::{UNKNOWN}:oidc-provider/{EKS}"}, equals(f"{EKS}:sub", "system:x:y:z")
            ),
            [f"arn:aws:iam::{UNKNOWN}:oidc-provider/{EKS}"],
        ),
    },
}


@cases(STRANGERS)
def test_strangers_are_those_we_do_not_know(case: tuple[dict[str, Any], list[str]]) -> None:
    policy, expected = case
    assert unknown_principals(policy, KNOWN, OWN) == ({0: expected} if expected else {})


ALL = {"Action": "*"}
ADMIN: dict[str, dict[str, tuple[Any, str]]] = {
    IAM_1: {
        "everything": (identity_policy(ALL), "allows * on *"),
        "everything, spelt out": (identity_policy({"Action": "*:*"}), "allows *:* on *"),
        "more stars": (identity_policy({"Action": ["s3:Get*", "**"]}), "allows s3:Get*, ** on *"),
        "IAM": (identity_policy({"Action": "IAM:*"}), "allows IAM:* on *"),
        "IAM by a shorter pattern": (identity_policy({"Action": "i*"}), "allows i* on *"),
        "IAM in pieces": (
            identity_policy(
                {"Action": ["iam:Put*", "iam:Attach*", "iam:Create*", "iam:Update*", "iam:Set*", "iam:Add*"]}
            ),
            "allows iam:Put*, iam:Attach*, iam:Create*, iam:Update*, iam:Set*, iam:Add* on *",
        ),
        "all of IAM's resources": (
            identity_policy({"Action": "iam:*", "Resource": f"arn:aws-us-gov:iam::{OWN}:*"}),
            f"allows iam:* on arn:aws-us-gov:iam::{OWN}:*",
        ),
        "every role": (
            identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::*:role/*"}),
            "allows iam:* on arn:aws:iam::*:role/*",
        ),
        "everything but a bucket": (
            {"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::audit"}},
            "allows * on everything but arn:aws:s3:::audit",
        ),
        "with MFA": (
            identity_policy(ALL | {"Condition": equals("aws:MultiFactorAuthPresent", "true", "Bool")}),
            "allows * on *",
        ),
        "in one region": (
            identity_policy(ALL | {"Condition": equals("aws:RequestedRegion", "us-east-1")}),
            "allows * on *",
        ),
        "on whatever has a tag": (
            identity_policy(ALL | {"Condition": equals("aws:ResourceTag/team", "*", "StringLike")}),
            "allows * on *",
        ),
    },
    NOT_ACTION: {
        "all but nothing": (identity_policy({"NotAction": []}), "allows everything but nothing on *"),
        "all but S3": (identity_policy({"NotAction": "s3:*"}), "allows everything but s3:* on *"),
        "all but a part of IAM": (
            identity_policy({"NotAction": ["iam:Attach*", "iam:Put*"]}),
            "allows everything but iam:Attach*, iam:Put* on *",
        ),
    },
    EVALUATION: {
        "some of IAM denied": (
            identity_policy(ALL, {"Effect": "Deny", "Action": "iam:CreateAccessKey"}),
            "allows * on *",
        ),
        "denied under a condition": (
            identity_policy(ALL, {"Effect": "Deny", "Action": "*", "Condition": equals("aws:Via", "x")}),
            "allows * on *",
        ),
        "denied elsewhere": (
            identity_policy(ALL, {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::audit"}),
            "allows * on *",
        ),
    },
}
NOT_ADMIN: dict[str, dict[str, Any]] = {
    IAM_1: {
        "no policy": None,
        "one service": identity_policy({"Action": "s3:*"}),
        "reading all": identity_policy({"Action": ["*:Get*", "*:List*", "*:Describe*"]}),
        "one write of IAM": identity_policy({"Action": "iam:PassRole"}),
        "roles that begin alike": identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::*:role/a*"}),
        "everything on one bucket": identity_policy({"Action": "*", "Resource": "arn:aws:s3:::mine/*"}),
        "everything that is ours": identity_policy(ALL | {"Condition": equals("aws:ResourceTag/team", "me")}),
        "roles with a boundary": identity_policy(
            {"Action": "iam:*", "Condition": equals("iam:PermissionsBoundary", f"arn:aws:iam::{OWN}:policy/b")}
        ),
    },
    JOB_FUNCTIONS: {
        "power user": identity_policy(
            {"NotAction": ["iam:*", "organizations:*", "account:*"]},
            {"Action": ["account:GetAccountInformation", "iam:CreateServiceLinkedRole", "iam:ListRoles"]},
        ),
    },
    EVALUATION: {
        "nothing but a Deny": identity_policy(
            ALL | {"Effect": "Deny", "Condition": equals("aws:MultiFactorAuthPresent", "false", "Bool")}
        ),
        "everything denied": identity_policy(ALL, {"Effect": "Deny", "Action": "*"}),
        "IAM denied": identity_policy({"Action": "iam:*"}, {"Effect": "Deny", "Action": ["IAM:*"]}),
        "all but S3 denied": identity_policy(ALL, {"Effect": "Deny", "NotAction": "s3:*"}),
    },
}


@cases(ADMIN)
def test_the_holder_is_administrator(case: tuple[Any, str]) -> None:
    policy, reason = case
    assert why_admin(policy) == reason


@cases(NOT_ADMIN)
def test_the_holder_is_not_administrator(case: Any) -> None:
    assert why_admin(case) is None


@pytest.mark.parametrize("nothing", [None, "", '{"Statement": []}'])
def test_no_policy_lets_in_nobody(nothing: str | None) -> None:
    assert (public(nothing, KNOWN, OWN), unknown_principals(nothing, KNOWN, OWN), why_admin(nothing)) == ([], {}, None)


@pytest.mark.parametrize(
    "malformed",
    [
        "{",
        "[]",
        '"*"',
        "{}",
        '{"Statement": "*"}',
        '{"Statement": [{}]}',
        '{"Statement": {"Effect": "allow", "Principal": "*"}}',
        '{"Statement": {"Effect": "Allow", "Principal": ["*"]}}',
        '{"Statement": {"Effect": "Allow", "Principal": {"AWS": {"a": 1}}}}',
        '{"Statement": {"Effect": "Allow", "Principal": "*", "Condition": []}}',
        '{"Statement": {"Effect": "Allow", "Action": 1}}',
        '{"Statement": {"Effect": "Allow", "Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "x"}}}}',
    ],
)
def test_a_malformed_policy_is_told_and_never_called_public(malformed: str) -> None:
    with pytest.raises(ValueError, match=r"not an IAM policy|IPv4 or IPv6"):
        public(malformed, KNOWN, OWN)


def test_text_and_parsed_policies_read_alike() -> None:
    policy = resource_policy()
    assert statements(json.dumps(policy)) == statements(policy)


PUBLIC_STATEMENTS = [case["Statement"][0] for group in PUBLIC.values() for case in group.values()]
OTHER_STATEMENTS = [case["Statement"][0] for group in NOT_PUBLIC.values() for case in group.values()]
ANY_STATEMENT = st.sampled_from(PUBLIC_STATEMENTS + OTHER_STATEMENTS)
SPACE = st.text(" \t\r\n", max_size=4)
LAYOUT = st.tuples(st.sampled_from([None, 0, 2, "\t"]), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))


class Written(NamedTuple):
    """A policy's text, and the bytes that it is made of."""

    text: str
    head: str
    pieces: list[str]
    tail: str

    def with_only(self, indexes: list[int]) -> str:
        """The text when just those statements remain, as a regular expression that leaves the separators open."""
        kept = r"\s*,\s*".join(re.escape(self.pieces[index]) for index in indexes)
        return rf"{re.escape(self.head)}\s*{kept}\s*{re.escape(self.tail)}"


@st.composite
def written(draw: st.DrawFn) -> Written:
    pieces = []
    for number, statement in enumerate(draw(st.lists(ANY_STATEMENT, min_size=1, max_size=6))):
        indent, separators = draw(LAYOUT)
        named = {"Sid": f'{number}, }}]"é', **statement}
        pieces.append(json.dumps(named, indent=indent, separators=separators, ensure_ascii=draw(st.booleans())))
    before = draw(st.sampled_from(["", '"Version" : "2012-10-17",', '"Id":"[{\\"Statement\\":",']))
    after = draw(st.sampled_from(["", ', "Version": "2012-10-17"']))
    head = f'{draw(SPACE)}{{{before}"Statement"{draw(SPACE)}:{draw(SPACE)}['
    tail = f"]{after}{draw(SPACE)}}}{draw(SPACE)}"
    spaced = [f"{draw(SPACE)}{piece}{draw(SPACE)}" for piece in pieces]
    return Written(head + ",".join(spaced) + tail, head, pieces, tail)


@settings(deadline=None)
@given(written(), st.sets(st.integers(0, 6)))
def test_drop_leaves_every_other_byte(policy: Written, indexes: set[int]) -> None:
    kept = [index for index in range(len(policy.pieces)) if index not in indexes]
    after = drop(policy.text, indexes)
    if not kept:
        assert after is None
    else:
        assert after is not None
        assert re.fullmatch(policy.with_only(kept), after)
        before = statements(policy.text)
        assert [each.raw for each in statements(after)] == [before[index].raw for index in kept]


@settings(deadline=None)
@given(written())
def test_dropping_nothing_changes_nothing(policy: Written) -> None:
    assert drop(policy.text, []) == policy.text
    assert drop_principals(policy.text, {}) == policy.text
    assert drop_principals(policy.text, {0: ["nobody"]}) == policy.text


@settings(deadline=None)
@given(written())
def test_without_its_public_statements_a_policy_is_not_public(policy: Written) -> None:
    after = drop(policy.text, public(policy.text, KNOWN, OWN))
    assert public(after, KNOWN, OWN) == []
    assert after is None or drop(after, public(after, KNOWN, OWN)) == after


@settings(deadline=None)
@given(written())
def test_without_its_strangers_a_policy_lets_in_none(policy: Written) -> None:
    found = unknown_principals(policy.text, KNOWN, OWN)
    after = drop_principals(policy.text, found)
    assert unknown_principals(after, KNOWN, OWN) == {}
    assert all(piece in (after or "") for index, piece in enumerate(policy.pieces) if index not in found)


def listed(value: Any) -> Any:
    """Every text that IAM allows to be a list, as a list of one."""
    if isinstance(value, dict):
        return {
            key: [each] if isinstance(each, str) and key not in {"Effect", "Sid"} and each != "*" else listed(each)
            for key, each in value.items()
        }
    return value


def shouted(statement: dict[str, Any]) -> dict[str, Any]:
    conditions = {
        operator: {key.upper(): value for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return statement | ({"Condition": conditions} if conditions else {})


def answers(*listed: dict[str, Any]) -> tuple[Any, ...]:
    policy = {"Statement": list(listed)}
    return public(policy, KNOWN, OWN), unknown_principals(policy, KNOWN, OWN), why_admin(policy)


@settings(deadline=None)
@given(ANY_STATEMENT)
def test_text_and_a_list_of_one_mean_the_same(statement: dict[str, Any]) -> None:
    assert answers(listed(statement)) == answers(statement)
    alone = {"Statement": statement}
    assert (public(alone, KNOWN, OWN), unknown_principals(alone, KNOWN, OWN), why_admin(alone)) == answers(statement)


@settings(deadline=None)
@given(ANY_STATEMENT)
def test_the_case_of_a_condition_key_does_not_matter(statement: dict[str, Any]) -> None:
    assert answers(shouted(statement)) == answers(statement)


@settings(deadline=None)
@given(st.lists(ANY_STATEMENT.filter(lambda each: each["Effect"] == "Allow"), max_size=5))
def test_what_is_allowed_is_judged_one_by_one(several: list[dict[str, Any]]) -> None:
    expected = [index for index, each in enumerate(several) if answers(each)[0]]
    assert public({"Statement": several}, KNOWN, OWN) == expected


@settings(deadline=None)
@given(st.lists(ANY_STATEMENT, max_size=5), ANY_STATEMENT)
def test_a_deny_takes_away_and_never_adds(several: list[dict[str, Any]], other: dict[str, Any]) -> None:
    before = let_in({"Statement": several}, KNOWN, OWN)
    after = let_in({"Statement": [*several, other | {"Effect": "Deny"}]}, KNOWN, OWN)
    assert {(each.statement, each.principal) for each in after} <= {(each.statement, each.principal) for each in before}


@settings(deadline=None)
@given(written(), st.data())
def test_the_living_stay_to_the_byte(policy: Written, data: st.DataObject) -> None:
    """Deleted principals put in beside others, and in statements of their own, are all that goes."""
    dead = data.draw(st.sampled_from(["AROAEXAMPLEROLEID123", "AIDAEXAMPLEUSERID123:x"]))
    alone = json.dumps({"Effect": data.draw(st.sampled_from(["Allow", "Deny"])), "Principal": {"AWS": dead}})
    others = ",".join(policy.pieces)
    before = f'{policy.head}{alone},{{"Effect": "Allow", "Principal": {{"AWS": ["{dead}","1"]}}}},{others}{policy.tail}'
    after = f'{policy.head}{{"Effect": "Allow", "Principal": {{"AWS": ["1"]}}}},{others}{policy.tail}'
    assert without_deleted_principals(before) == after
    assert without_deleted_principals(after) == after


def test_of_a_policy_for_the_dead_nothing_is_left() -> None:
    assert (
        without_deleted_principals('{"Statement": {"Effect": "Allow", "Principal": {"AWS": "AROAEXAMPLEROLEID123"}}}')
        is None
    )


def test_a_deleted_principal_that_a_deny_exempts_stays() -> None:
    """Without it, the Deny would be for other people; AWS then refuses the policy, and that is told."""
    text = '{"Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": ["AROAEXAMPLEROLEID123"]}, "Action": "*"}}'
    assert without_deleted_principals(text) == text


@settings(deadline=None)
@given(st.lists(ANY_STATEMENT, max_size=5))
def test_whoever_is_denied_everything_is_let_in_nowhere(several: list[dict[str, Any]]) -> None:
    closed = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    assert let_in({"Statement": [*several, closed]}, KNOWN, OWN) == []


@settings(deadline=None)
@given(st.lists(ANY_STATEMENT, max_size=5))
def test_who_is_public_is_a_stranger_too(several: list[dict[str, Any]]) -> None:
    policy = {"Statement": several}
    assert set(public(policy, KNOWN, OWN)) <= unknown_principals(policy, KNOWN, OWN).keys()


@settings(deadline=None)
@given(written())
def test_taking_out_those_of_one_kind_leaves_those_of_the_others(policy: Written) -> None:
    entrants = let_in(policy.text, KNOWN, OWN)
    for kind in {each.who for each in entrants}:
        gone = [each for each in entrants if each.who is kind]
        after = let_in(drop_principals(policy.text, by_statement(gone)), KNOWN, OWN)
        left = [(each.principal, each.who) for each in entrants if each.who is not kind]
        assert [(each.principal, each.who) for each in after] == left


def test_a_statement_that_stands_alone_is_dropped_with_its_policy() -> None:
    text = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}'
    assert drop(text, [0]) is None
    assert drop(text, [1]) == text
    assert drop_principals(text, {0: ["*"]}) is None


@pytest.mark.parametrize(
    ("principal", "gone", "left"),
    [
        ('{"AWS": ["1", "2", "3"]}', ["1"], '{"AWS": ["2", "3"]}'),
        ('{"AWS": ["1", "2", "3"]}', ["2"], '{"AWS": ["1", "3"]}'),
        ('{"AWS": ["1",\n\t"2" , "3" ]}', ["3", "2"], '{"AWS": ["1" ]}'),
        ('{"AWS": ["1", "2"], "Service" : "s"}', ["1", "2"], '{"Service" : "s"}'),
        ('{ "Service":"s" , "AWS": "1" }', ["1"], '{ "Service":"s" }'),
        ('{"AWS": "1", "Federated": ["2", "3"], "CanonicalUser": "4"}', ["1", "3", "4"], '{"Federated": ["2"]}'),
        ('{"AWS": "\\u0031", "Service": "s"}', ["1"], '{"Service": "s"}'),
        ('{"AWS": "1"}', ["2"], '{"AWS": "1"}'),
        ('{"AWS": [], "Service": "s"}', ["1"], '{"AWS": [], "Service": "s"}'),
        ('{"AWS": ["1"], "CanonicalUser": "2"}', ["1", "2"], None),
        ('"*"', ["*"], None),
        ('"*"', ["1"], '"*"'),
    ],
)
def test_only_those_principals_go(principal: str, gone: list[str], left: str | None) -> None:
    def text(*principals: str | None) -> str:
        each = [f'{{ "Effect":"Allow","Principal" :{p}, "Action": "*" }}' for p in principals if p]
        return f'{{"Statement": [{", ".join(each)}]}}'

    assert drop_principals(text(principal, '"*"'), {0: gone}) == text(left, '"*"')
    assert drop_principals(text('"*"', principal), {1: gone}) == text('"*"', left)


def test_everybody_else_goes_with_the_statement() -> None:
    text = json.dumps(not_principal("Allow"))
    assert drop_principals(text, unknown_principals(text, KNOWN, OWN)) is None
    assert drop_principals(text, {0: [UNKNOWN]}) == text


def test_a_statement_without_principal_stays() -> None:
    text = json.dumps(identity_policy(ALL))
    assert drop_principals(text, {0: ["*"]}) == text
