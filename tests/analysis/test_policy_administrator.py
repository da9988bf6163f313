"""Whose policies make an administrator, page by page of AWS's documentation."""

from __future__ import annotations

from typing import Any

from chalicelib.analysis.policy_escalation import why_admin
from tests.analysis.policies import (
    ALL,
    EVALUATION,
    IAM_1,
    JOB_FUNCTIONS,
    NOT_ACTION,
    OWN,
    cases,
    equals,
    identity_policy,
)

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
