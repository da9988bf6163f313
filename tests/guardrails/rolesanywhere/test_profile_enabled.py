from __future__ import annotations

from typing import Any

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from chalicelib.resources.rolesanywhere import Profile
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World

ID = "rolesanywhere.profile_enabled"


def profile(world: World, *, enabled: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = world.client("rolesanywhere").create_profile(
        name="workloads", roleArns=[f"arn:aws:iam::{HOME}:role/web/deploy"], enabled=enabled
    )["profile"]
    return made


def created(*known: str, enabled: bool = True) -> Any:
    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(principals=known))
        answer = {"profile": profile(world, enabled=enabled)}
        return cloudtrail_event("rolesanywhere", "CreateProfile", {"name": "workloads"}, answer)

    return made


def enabled(world: World) -> Envelope:
    made = profile(world, enabled=False)
    world.client("rolesanywhere").enable_profile(profileId=made["profileId"])
    return cloudtrail_event("rolesanywhere", "EnableProfile", {"profileId": made["profileId"]})


def whole(world: World) -> Any:
    return world.client("rolesanywhere").list_profiles()["profiles"]


def remove(world: World) -> None:
    for each in whole(world):
        world.client("rolesanywhere").delete_profile(profileId=each["profileId"])


CASE = Case(
    unsafe=(created(), enabled),
    near_misses=(created(enabled=False), created("arn:aws:rolesanywhere:*:*:profile/*")),
    whole=whole,
    remove=remove,
)


def test_the_reason_names_the_roles(world: World) -> None:
    (outcome,) = world.deliver(created()(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == "the unknown profile workloads is enabled; it grants deploy"


def test_the_sweep_meets_every_profile(world: World) -> None:
    made = profile(world)
    (found,) = Profile.all_in(AwsSessions(HOME, KNOWN).reader(HOME, REGION))
    assert (found.id, found.arn) == (made["profileId"], made["profileArn"])
