from __future__ import annotations

from typing import Any

import pytest

from chalicelib import catalog
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.pattern import matches
from chalicelib.core.settings import Settings
from snapback.deploy.iam_policies import functions, logical_id
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, alice, cloudtrail_event
from tests.support.world import KNOWN, World, settings_with

ID = "sts.own_role_used_by_others"
ROLE = f"arn:aws:iam::{HOME}:role/snapback-GuardS3Role-1A2B3C4D5E6F"
FIXER, READER = (f"arn:aws:iam::{FRIEND}:role/snapback-{what}" for what in ("fixer-iam", "reader"))
CALLER = "snapback-GuardS3Role-1A2B3C4D5E6F/snapback-GuardS3-6F5E4D3C2B1A"
LAMBDA = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}


def session(role: str = ROLE, name: str = "snapback-GuardS3-6F5E4D3C2B1A") -> dict[str, Any]:
    """The userIdentity of a role's session."""
    account, who = role.split(":")[4], role.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEROLE000000:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{who}/{name}",
        "accountId": account,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "accountId": account, "userName": who}},
    }


def outsider(account: str) -> dict[str, Any]:
    """The caller as the role's account sees one from another account."""
    return {"type": "AWSAccount", "principalId": "AROAEXAMPLEROLE000000:snapback-GuardS3", "accountId": account}


def assumed(
    role: Any = FIXER,
    who: Any = None,
    name: Any = "snapback-0123456789abcdef",
    call: str = "AssumeRole",
    source: str = "",
    **more: Any,
) -> Envelope:
    parameters = {"roleArn": role, "roleSessionName": name, "sourceIdentity": source or name}
    return cloudtrail_event("sts", call, parameters, actor=session() if who is None else who, readOnly=True, **more)


def reported(envelope: Envelope, world: World) -> list[str]:
    world.settings = settings_with(world.settings, accounts=frozenset({FRIEND}))
    return [outcome.reason for outcome in world.deliver(envelope, ID, "fix")]


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (assumed(who=alice()), f"alice assumed {FIXER}"),
        (assumed(READER, alice(), "snapback-look"), f"alice assumed {READER}"),
        (assumed(who=alice(), userAgent="Boto3/1.40 snapback/0.1"), f"alice assumed {FIXER}"),
        (
            assumed(who=session(f"arn:aws:iam::{HOME}:role/deploy")),
            "deploy/snapback-GuardS3-6F5E4D3C2B1A assumed " + FIXER,
        ),
        (
            assumed(who=session(ROLE.replace(HOME, FRIEND))),
            f"{CALLER} of account {FRIEND} assumed {FIXER}",
        ),
        (
            assumed(name="by-hand"),
            f"{CALLER} assumed {FIXER} for no record, as by-hand",
        ),
        (
            assumed(source="snapback-ffffffffffffffff"),
            f"{CALLER} assumed {FIXER} for no record, as snapback-0123456789abcdef",
        ),
        (assumed(who=outsider(STRANGER), account=FRIEND), f"snapback-GuardS3 of account {STRANGER} assumed {FIXER}"),
        (assumed(who=LAMBDA | {"invokedBy": "ec2.amazonaws.com"}), f"ec2.amazonaws.com assumed {FIXER}"),
        (assumed(call="AssumeRoleWithSAML", who={"type": "SAMLUser", "userName": "eve"}), f"eve assumed {FIXER}"),
        (assumed(ROLE, alice(), "x"), "alice assumed snapback-GuardS3Role-1A2B3C4D5E6F, the role of a function"),
        (
            assumed(ROLE, LAMBDA | {"invokedBy": "ec2.amazonaws.com"}, "i-0"),
            "ec2.amazonaws.com assumed snapback-GuardS3Role-1A2B3C4D5E6F, the role of a function",
        ),
    ],
)
def test_a_role_of_ours_used_by_others_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    assert reported(envelope, world) == [reason]


@pytest.mark.parametrize(
    "envelope",
    [
        assumed(),
        assumed(READER, name="snapback-look"),
        assumed(who=outsider(HOME), account=FRIEND),
        assumed(READER, outsider(HOME), "snapback-look", account=FRIEND),
        assumed(ROLE, LAMBDA, "snapback-GuardS3-6F5E4D3C2B1A"),
        assumed(f"arn:aws:iam::{FRIEND}:role/deploy", alice()),
        assumed(f"arn:aws:iam::{HOME}:role/snapback-test-GuardS3Role-1A2B3C4D5E6F", alice()),
        assumed(f"arn:aws:iam::{FRIEND}:role/not-snapback-fixer-iam", alice()),
        assumed(None, alice()),
        assumed([FIXER, FIXER], alice()),
        assumed(who=alice(), errorCode="AccessDenied"),
        cloudtrail_event("sts", "AssumeRole"),
        cloudtrail_event("sts", "GetCallerIdentity", actor=session()),
    ],
)
def test_our_functions_and_the_roles_of_others_are_not(envelope: Envelope, world: World) -> None:
    assert reported(envelope, world) == []


def test_a_session_of_a_fixer_is_for_one_record_also_where_the_role_is(world: World) -> None:
    envelope = assumed(who=outsider(HOME), name="by-hand", account=FRIEND)
    assert reported(envelope, world) == [f"snapback-GuardS3 assumed {FIXER} for no record, as by-hand"]


def test_the_sessions_that_are_made_are_the_sessions_that_are_known(world: World) -> None:
    """What chalicelib/aws/sessions.py calls itself, as STS sees it."""
    calls: list[dict[str, Any]] = []
    sessions = AwsSessions(HOME, world.settings)
    sessions.source.events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_: calls.append(dict(params))
    )
    for aws in (sessions.writer(FRIEND, "us-east-1", "0123456789abcdef", "iam"), sessions.reader(FRIEND, "us-east-1")):
        aws.client("sts").get_caller_identity()
    assert [call["RoleArn"] for call in calls] == [FIXER, READER]
    for call in calls:
        source = call.get("SourceIdentity", "")
        assert reported(assumed(call["RoleArn"], name=call["RoleSessionName"], source=source), world) == []


@pytest.mark.parametrize("function", functions())
def test_each_functions_role_is_among_those_that_eventbridge_delivers(function: str) -> None:
    role = f"arn:aws:iam::{HOME}:role/snapback-{logical_id(function)}Role-1A2B3C4D5E6F"
    assert matches(catalog.rule(ID).on, assumed(role, alice()))


def test_who_does_not_know_the_stack_says_nothing(world: World) -> None:
    world.settings = Settings(allow=Allow(accounts=KNOWN.allow.accounts))
    assert reported(assumed(who=alice()), world) == []
