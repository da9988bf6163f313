from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.analysis.policy_document import Statement
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.awslambda.remove_permissions import RemovePermissions, permission
from chalicelib.resources.awslambda import Qualified
from tests.guardrails.awslambda.functions import ARN, NAME, event, make, policies, remove, whole, with_alias
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World

ID = "awslambda.function_policy_made_public"
ADD = "AddPermission20150331v2"
INVOKE = "lambda:InvokeFunction"
S3, EVENTS = "s3.amazonaws.com", "events.amazonaws.com"
OWN_BUCKET = {"Principal": S3, "SourceArn": "arn:aws:s3:::shop-media", "SourceAccount": HOME}


def allow(world: World, sid: str, **permission: Any) -> None:
    world.client("lambda").add_permission(
        **{"FunctionName": NAME, "StatementId": sid, "Action": INVOKE, **permission},
    )


def allowed(*, qualifier: str = "", name: str = NAME, **permission: Any) -> Any:
    """A function with a permission of our own bucket, and one more."""

    def made(world: World) -> Envelope:
        make(world)
        asked = {}
        if qualifier:
            with_alias(world, qualifier)
            asked = {"Qualifier": qualifier}
        allow(world, "bucket", **OWN_BUCKET, **asked)
        allow(world, "new", **permission, **asked)
        parameters = {"statementId": "new", "action": INVOKE, "principal": permission["Principal"]}
        if qualifier and ":" not in name:
            parameters["qualifier"] = qualifier
        return event(ADD, name=name, **parameters)

    return made


def removed_since(world: World) -> Envelope:
    envelope: Envelope = allowed(Principal="*")(world)
    for sid in ("new", "bucket"):
        world.client("lambda").remove_permission(FunctionName=NAME, StatementId=sid)
    return envelope


def rule_may_call(world: World) -> None:
    allow(world, "rule", Principal=EVENTS, SourceArn=f"arn:aws:events:{REGION}:{HOME}:rule/nightly")


CASE = Case(
    unsafe=(
        allowed(Principal="*", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE"),
        allowed(Principal=S3, qualifier="live"),
        allowed(Principal=STRANGER, name=f"{ARN}:live", qualifier="live"),
        allowed(Principal="*", InvokedViaFunctionUrl=True, name=f"{HOME}:function:{NAME}"),
    ),
    near_misses=(
        allowed(Principal=EVENTS, SourceAccount=HOME),
        allowed(Principal=FRIEND),
        allowed(Principal="alexa-appkit.amazon.com", EventSourceToken="amzn1.ask.skill.1"),
        removed_since,
    ),
    whole=whole,
    remove=remove,
    disturb=rule_may_call,
)


def reader() -> Any:
    return AwsSessions(HOME, KNOWN).reader(HOME, REGION)


def writer() -> Any:
    return AwsSessions(HOME, KNOWN).writer(HOME, REGION, "record", "awslambda")


def test_who_gets_in_and_how_is_reported(world: World) -> None:
    make(world)
    for sid, principal in {"a": "*", "b": S3, "c": STRANGER}.items():
        allow(world, sid, Principal=principal)
    (outcome,) = world.deliver(event(ADD), ID, "alert")
    stranger = f"arn:aws:iam::{STRANGER}:root (unknown account)"
    assert outcome.reason == (
        f"its policy gives access to anyone in statement a, {INVOKE}; {S3} on anyone's behalf in statement b, {INVOKE}; "
        f"{stranger} in statement c, {INVOKE}"
    )


def test_the_functions_other_policies_are_untouched(world: World) -> None:
    envelope = allowed(Principal="*", qualifier="live")(world)
    allow(world, "open", Principal="*")
    before = policies(world)
    world.deliver(envelope, ID)
    assert policies(world) == {"": before[""], "live": before["live"][:1]}


def test_what_was_allowed_since_does_not_stand_in_the_way_of_an_undo(world: World) -> None:
    (outcome,) = world.deliver(allowed(Principal="*")(world), ID)
    rule_may_call(world)
    undone = world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert undone.status == Status.UNDONE
    assert [each["Sid"] for each in policies(world)[""]] == ["bucket", "new", "rule"]


def test_a_write_goes_on_where_it_broke_off(world: World) -> None:
    make(world)
    for sid in ("a", "b"):
        allow(world, sid, Principal="*")
    fix, function = RemovePermissions(), Qualified(NAME, HOME, REGION)
    before = fix.read(function, reader())
    world.client("lambda").remove_permission(FunctionName=NAME, StatementId="a")
    fix.write(function, {"statements": []}, writer())
    assert policies(world)[""] == []
    allow(world, "a", Principal="*")
    fix.write(function, before, writer())
    assert policies(world)[""] == before["statements"]


def test_a_statement_of_the_same_id_gives_way_to_an_undo(world: World) -> None:
    make(world)
    allow(world, "a", Principal="*")
    fix, function = RemovePermissions(), Qualified(NAME, HOME, REGION)
    before = fix.read(function, reader())
    world.client("lambda").remove_permission(FunctionName=NAME, StatementId="a")
    allow(world, "a", Principal=FRIEND)
    fix.write(function, before, writer())
    assert policies(world)[""] == before["statements"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Sid": None},
        {"Effect": "Deny"},
        {"Action": [INVOKE, "lambda:GetFunction"]},
        {"Principal": {"AWS": ["1", "2"]}},
        {"Principal": {"Federated": "a"}},
        {"Principal": {}},
        {"NotAction": INVOKE},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}}},
    ],
)
def test_what_could_not_be_put_back_stays(changed: dict[str, Any]) -> None:
    statement = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": ARN, **changed}
    assert permission(statement) is None
    assert RemovePermissions().safe({"statements": [statement]}, FixContext(KNOWN)) == {"statements": [statement]}


PERMISSIONS = st.fixed_dictionaries(
    {"Principal": st.sampled_from(["*", S3, EVENTS, STRANGER, FRIEND, f"arn:aws:iam::{STRANGER}:role/x"])},
    optional={
        "SourceArn": st.sampled_from(["arn:aws:s3:::media", f"arn:aws:sns:{REGION}:{HOME}:a"]),
        "FunctionUrlAuthType": st.sampled_from(["NONE", "AWS_IAM"]),
        "InvokedViaFunctionUrl": st.just(True),
        "EventSourceToken": st.just("amzn1.ask.skill.1"),
    },
)


@given(st.lists(PERMISSIONS, max_size=4))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_removed_is_just_what_lets_strangers_in_and_comes_back_as_it_was(
    world: World, permissions: list[dict[str, Any]]
) -> None:
    make(world)
    for number, each in enumerate(permissions):
        allow(world, f"s{number}", **each)
    before = policies(world)[""]
    fix, function = RemovePermissions(), Qualified(NAME, HOME, REGION)
    state = fix.read(function, reader())
    fix.write(function, fix.safe(state, FixContext(KNOWN)), writer())
    assert policies(world)[""] == [each for each in before if each not in state["statements"]]
    assert fix.read(function, reader()) == {"statements": []}
    fix.write(function, state, writer())
    assert policies(world)[""] == before
    remove(world)


def test_lambda_at_edge_may_copy_the_function() -> None:
    replicator = {"Service": "replicator.lambda.amazonaws.com"}
    statement = {"Sid": "a", "Effect": "Allow", "Principal": replicator, "Action": "lambda:GetFunction"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    assert not RemovePermissions().found(policy, KNOWN, HOME)  # type: ignore[arg-type]
    assert list(Statement(0, statement).principals())


@pytest.mark.parametrize(
    ("name", "qualifier", "id"),
    [
        (NAME, None, NAME),
        (NAME, "live", f"{NAME}:live"),
        (NAME, "$LATEST", NAME),
        (f"{NAME}:7", None, f"{NAME}:7"),
        (ARN, None, NAME),
        (f"{ARN}:live", "live", f"{NAME}:live"),
        (f"{HOME}:function:{NAME}", None, NAME),
        (f"function:{NAME}:$LATEST", None, NAME),
    ],
)
def test_functions_are_found_by_any_of_their_names(name: str, qualifier: Any, id: str) -> None:
    envelope = cloudtrail_event("lambda", ADD, {"functionName": name, "qualifier": qualifier})
    (found,) = Qualified.in_event(Event.parse(envelope))
    assert found == Qualified(id, HOME, REGION)
    assert found.arn == f"arn:aws:lambda:{REGION}:{HOME}:function:{id}"


def test_a_policy_put_as_a_whole_names_its_function_by_arn() -> None:
    envelope = cloudtrail_event("lambda", "PutResourcePolicy", {"resourceArn": f"{ARN}:live", "policy": "{}"})
    assert list(Qualified.in_event(Event.parse(envelope))) == [Qualified(f"{NAME}:live", HOME, REGION)]


@pytest.mark.parametrize(
    "parameters", [None, {}, NAME, {"functionName": None}, {"functionName": 7}, {"functionName": "a b"}]
)
def test_a_strange_event_names_no_function(parameters: Any) -> None:
    assert not list(Qualified.in_event(Event.parse(cloudtrail_event("lambda", ADD, parameters))))


def test_all_functions_versions_and_aliases_are_found_with_their_tags(world: World) -> None:
    make(world)
    with_alias(world)
    found = sorted(Qualified.all_in(reader()), key=lambda each: each.id)
    assert [each.id for each in found] == [NAME, f"{NAME}:1", f"{NAME}:live"]
    assert [each.tags(reader()) for each in found] == [{"team": "web"}] * 3
