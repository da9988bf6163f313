from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.codebuild import Project
from tests.guardrails.codebuild.projects import ARN, project, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "codebuild.project_made_public"


def visible(visibility: str) -> Any:
    def made(world: World) -> Envelope:
        project()(world)
        world.client("codebuild").update_project_visibility(projectArn=ARN, projectVisibility=visibility)
        parameters = {"projectArn": ARN, "projectVisibility": "PUBLIC_READ"}
        return cloudtrail_event("codebuild", "UpdateProjectVisibility", parameters, parameters)

    return made


def never_asked(world: World) -> Envelope:
    project()(world)
    return cloudtrail_event("codebuild", "UpdateProjectVisibility", {"projectArn": ARN})


def disturb(world: World) -> None:
    """moto has no UpdateProject."""
    from moto.codebuild.models import codebuild_backends

    codebuild_backends[HOME][REGION].codebuild_projects["shop-web"].project_metadata["description"] = "the shop"


CASE = Case(
    unsafe=(visible("PUBLIC_READ"),),
    near_misses=(visible("PRIVATE"), never_asked),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


@pytest.mark.parametrize(
    "parameters", [None, {}, ARN, {"projectArn": None}, {"projectArn": f"{ARN}/build"}, {"name": "a b"}, {"name": 7}]
)
def test_a_strange_event_names_no_project(parameters: Any) -> None:
    envelope = cloudtrail_event("codebuild", "UpdateProjectVisibility", parameters)
    assert not list(Project.in_event(Event.parse(envelope)))


def test_all_projects_are_found_with_their_tags(world: World) -> None:
    project()(world)
    reader = world.application().sessions.reader(HOME, REGION)
    (found,) = Project.all_in(reader)
    assert found == Project("shop-web", HOME, REGION)
    assert found.arn == ARN
    assert found.tags(reader) == {"team": "shop"}
