"""What AWS says when it denies, and what is no denial."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.core.errors import CannotJudge
from chalicelib.core.resource import Account
from chalicelib.engine.refusal import DENIED, Refusal, of_account, policy_that_denied, refusal_of
from tests.engine.bucket import guardrail
from tests.support.events import HOME, REGION

READER = "arn:aws:sts::123456789012:assumed-role/snapback-reader/snapback-look"
BEGIN = f"User: {READER} is not authorized to perform: s3:GetBucketPolicy on resource: arn:aws:s3:::app-logs "
EC2 = "You are not authorized to perform this operation. " + BEGIN
ARN = ": arn:aws:organizations::987654321098:policy/o-abc/service_control_policy/p-1"
ALLOWS = "allows the s3:GetBucketPolicy action"
PLACE = Account(HOME, HOME, REGION)


def refused(code: str, said: str = "", operation: str = "GetBucketPolicy") -> Refusal | None:
    error: Any = ClientError({"Error": {"Code": code, "Message": said}}, operation)
    return refusal_of(error, guardrail(), PLACE)


@pytest.mark.parametrize(
    ("said", "policy", "missing"),
    [
        (BEGIN + "with an explicit deny in a resource-based policy", "resource-based policy", False),
        (BEGIN + "with an explicit deny in an identity-based policy", "identity-based policy", False),
        (BEGIN + "with an explicit deny in a service control policy", "service control policy", False),
        (BEGIN + "with an explicit deny in a service control policy" + ARN, "service control policy", False),
        (BEGIN + "with an explicit deny in a resource control policy", "resource control policy", False),
        (BEGIN + "with an explicit deny in a permissions boundary", "permissions boundary", False),
        (BEGIN + "with an explicit deny in a VPC endpoint policy", "VPC endpoint policy", False),
        (BEGIN + "with an explicit deny in the role trust policy", "role trust policy", False),
        (BEGIN + f"because no identity-based policy {ALLOWS}", "identity-based policy", True),
        (BEGIN + f"because no permissions boundary {ALLOWS}", "permissions boundary", True),
        (BEGIN + f"because no session policy {ALLOWS}", "session policy", True),
        (BEGIN + f"because no service control policy {ALLOWS}{ARN}", "service control policy", True),
        (
            EC2 + "with an explicit deny in a service control policy. Encoded authorization failure message: 0l-K_p",
            "service control policy",
            False,
        ),
        (BEGIN, "", False),
        ("Access Denied", "", False),
        ("", "", False),
        (BEGIN + "with an explicit deny in a service control policy, or so they say", "", False),
        (BEGIN.replace("app-logs", f"x because no identity-based policy {ALLOWS} x"), "", False),
        (BEGIN + f"because no identity-based policy {ALLOWS} with an explicit deny in a resource-based policy",
         "resource-based policy", False),
    ],
)  # fmt: skip
def test_the_kind_of_policy_stands_at_the_end(said: str, policy: str, missing: bool) -> None:
    assert policy_that_denied(said) == (policy, missing)
    refusal = refused("AccessDenied", said)
    assert refusal
    assert (refusal.policy, refusal.missing) == (policy, missing)
    assert refusal.is_ours is (policy == "identity-based policy" and missing)
    assert "s3:GetBucketPolicy" in refusal.why("guard_s3")
    assert ("guard_s3" in refusal.why("guard_s3")) is refusal.is_ours


@pytest.mark.parametrize("code", sorted(DENIED))
def test_each_service_has_its_code(code: str) -> None:
    refusal = refused(code)
    assert refusal
    assert (refusal.service, refusal.action, refusal.code) == ("s3", "s3:GetBucketPolicy", code)


@pytest.mark.parametrize(
    "code",
    ["Throttling", "ThrottlingException", "SlowDown", "RequestLimitExceeded", "InternalError", "ServiceUnavailable",
     "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "NoSuchBucket", "OptInRequired"],
)  # fmt: skip
def test_what_a_later_try_may_not_meet_is_no_refusal(code: str) -> None:
    assert refused(code) is None


@pytest.mark.parametrize("error", [KeyError("x"), StopIteration(), ReadTimeoutError(endpoint_url="https://s3")])
def test_faults_and_timeouts_are_no_refusals(error: Exception) -> None:
    assert refusal_of(error, guardrail(), PLACE) is None


def test_what_a_guardrail_cannot_judge_is_its_own_cause() -> None:
    refusal = refusal_of(CannotJudge("the environment is under a key that Snapback may not use"), guardrail(), PLACE)
    assert refusal
    assert (refusal.code, refusal.action) == ("CannotJudge", guardrail().id)
    assert refusal.why("guard_s3") == "the environment is under a key that Snapback may not use"
    assert not refusal.is_ours


def test_a_cause_is_of_an_account_or_of_an_action_there() -> None:
    base: Any = {
        "account": HOME,
        "region": REGION,
        "service": "s3",
        "action": "s3:GetBucketPolicy",
        "code": "AccessDenied",
    }
    other: Any = {"account": "1" * 12, "region": "eu-west-1", "service": "ec2", "action": "x:Y", "code": "Z"}
    for policy, wide in (("resource-based policy", False), ("", False), ("service control policy", True)):
        one = Refusal(**base, policy=policy)
        assert of_account(one.cause) is wide
        for name, value in other.items():
            changed = Refusal(**base | {name: value}, policy=policy)
            assert (changed.cause != one.cause) is (not wide or name == "account"), (policy, name)
    assert (
        Refusal(**base, policy="identity-based policy", missing=True).cause
        != Refusal(**base, policy="identity-based policy").cause
    )
