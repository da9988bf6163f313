"""Two fixes of one document: fixed and undone in every order, with a third hand in between."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.errors import Drifted
from chalicelib.core.event import Event
from chalicelib.core.types import Mode, Status
from tests.support.events import FRIEND, HOME, STRANGER, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.record import Record
    from tests.support.world import World

BUCKET, ROLE = "acme-data", "deploy"
TLS, PUBLIC, UNKNOWN = (
    "s3.bucket_allows_plain_http",
    "s3.bucket_policy_made_public",
    "s3.bucket_policy_trusts_unknown_account",
)
STRANGERS, WEB = "iam.role_trusts_unknown_account", "iam.role_trusts_any_web_identity"
GITHUB = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"


def allow(sid: str, who: Any, action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    where = {} if action.startswith("sts:") else {"Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    return {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, **where, **more}


@pytest.fixture(autouse=True)
def _nobody_knows_who(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto has no LookupEvents."""
    monkeypatch.setattr("chalicelib.aws.change_author.who_changed", lambda *_: None)


@dataclass(frozen=True)
class Document:
    """A document that several fixes write: how it is made, read and put, and an unrelated statement of a third hand."""

    rules: tuple[str, ...]
    make: Callable[[World], None]
    get: Callable[[World], Any]
    put: Callable[[World, Any], None]
    event: Callable[[], Any]
    third: dict[str, Any]


def make_bucket(world: World) -> None:
    world.client("s3").create_bucket(Bucket=BUCKET)
    root = {"AWS": f"arn:aws:iam::{HOME}:root"}
    unknown = {"AWS": [f"arn:aws:iam::{STRANGER}:root", f"arn:aws:iam::{HOME}:root"]}
    put_bucket(world, [allow("Own", root, "s3:*"), allow("Public", "*"), allow("Unknown", unknown)])


def put_bucket(world: World, statements: Any) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    world.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)


def get_bucket(world: World) -> Any:
    return json.loads(world.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]


def make_role(world: World) -> None:
    unknown = {"AWS": [f"arn:aws:iam::{STRANGER}:root", f"arn:aws:iam::{HOME}:root"]}
    claims = {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}
    web = allow("Web", {"Federated": GITHUB}, "sts:AssumeRoleWithWebIdentity", Condition=claims)
    statements = [allow("Partner", unknown, "sts:AssumeRole"), web]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    world.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy)


def put_role(world: World, statements: Any) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    world.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=policy)


def get_role(world: World) -> Any:
    return world.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]


POLICY = Document(
    rules=(TLS, PUBLIC, UNKNOWN),
    make=make_bucket,
    get=get_bucket,
    put=put_bucket,
    event=lambda: cloudtrail_event("s3", "PutBucketPolicy", {"bucketName": BUCKET}),
    third=allow("Third", {"AWS": f"arn:aws:iam::{FRIEND}:root"}),
)
TRUST = Document(
    rules=(STRANGERS, WEB),
    make=make_role,
    get=get_role,
    put=put_role,
    event=lambda: cloudtrail_event("iam", "UpdateAssumeRolePolicy", {"roleName": ROLE}),
    third=allow("Third", {"AWS": f"arn:aws:iam::{FRIEND}:root"}, "sts:AssumeRole"),
)
ORDERS = [
    (document, fixed, undone)
    for document in (POLICY, TRUST)
    for fixed in permutations(document.rules, 2)
    for undone in permutations(fixed)
]


def normal(statements: Any) -> list[str]:
    """Statements whatever their order, and principals whatever theirs."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list):
            return sorted(map(plain, value), key=str) if len(value) > 1 else plain(value[0])
        return value

    return sorted(json.dumps(plain(each), sort_keys=True) for each in statements)


def fix(world: World, document: Document, rules: tuple[str, ...]) -> dict[str, Record]:
    for rule in rules:
        application = world.application(Mode.FIX, rule)
        outcomes = application.engine.handle(Event.parse(document.event()), [catalog.rule(rule)])
        assert [each.status for each in outcomes] == [Status.FIXED], rule
        world.later(seconds=5)
    return {record.guardrail: record for record in world.records()}


def is_unsafe(world: World, record: Record) -> bool:
    application = world.application(Mode.FIX)
    reader = application.sessions.reader(record.account, record.region)
    rule: Any = catalog.rule(record.guardrail)
    return rule(record.pointer(), reader) is not None


def no_record_lies(world: World) -> None:
    for record in world.records():
        assert record.status is not Status.FIXED or not is_unsafe(world, record), record.guardrail


@pytest.mark.parametrize(("document", "fixed", "undone"), ORDERS)
def test_two_fixes_are_undone_in_either_order(
    document: Document, fixed: tuple[str, ...], undone: tuple[str, ...], world: World
) -> None:
    document.make(world)
    before = document.get(world)
    records = fix(world, document, fixed)
    for rule in undone:
        done = world.application(Mode.FIX).engine.undo(records[rule].id, "bob")
        assert done.status is Status.UNDONE
        assert (done.before, done.after) == (records[rule].before, records[rule].after)
        no_record_lies(world)
        world.later(seconds=5)
    assert normal(document.get(world)) == normal(before)


@pytest.mark.parametrize(("document", "fixed", "undone"), ORDERS)
def test_a_third_hands_edit_stays_and_is_shown_before_it_is_merged(
    document: Document, fixed: tuple[str, ...], undone: tuple[str, ...], world: World
) -> None:
    document.make(world)
    before = document.get(world)
    records = fix(world, document, fixed)
    document.put(world, [*document.get(world), document.third])
    for rule in undone:
        if rule == undone[0]:
            with pytest.raises(Drifted, match="keep that change"):
                world.application(Mode.FIX).engine.undo(records[rule].id, "bob")
        world.application(Mode.FIX).engine.undo(records[rule].id, "bob", force=True)
        no_record_lies(world)
        world.later(seconds=5)
    assert normal(document.get(world)) == normal([*before, document.third])


def test_where_an_edit_is_not_found_any_more_nothing_is_done_without_a_person(world: World) -> None:
    document = POLICY
    document.make(world)
    records = fix(world, document, (PUBLIC, TLS))
    document.put(world, [each for each in document.get(world) if each["Effect"] == "Allow"])
    before = document.get(world)
    with pytest.raises(Drifted, match="would overwrite that"):
        world.application(Mode.FIX).engine.undo(records[TLS].id, "bob")
    assert document.get(world) == before
    assert world.record(records[TLS].id).status is Status.FIXED
