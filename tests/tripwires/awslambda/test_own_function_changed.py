from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "awslambda.own_function_changed"
NAME = "snapback-GuardS3-1A2B3C4D5E6F"
ARN = f"arn:aws:lambda:us-east-1:{HOME}:function:{NAME}"


def call(name: str, function: Any = NAME, answer: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("lambda", name, {"functionName": function}, answer, **detail)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("UpdateFunctionCode20150331v2", "changed its code"),
        ("UpdateFunctionConfiguration20150331v2", "changed its configuration"),
        ("DeleteFunction20150331", "deleted it"),
        ("PutFunctionConcurrency20171031", "changed its concurrency"),
        ("AddPermission20150331v2", "allowed another caller"),
        ("RemovePermission20150331v2", "removed a caller's permission"),
        ("PutFunctionEventInvokeConfig", "changed its retries or dead letters"),
        ("CreateFunctionUrlConfig", "gave it a function URL"),
        ("CreateFunctionUrlConfig20211031", "gave it a function URL"),
        ("PutResourcePolicy", "changed who may call it"),
        ("DeleteResourcePolicy", "removed all callers' permissions"),
    ],
)
def test_a_changed_function_is_reported(name: str, what: str, world: World) -> None:
    (outcome,) = world.deliver(call(name), ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", f"alice {what}: {NAME}")


@pytest.mark.parametrize("function", [ARN, f"{ARN}:$LATEST", f"{ARN}:7", f"{NAME}:live", f"{HOME}:function:{NAME}"])
def test_by_whatever_name_it_is_called(function: str, world: World) -> None:
    (outcome,) = world.deliver(call("UpdateFunctionCode20150331v2", function), ID)
    assert outcome.reason.endswith(f": {NAME}")


def test_a_source_that_is_cut_off_is_reported_by_the_answer(world: World) -> None:
    envelope = cloudtrail_event("lambda", "DeleteEventSourceMapping20150331", {"uUID": "u"}, {"functionArn": ARN})
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.reason == f"alice removed its event source: {NAME}"


@pytest.mark.parametrize(
    "envelope",
    [
        call("UpdateFunctionCode20150331v2", "orders"),
        call("UpdateFunctionCode20150331v2", "snapback-test-GuardS3-1A2B3C4D5E6F"),
        call("UpdateFunctionCode20150331v2", account=FRIEND),
        call("UpdateFunctionCode20150331v2", userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"}),
        call("UpdateFunctionCode20150331v2", errorCode="AccessDenied"),
        call("UpdateFunctionCode20150331v2", {"x": 1}),
        call("UpdateFunctionCode20150331v2", "a b"),
        call("TagResource20170331v2"),
        cloudtrail_event("lambda", "DeleteFunction20150331"),
        cloudtrail_event("lambda", "DeleteEventSourceMapping20150331", {"uUID": "u"}, {"functionArn": 1}),
    ],
)
def test_others_and_deployments_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
