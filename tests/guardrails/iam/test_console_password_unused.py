from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.catalog import rule
from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from chalicelib.engine.context import is_gone
from chalicelib.resources.iam.identities import ConsoleUser
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.console_password_unused"


def of(*, made: int, used: int | None, password: bool = True, **known: int) -> Any:
    """alice, made with her password, and signed in so many days ago."""

    def make(world: World) -> Envelope:
        from moto.iam.models import iam_backends

        world.settings = Settings(require=Require(**known))  # type: ignore[arg-type]
        world.client("iam").create_user(UserName="alice")
        if password:
            world.client("iam").create_login_profile(UserName="alice", Password="correct horse")
        now, alice = world.clock.replace(tzinfo=None), iam_backends[HOME]["aws"].users["alice"]
        alice.create_date = now - timedelta(days=made)
        alice.password_last_used = None if used is None else now - timedelta(days=used)  # type: ignore[assignment]
        return scheduled_event()

    return make


def whole(world: World) -> Any:
    try:
        password = world.client("iam").get_login_profile(UserName="alice")["LoginProfile"]
    except ClientError:
        password = None
    return world.client("iam").get_user(UserName="alice")["User"], password


CASE = Case(
    unsafe=(of(made=400, used=45), of(made=45, used=None), of(made=30, used=20, unused_days=20)),
    near_misses=(
        of(made=400, used=44),
        of(made=44, used=None),
        of(made=400, used=None, password=False),
        of(made=400, used=300, password=False),
        of(made=10, used=300),  # A new password for one who had an old one.
        of(made=400, used=100, unused_days=365),
    ),
    whole=whole,
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of(made=400, used=50), "the console password was last used 50 days ago"),
        (of(made=50, used=None), "the console password was made 50 days ago and never used"),
    ],
)
def test_the_reason_tells_how_long(world: World, make: Any, reason: str) -> None:
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


def test_one_who_signed_in_lately_costs_one_read(world: World) -> None:
    of(made=400, used=1)(world)
    assert rule(ID)(ConsoleUser("user/alice", HOME, REGION), world.application().sessions.reader(HOME, REGION)) is None  # type: ignore[operator]
    assert [call.operation for call in world.calls] == ["GetUser"]


def test_a_user_deleted_since_is_gone(world: World) -> None:
    of(made=400, used=None)(world)
    world.client("iam").delete_login_profile(UserName="alice")
    world.client("iam").delete_user(UserName="alice")
    user = ConsoleUser("user/alice", HOME, REGION)
    with pytest.raises(ClientError) as caught:
        rule(ID)(user, world.application().sessions.reader(HOME, REGION))  # type: ignore[operator]
    assert is_gone(user, caught.value)
