from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.administrators_group_joined"
ADMINS = f"arn:aws:iam::{HOME}:group/ops/admins"


def join(group: Any = "admins", user: Any = "bob", name: str = "AddUserToGroup", **detail: Any) -> Envelope:
    return cloudtrail_event("iam", name, {"groupName": group, "userName": user}, **detail)


@pytest.mark.parametrize(
    "named", [ADMINS, ADMINS.replace("ops/", ""), f"arn:aws:iam::{HOME}:group/*", "arn:aws:iam::*:group/adm*"]
)
def test_who_joins_is_reported(named: str, world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(named,)))
    (outcome,) = world.deliver(join(), ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", "alice added user bob to the administrators' group admins")


def test_an_event_without_a_user_is_reported_too(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(ADMINS,)))
    (outcome,) = world.deliver(join(user=None), ID)
    assert outcome.reason == "alice added user ? to the administrators' group admins"


@pytest.mark.parametrize(
    "envelope", [join("builders"), join(None), join(name="RemoveUserFromGroup"), join(errorCode="AccessDenied")]
)
def test_other_groups_and_calls_are_not(envelope: Envelope, world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(ADMINS,)))
    assert not world.deliver(envelope, ID)


@pytest.mark.parametrize(
    "principals",
    [
        (),
        (ADMINS.replace(HOME, STRANGER),),
        (ADMINS, f"arn:aws:iam::{HOME}:user/team/bob"),
        (ADMINS, f"arn:aws:iam::{HOME}:user/alice"),
    ],
)
def test_who_may_is_not(principals: tuple[str, ...], world: World) -> None:
    world.settings = Settings(allow=Allow(principals=principals))
    assert not world.deliver(join(), ID)
