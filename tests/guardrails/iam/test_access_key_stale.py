from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.catalog import rule
from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from chalicelib.resources.iam.access_keys import AccessKey
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.access_key_stale"


def key(world: World, made: int, used: int | None = None, *, status: str = "Active") -> str:
    """A key of alice, made and last used so many days ago."""
    from moto.iam.models import AccessKeyLastUsed, iam_backends

    iam = world.client("iam")
    if not iam.list_users()["Users"]:
        iam.create_user(UserName="alice", Tags=[{"Key": "team", "Value": "web"}])
    new = str(iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"])
    (own,) = (each for each in iam_backends[HOME]["aws"].users["alice"].access_keys if each.access_key_id == new)
    now = world.clock.replace(tzinfo=None)
    own.create_date, own.status = now - timedelta(days=made), status
    own.last_used = None if used is None else AccessKeyLastUsed(now - timedelta(days=used), "s3", REGION)
    return new


def of(*keys: tuple[Any, ...], status: str = "Active", **known: int) -> Any:
    def made(world: World) -> Envelope:
        world.settings = Settings(require=Require(**known))  # type: ignore[arg-type]
        for each in keys:
            key(world, *each, status=status)
        return scheduled_event()

    return made


def whole(world: World) -> Any:
    iam = world.client("iam")
    keys = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    return iam.get_user(UserName="alice")["User"], sorted(keys, key=lambda each: each["AccessKeyId"])


CASE = Case(
    unsafe=(
        of((91, 0)),
        of((91, None)),
        of((80, 45)),
        of((46, None)),
        of((30, 1), key_days=29),
        of((80, 20), unused_days=20),
    ),
    near_misses=(
        of((90, 44)),
        of((44, None)),
        of((400, None), status="Inactive"),
        of((90, 0), (1, None)),
        of((400, 300), key_days=500, unused_days=365),
    ),
    whole=whole,
    disturb=lambda world: world.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "sales"}]),
)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (of((91, 0)), "is 91 days old; the limit is 90 days"),
        (of((80, 50)), "was last used 50 days ago"),
        (of((50, None)), "was made 50 days ago and never used"),
    ],
)
def test_the_reason_tells_how_old_or_how_long_unused(world: World, made: Any, reason: str) -> None:
    (outcome,) = world.deliver(made(world), ID, "alert")
    assert outcome.reason.endswith(reason)


def test_the_users_new_key_goes_on_working(world: World) -> None:
    old, new = key(world, 200, 0), key(world, 1, 0)
    world.deliver(scheduled_event(), ID)
    assert {each["AccessKeyId"]: each["Status"] for each in whole(world)[1]} == {old: "Inactive", new: "Active"}


def test_a_young_key_costs_no_look_at_its_use(world: World) -> None:
    of((44, None))(world)
    reader = world.application().sessions.reader(HOME, REGION)
    assert [rule(ID)(each, reader) for each in AccessKey.all_in(reader)] == [None]  # type: ignore[operator]
    assert [call.operation for call in world.calls] == ["ListUsers", "ListAccessKeys"]
