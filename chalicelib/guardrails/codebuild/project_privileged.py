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
    """CodeBuild project whose builds run privileged.

    A build step, and so whoever can change the source or a dependency, gets all devices of the machine that it runs on.
    Only building images with Docker needs it, and CodeBuild doesn't tell which projects do, so it is only reported: to
    change it, Snapback would need the right to rewrite build environments. Exempt projects that build images.

    Legitimate look-alikes: projects that build images with Docker. CodeBuild doesn't tell which need it: hence it
    is only reported. Exempt them.
    """
    return (
        "its builds run in privileged mode"
        if dig(project.described(aws), "environment", "privilegedMode") is True
        else None
    )
