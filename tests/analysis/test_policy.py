"""Every table names the AWS page that decides its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.analysis.policy_access import public, unknown_principals
from chalicelib.analysis.policy_document import judged, statements
from chalicelib.analysis.policy_escalation import why_admin
from chalicelib.core.errors import CannotJudge
from tests.analysis.policies import (
    FRIEND,
    GLOBAL_KEYS,
    KNOWN,
    NOT_PRINCIPAL,
    NOT_PUBLIC,
    ORG,
    OWN,
    PRINCIPAL,
    PUBLIC,
    UNKNOWN,
    VARIABLES,
    WEB_IDENTITY,
    cases,
    equals,
    not_principal,
    resource_policy,
    trust_policy,
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


@pytest.mark.parametrize("nothing", [None, "", '{"Statement": []}'])
def test_no_policy_lets_in_nobody(nothing: str | None) -> None:
    assert (public(nothing, KNOWN, OWN), unknown_principals(nothing, KNOWN, OWN), why_admin(nothing)) == ([], {}, None)


@pytest.mark.parametrize("nothing", ["{", "[]", '"*"', "{}", '{"Statement": "*"}', '{"Statement": [{}]}', "[" * 20_000])
def test_what_is_no_policy_is_neither_public_nor_safe(nothing: str) -> None:
    assert public(nothing, KNOWN, OWN) == []
    with pytest.raises(CannotJudge, match="statement 1 of a policy can't be read"):
        judged(public(nothing, KNOWN, OWN), nothing)


UNREADABLE_CONDITIONS: tuple[Any, ...] = (
    {"IpAddress": {"aws:SourceIp": "10.207.*.*"}},
    {"IpAddress": {"aws:SourceIp": ["198.51.100.7", "office"]}},
    {"StringEquals": {"aws:PrincipalOrgID": [ORG, {}]}},
    {"StringEquals": {"aws:PrincipalOrgID": []}},
    {"StringEquals": {"aws:PrincipalOrgID": None}},
    {"StringEquals": None},
    {"Sometimes": {"aws:PrincipalOrgID": ORG}},
    [],
    None,
    "aws:PrincipalOrgID",
)


@pytest.mark.parametrize("condition", UNREADABLE_CONDITIONS)
def test_what_cannot_be_read_narrows_nothing_and_excuses_nothing(condition: Any) -> None:
    allowed = resource_policy()["Statement"][0]
    assert public({"Statement": allowed | {"Condition": condition}}, KNOWN, OWN) == [0]
    denied = allowed | {"Effect": "Deny", "Condition": condition}
    assert public({"Statement": [denied, allowed]}, KNOWN, OWN) == [1]


@pytest.mark.parametrize("name", [5, None, [None], {"AWS": 5}, {"AWS": [[]]}, {"*": {}}])
def test_a_name_that_cannot_be_read_is_everything_in_an_allow_and_nothing_in_a_deny(name: Any) -> None:
    allowed = resource_policy()["Statement"][0]
    for element in ("Principal", "Action", "Resource"):
        assert public({"Statement": [allowed | {element: name}]}, KNOWN, OWN) == [0]
        denied = allowed | {"Effect": "Deny", element: name}
        assert public({"Statement": [denied, allowed]}, KNOWN, OWN) == [1]


def test_text_and_parsed_policies_read_alike() -> None:
    policy = resource_policy()
    assert statements(json.dumps(policy)) == statements(policy)
