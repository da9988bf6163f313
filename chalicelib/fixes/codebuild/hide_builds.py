"""Who can see a CodeBuild project's builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.codebuild import Project


class HideBuilds(Fix["Project"]):
    """Make the project's builds private again. The role that let the public read their logs stays with the project."""

    document = "codebuild:visibility"
    reads = ("codebuild:BatchGetProjects",)
    writes = ("codebuild:UpdateProjectVisibility",)

    def read(self, resource: Project, aws: Session) -> State:
        return {"visibility": text(resource.described(aws), "projectVisibility") or "PRIVATE"}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "visibility": "PRIVATE"}

    def write(self, resource: Project, state: State, aws: Session) -> None:
        aws.client("codebuild").update_project_visibility(
            projectArn=resource.arn, projectVisibility=state["visibility"]
        )
