"""What the rows of AWS's pages are made of: accounts, statements, answers."""

from __future__ import annotations

from typing import Any, NamedTuple

from chalicelib.analysis.policy_access import Outsider
from chalicelib.core.baseline import Allow, Baseline

OWN, FRIEND, UNKNOWN, VENDOR = "111111111111", "222222222222", "999999999999", "333333333333"
ORG, OTHER_ORG = "o-aaaaaaaaaa", "o-zzzzzzzzzz"
KNOWN = Baseline(
    allow=Allow(
        accounts=frozenset({FRIEND}),
        vendors=frozenset({VENDOR}),
        organizations=frozenset({ORG}),
        cidrs=("198.51.100.0/24",),
    )
)
BUCKET = "arn:aws:s3:::example"
OBJECTS = f"{BUCKET}/*"
GITHUB, GITLAB, EKS = "token.actions.githubusercontent.com", "gitlab.com", "oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
ANYONE, ACCOUNT, ORGANIZATION = Outsider.ANYONE, Outsider.ACCOUNT, Outsider.ORGANIZATION
VENDOR_ALONE, WEB, SERVICE = Outsider.VENDOR, Outsider.WEB_IDENTITY, Outsider.SERVICE


class Row(NamedTuple):
    """One policy of a page, in words, and whom it lets in."""

    what: str
    policy: list[dict[str, Any]]
    answer: list[Outsider]


def allow(principal: Any = "*", condition: Any = None, action: Any = "s3:GetObject", resource: Any = OBJECTS) -> Any:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def deny(condition: Any = None, principal: Any = "*", action: Any = "s3:*", resource: Any = (BUCKET, OBJECTS)) -> Any:
    return allow(principal, condition, action, list(resource)) | {"Effect": "Deny"}


def trust(principal: Any, condition: Any = None, action: Any = "sts:AssumeRole") -> Any:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return statement | ({"Condition": condition} if condition else {})


def web(issuer: str, operator: str = "StringEquals", **claims: Any) -> Any:
    arn = issuer if issuer in BUILT_IN else f"arn:aws:iam::{OWN}:oidc-provider/{issuer}"
    condition = {operator: {f"{issuer}:{claim}": value for claim, value in claims.items()}}
    return trust({"Federated": arn}, condition if claims else None, "sts:AssumeRoleWithWebIdentity")


BUILT_IN = {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}


def equals(key: str, value: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {operator: {key: value}}


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"
