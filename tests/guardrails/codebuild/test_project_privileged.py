from __future__ import annotations

from tests.guardrails.codebuild.projects import project, remove, whole
from tests.support.cases import Case

ID = "codebuild.project_privileged"

CASE = Case(
    unsafe=(project(privilegedMode=True), project("UpdateProject", privilegedMode=True)),
    near_misses=(project(privilegedMode=False), project()),
    whole=whole,
    remove=remove,
)
