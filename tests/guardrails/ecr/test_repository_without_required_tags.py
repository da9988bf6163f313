from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

ID = "ecr.repository_without_required_tags"
NAME = "shop/web"
ARN = f"arn:aws:ecr:{REGION}:{HOME}:repository/{NAME}"
FILLED = {"owner": "alice", "made-by": f"arn:aws:iam::{HOME}:user/alice", "made-at": "2026-11-23T10:00:00Z"}


def made(**tags: str) -> Callable[[World], Envelope]:
    def make(world: World) -> Envelope:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        world.client("ecr").create_repository(repositoryName=NAME, tags=pairs)
        answer = {"repository": {"repositoryName": NAME, "repositoryArn": ARN}}
        return cloudtrail_event("ecr", "CreateRepository", {"repositoryName": NAME}, answer)

    return make


def tags_of(world: World) -> dict[str, str]:
    found: Any = world.client("ecr").list_tags_for_resource(resourceArn=ARN)["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


CASE = Case(
    unsafe=(made(), made(team="shop", owner="")),
    near_misses=(made(team="shop", **FILLED),),
    whole=tags_of,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME),
    disturb=lambda world: world.client("ecr").put_image_tag_mutability(
        repositoryName=NAME, imageTagMutability="IMMUTABLE"
    ),
)


def test_other_tags_stay(world: World) -> None:
    world.deliver(made(team="shop")(world), ID)
    assert tags_of(world) == {"team": "shop", **FILLED}
