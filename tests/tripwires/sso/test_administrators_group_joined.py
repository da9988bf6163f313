from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "sso.administrators_group_joined"
ADMINS, OTHERS, WHO = (f"906714f0-f0a1-70a3-9f3d-{number:012d}" for number in range(3))
GROUP = f"arn:aws:identitystore:::group/{ADMINS}"


def join(group: Any = ADMINS, name: str = "CreateGroupMembership", **detail: Any) -> Envelope:
    asked = {"identityStoreId": "d-1234567890", "groupId": group, "memberId": {"userId": WHO}}
    return cloudtrail_event("identitystore", name, asked, **detail)


def in_the_console(member: Any) -> Envelope:
    """https://docs.aws.amazon.com/singlesignon/latest/userguide/sso-info-in-cloudtrail.html."""
    return cloudtrail_event("sso-directory", "AddMemberToGroup", {"groupId": ADMINS, "memberId": member})


@pytest.mark.parametrize(
    ("envelope", "who"),
    [
        (join(), WHO),
        (in_the_console({"memberId": WHO}), WHO),
        (in_the_console(WHO), WHO),
        (in_the_console(None), "somebody"),
    ],
)
def test_who_joins_is_reported(envelope: Envelope, who: str, world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(GROUP,)))
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", f"alice added {who} to the administrators' group {ADMINS}")


@pytest.mark.parametrize(
    "envelope",
    [join(OTHERS), join(None), join(name="DeleteGroupMembership"), join(errorCode="AccessDeniedException")],
)
def test_other_groups_and_calls_are_not(envelope: Envelope, world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(GROUP,)))
    assert not world.deliver(envelope, ID)


def test_who_may_add_people_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(GROUP, f"arn:aws:iam::{HOME}:user/alice")))
    assert not world.deliver(join(), ID)
