from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.catalog import rule
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.iam.identities import ConsoleUser
from tests.support.cases import Case
from tests.support.events import Envelope, alice, cloudtrail_event
from tests.support.moto_gaps import enrol_mfa

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.login_profile_without_mfa"
ADMIN = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::123456789012:assumed-role/admin/carol",
    "accountId": "123456789012",
}


def given(call: str = "CreateLoginProfile", *, mfa: bool = False, parameters: Any = None, **detail: Any) -> Any:
    """Alice is given a password, and has a key and a policy of her own."""

    def made(world: World) -> Envelope:
        iam = world.client("iam")
        iam.create_user(UserName="alice")
        iam.create_access_key(UserName="alice")
        iam.create_login_profile(UserName="alice", Password="correct-horse-battery-staple")
        if mfa:
            enrol_mfa(world, "alice")
        asked = parameters or {"userName": "alice", "passwordResetRequired": False}
        return cloudtrail_event("iam", call, asked, **({"actor": ADMIN} | detail))

    return made


def taken_away_since(world: World) -> Envelope:
    envelope: Envelope = given()(world)
    world.client("iam").delete_login_profile(UserName="alice")
    return envelope


def password(world: World) -> str | None:
    iam = world.client("iam")
    try:
        return str(iam.get_login_profile(UserName="alice")["LoginProfile"]["CreateDate"])
    except iam.exceptions.NoSuchEntityException:
        return None


def whole(world: World) -> Any:
    iam = world.client("iam")
    keys = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    return iam.get_user(UserName="alice")["User"], keys, password(world)


def remove(world: World) -> None:
    iam = world.client("iam")
    if password(world):
        iam.delete_login_profile(UserName="alice")
    for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="alice")


CASE = Case(
    unsafe=(
        given(),
        given("UpdateLoginProfile"),
        given(parameters={"passwordResetRequired": True}, actor=alice()),
    ),
    near_misses=(given(mfa=True), given("UpdateLoginProfile", mfa=True), taken_away_since),
    whole=whole,
    remove=remove,
    disturb=lambda world: world.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "web"}]),
)


def test_it_waits_for_the_user_to_enrol_a_device() -> None:
    assert rule(ID).grace == timedelta(minutes=15)  # type: ignore[attr-defined]


def test_a_person_is_asked_since_no_password_can_be_given_back(world: World) -> None:
    (outcome,) = world.deliver(given()(world), ID, "fix")
    assert outcome.status == Status.ASKING
    assert password(world)


def test_who_enrols_before_the_approval_keeps_the_password(world: World) -> None:
    (outcome,) = world.deliver(given()(world), ID, "fix")
    enrol_mfa(world, "alice")
    world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert password(world)


def test_the_keys_stay(world: World) -> None:
    (outcome,) = world.deliver(given()(world), ID, "ask")
    world.application("ask", ID).engine.approve(outcome.record, "carol")
    assert password(world) is None
    assert [key["Status"] for key in whole(world)[1]] == ["Active"]


@pytest.mark.parametrize(
    "detail",
    [
        {"requestParameters": None},
        {"requestParameters": {"userName": {"a": 1}}, "userIdentity": None},
        {"requestParameters": {}, "userIdentity": {"type": "Root", "userName": "corp"}},
    ],
)
def test_an_event_that_names_no_user_finds_nothing(detail: dict[str, Any]) -> None:
    event = cloudtrail_event("iam", "CreateLoginProfile", **({"actor": ADMIN} | detail))
    assert not list(ConsoleUser.in_event(Event.parse(event)))
