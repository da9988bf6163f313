from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.codebuild.hide_builds import HideBuilds
from chalicelib.resources.codebuild import Project

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = HideBuilds()


@guardrail(
    severity=Severity.HIGH,
    resource=Project,
    on=cloudtrail("codebuild", "UpdateProjectVisibility"),
    reads=FIX.reads,
    fix=FIX,
)
def project_made_public(project: Project, aws: Session) -> str | None:
    """CodeBuild project with public builds.

    Anyone on the internet can read the logs and artifacts of all its builds, past ones included. They may contain
    source code, variables and secrets. The fix makes the project private again. It can't take back what someone has
    already read. Exempt open-source projects.

    Legitimate look-alikes: open-source projects, whose contributors read the builds. Nothing in the project tells them
    apart: exempt them.
    """
    return "its builds are public" if FIX.read(project, aws)["visibility"] == "PUBLIC_READ" else None
