"""CodeBuild projects for the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:codebuild:{REGION}:{HOME}:project/shop-web"


def project(event: str = "CreateProject", *, source: str = "https://example.com/shop.git", **environment: Any) -> Any:
    def made(world: World) -> Envelope:
        kept = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
        world.client("codebuild").create_project(
            name="shop-web",
            source={"type": "GITHUB", "location": source},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={**kept, **environment},
            serviceRole=f"arn:aws:iam::{HOME}:role/build",
            tags=[{"key": "team", "value": "shop"}],
        )
        return cloudtrail_event("codebuild", event, {"name": "shop-web"}, {"project": {"arn": ARN}})

    return made


def whole(world: World) -> Any:
    return world.client("codebuild").batch_get_projects(names=["shop-web"])["projects"]


def remove(world: World) -> None:
    world.client("codebuild").delete_project(name="shop-web")
