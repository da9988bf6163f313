from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.codebuild import Project

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Project,
    on=cloudtrail("codebuild", "CreateProject", "UpdateProject"),
    reads=("codebuild:BatchGetProjects",),
)
def project_privileged(project: Project, aws: Session) -> str | None:
    """CodeBuild project with privileged builds.

    A privileged build step gets all devices of its build host. So does anyone who can change the source or a
    dependency. Only building Docker images needs privileged mode. Snapback only reports it: a fix would need the right
    to rewrite build environments. Exempt projects that build images.

    Legitimate look-alikes: projects that build Docker images. CodeBuild doesn't show which projects need privileged
    mode, so Snapback only reports it. Exempt them.
    """
    return (
        "its builds run in privileged mode"
        if dig(project.described(aws), "environment", "privilegedMode") is True
        else None
    )
