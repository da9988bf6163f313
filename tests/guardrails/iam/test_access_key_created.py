from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws.sessions import AwsSessions
from chalicelib.catalog import rule
from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.resources.iam.access_keys import AccessKey
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, alice, cloudtrail_event
from tests.support.world import KNOWN, World

ID = "iam.access_key_created"
ROOT = {"type": "Root", "principalId": HOME, "arn": f"arn:aws:iam::{HOME}:root", "accountId": HOME, "userName": "corp"}
ADMIN = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/admin/carol",
    "accountId": HOME,
}


def new_key(world: World, path: str = "/") -> str:
    iam = world.client("iam")
    if not iam.list_users()["Users"]:
        iam.create_user(UserName="alice", Path=path, Tags=[{"Key": "team", "Value": "web"}])
    return str(iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"])


def created(key: str, **detail: Any) -> Envelope:
    answer = {"accessKey": {"userName": "alice", "accessKeyId": key, "status": "Active", "createDate": "Nov 23, 2026"}}
    return cloudtrail_event("iam", "CreateAccessKey", {"userName": "alice"}, answer, **({"actor": ADMIN} | detail))


def for_another(world: World) -> Envelope:
    return created(new_key(world))


def for_oneself(world: World) -> Envelope:
    answer = {"accessKey": {"accessKeyId": new_key(world), "status": "Active", "createDate": "Nov 23, 2026"}}
    return cloudtrail_event("iam", "CreateAccessKey", None, answer, actor=alice())


def of_a_user_with_a_path(world: World) -> Envelope:
    return created(new_key(world, "/engineering/web/"))


def beside_an_older_key(world: World) -> Envelope:
    new_key(world)
    return created(new_key(world))


def switched_on_again(world: World) -> Envelope:
    parameters = {"userName": "alice", "accessKeyId": new_key(world), "status": "Active"}
    return cloudtrail_event("iam", "UpdateAccessKey", parameters)


def switched_off_since(world: World) -> Envelope:
    key = new_key(world)
    world.client("iam").update_access_key(UserName="alice", AccessKeyId=key, Status="Inactive")
    return created(key)


def of_a_user_who_may(*principals: str) -> Any:
    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(principals=principals))
        return created(new_key(world, "/ci/"))

    return made


def whole(world: World) -> Any:
    iam = world.client("iam")
    keys = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    return iam.get_user(UserName="alice")["User"], sorted(keys, key=lambda key: key["AccessKeyId"])


def remove(world: World) -> None:
    iam = world.client("iam")
    for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])


CASE = Case(
    unsafe=(for_another, for_oneself, of_a_user_with_a_path, beside_an_older_key, switched_on_again),
    near_misses=(
        switched_off_since,
        of_a_user_who_may("arn:aws:iam::*:user/ci/*"),
        of_a_user_who_may(f"arn:aws:iam::{HOME}:user/ci/alice"),
    ),
    whole=whole,
    remove=remove,
)


def test_the_users_other_key_goes_on_working(world: World) -> None:
    envelope = beside_an_older_key(world)
    world.deliver(envelope, ID)
    status = {key["AccessKeyId"]: key["Status"] for key in whole(world)[1]}
    assert status.pop(envelope["detail"]["responseElements"]["accessKey"]["accessKeyId"]) == "Inactive"
    assert list(status.values()) == ["Active"]


def test_a_user_of_the_same_name_under_another_path_is_not_known(world: World) -> None:
    (outcome,) = world.deliver(of_a_user_who_may("arn:aws:iam::*:user/alice", "arn:aws:iam::*:user/c?/bob")(world), ID)
    assert outcome.status == Status.FIXED
    assert f"arn:aws:iam::{HOME}:user/ci/alice isn't allowed to have access keys" in outcome.reason


def test_a_deleted_user_is_gone_like_a_deleted_key(world: World) -> None:
    envelope = for_another(world)
    remove(world)
    world.client("iam").delete_user(UserName="alice")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "gone"


@pytest.mark.parametrize("answered_name", [{}, {"userName": "corp"}])
def test_a_key_of_the_root_user_is_left_to_another_guardrail(world: World, answered_name: dict[str, str]) -> None:
    answer = {"accessKey": {"accessKeyId": "AKIAEXAMPLEROOT00000", "status": "Active"} | answered_name}
    (outcome,) = world.deliver(cloudtrail_event("iam", "CreateAccessKey", None, answer, actor=ROOT), ID)
    assert outcome.status == "compliant"
    assert not [call for call in world.calls if call.service == "iam"]


def test_a_key_that_root_makes_for_a_user_is_the_users(world: World) -> None:
    (outcome,) = world.deliver(created(new_key(world), actor=ROOT), ID)
    assert outcome.status == Status.FIXED


@pytest.mark.parametrize(
    "detail",
    [
        {"requestParameters": None, "responseElements": None},
        {"requestParameters": {}, "responseElements": {"accessKey": None}},
        {"requestParameters": {"userName": 7}, "responseElements": {"accessKey": {"accessKeyId": ["a", "b"]}}},
        {"requestParameters": None, "responseElements": {"accessKey": {"accessKeyId": "AKIAEXAMPLE000000000"}}},
        {"userIdentity": None, "responseElements": "accessKey"},
        {
            "eventName": "UpdateAccessKey",
            "requestParameters": {"accessKeyId": "AKIAEXAMPLEROOT00000"},
            "userIdentity": ROOT,
        },
    ],
)
def test_an_event_that_names_no_key_or_no_user_finds_nothing(detail: dict[str, Any]) -> None:
    assert not list(AccessKey.in_event(Event.parse(created("AKIAEXAMPLE000000000", **detail))))


def test_the_sweep_meets_every_users_keys_once_whatever_the_region(world: World) -> None:
    key = new_key(world, "/ci/")
    world.client("iam").create_user(UserName="keyless")
    sessions = AwsSessions(HOME, KNOWN)
    assert list(AccessKey.all_in(sessions.reader(HOME, REGION))) == [AccessKey(f"alice/{key}", HOME, REGION)]
    assert not list(AccessKey.all_in(sessions.reader(HOME, "eu-west-1")))


def test_tags_are_the_users_and_root_has_none(world: World) -> None:
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    assert AccessKey(f"alice/{new_key(world)}", HOME, REGION).tags(reader) == {"team": "web"}
    assert AccessKey("AKIAEXAMPLEROOT00000", HOME, REGION).tags(reader) == {}


def test_a_key_on_a_later_page_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    pages = [
        {"AccessKeyMetadata": [{"AccessKeyId": "AKIAEXAMPLE000000001", "Status": "Inactive"}]},
        {"AccessKeyMetadata": [{"AccessKeyId": "AKIAEXAMPLE000000002", "Status": "Active"}]},
    ]
    paginator = type("Pages", (), {"paginate": lambda self, **_: iter(pages)})()
    monkeypatch.setattr(reader.client("iam"), "get_paginator", lambda name: paginator)
    fix = rule(ID).fix  # type: ignore[attr-defined]
    assert fix.read(AccessKey("alice/AKIAEXAMPLE000000002", HOME, REGION), reader) == {"status": "Active"}


def test_a_key_that_made_the_call_itself_is_not_switched_off_unasked(world: World) -> None:
    key = new_key(world)
    parameters = {"userName": "alice", "accessKeyId": key, "status": "Active"}
    itself = cloudtrail_event("iam", "UpdateAccessKey", parameters, actor=alice() | {"accessKeyId": key})
    (outcome,) = world.deliver(itself, ID)
    assert outcome.status == Status.ASKING
    note = world.record(outcome.record).history[-1].note
    assert note == "alice made this call with the same key, which the fix would deactivate"
    assert whole(world)[1][0]["Status"] == "Active"


def test_the_key_of_a_user_who_is_never_touched_is_only_reported(world: World) -> None:
    world.settings = Settings(never_touch=("arn:aws:iam::*:user/alice",))
    envelope = for_another(world)
    before = whole(world)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, whole(world)) == (Status.ALERTED, before)
