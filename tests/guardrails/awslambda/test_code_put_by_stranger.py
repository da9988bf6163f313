from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.awslambda.stop_function import StopFunction
from chalicelib.resources.awslambda import Deployment
from tests.guardrails.awslambda.functions import ARN, CODE, CREATE, NAME, code, disturb, event, make, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, alice
from tests.support.world import KNOWN, World, baseline_of

ID = "awslambda.code_put_by_stranger"
CI = f"arn:aws:iam::{HOME}:role/ci-*"


def session(role: str, name: str = "run-17") -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{HOME}:role/{role}", "accountId": HOME, "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{HOME}:assumed-role/{role}/{name}",
        "accountId": HOME,
        "sessionContext": {"sessionIssuer": issuer},
    }


def put(
    text: str = "print(1)", *, by: Any = None, reserved: int | None = None, deployers: Any = (CI,), name: str = NAME
) -> Any:
    """Code that somebody put there, over other code; by alice, if it isn't told by whom."""

    def made(world: World) -> Envelope:
        world.settings = replace(
            world.settings, **baseline_of(replace(KNOWN, allow=replace(KNOWN.allow, deployers=deployers)))
        )
        make(world)
        client = world.client("lambda")
        if reserved is not None:
            client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=reserved)
        answer = client.update_function_code(FunctionName=NAME, ZipFile=code(text))
        return event(CODE, answer, name=name, actor=by)

    return made


def created(world: World) -> Envelope:
    world.settings = replace(world.settings, **baseline_of(replace(KNOWN, allow=replace(KNOWN.allow, deployers=(CI,)))))
    return event(CREATE, make(world), actor=session("admin"))


def put_right_since(world: World) -> Envelope:
    envelope: Envelope = put()(world)
    world.client("lambda").update_function_code(FunctionName=NAME, ZipFile=code("print(2)"))
    return envelope


CASE = Case(
    unsafe=(put(), put(by=session("admin"), reserved=5), created, put(name=ARN, reserved=1)),
    near_misses=(
        put(by=session("ci-shop")),
        put(deployers=()),
        put(deployers=(f"arn:aws:iam::{HOME}:user/alice",)),
        put_right_since,
        put(reserved=0),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_who_it_was_is_reported(world: World) -> None:
    (outcome,) = world.deliver(put(by=session("admin"))(world), ID, "alert")
    who = f"arn:aws:iam::{HOME}:role/admin"
    assert outcome.reason == f"its code was deployed by {who}, who isn't in allow.deployers"
    assert outcome.resource == ARN


def test_nothing_is_stopped_unless_the_settings_name_it(world: World) -> None:
    application = world.application("fix", allow=replace(KNOWN.allow, deployers=(CI,)))
    envelope = put()(world)
    outcomes = application.guard("awslambda", envelope)
    assert [each.status for each in outcomes if each.guardrail == ID] == [Status.ALERTED]
    assert whole(world)["reserved"] is None


def test_snapbacks_own_functions_are_never_stopped(world: World) -> None:
    name = "snapback-GuardS3-1A2B3C4D5E6F"
    world.settings = replace(world.settings, **baseline_of(replace(KNOWN, allow=replace(KNOWN.allow, deployers=(CI,)))))
    (outcome,) = world.deliver(event(CREATE, make(world, name=name), name=name), ID)
    assert outcome.status == Status.ALERTED
    assert not world.client("lambda").get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    state = {"account": HOME, "function": name, "reserved": None}
    assert StopFunction().safe(state, FixContext(KNOWN)) == state


@pytest.mark.parametrize("reserved", [None, 5])
def test_an_undo_reserves_what_was_reserved(world: World, reserved: int | None) -> None:
    (outcome,) = world.deliver(put(reserved=reserved)(world), ID)
    assert whole(world)["reserved"] == 0
    assert world.application("fix", ID).engine.undo(outcome.record, "bob").status == Status.UNDONE
    assert whole(world)["reserved"] == reserved


@pytest.mark.parametrize(
    "detail",
    [
        {"requestParameters": None, "responseElements": None},
        {"responseElements": {"functionName": NAME}},
        {"responseElements": {"functionName": NAME, "codeSha256": "a b"}},
        {"responseElements": {"functionName": NAME, "codeSha256": 7}},
        {"requestParameters": {"functionName": "a b"}, "responseElements": {"codeSha256": "abc="}},
    ],
)
def test_an_event_without_function_or_digest_finds_nothing(detail: Any) -> None:
    envelope = event(CODE)
    envelope["detail"] |= detail
    assert not list(Deployment.in_event(Event.parse(envelope)))


def test_a_deployment_is_told_apart_by_function_code_and_who() -> None:
    envelope = event(CODE, {"CodeSha256": "abc="}, name=f"{ARN}:live")
    (found,) = Deployment.in_event(Event.parse(envelope))
    assert (found.name, found.code, found.who) == (NAME, "abc=", alice()["arn"])
    assert (found.arn, found.region) == (ARN, REGION)


def test_no_deployment_is_found_without_an_event_and_tags_are_its_functions(world: World) -> None:
    envelope = put()(world)
    reader = world.application().sessions.reader(HOME, REGION)
    assert not list(Deployment.all_in(reader))
    (found,) = Deployment.in_event(Event.parse(envelope))
    assert found.tags(reader) == {"team": "web"}
