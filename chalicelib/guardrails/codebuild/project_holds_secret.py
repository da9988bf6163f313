from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.codebuild import Project

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Project,
    on=cloudtrail("codebuild", "CreateProject", "UpdateProject"),
    reads=("codebuild:BatchGetProjects",),
    controls=("CodeBuild.1", "CodeBuild.2"),
)
def project_holds_secret(project: Project, aws: Session) -> str | None:
    """CodeBuild project with a secret in plain text.

    Anyone who can view the project can read the secret, and builds may print it. Snapback checks environment variables
    of type PLAINTEXT and source URLs: their names, such as DB_PASSWORD, and the format of each value. It reports the
    variable's name, never its value. Snapback only reports it: removing the secret would break the builds, and an undo
    would need a stored copy of the secret.

    Change the secret, and have the variable refer to Secrets Manager or Parameter Store. A build needs no AWS keys: it
    has its service role. Exempt false positives.

    Legitimate look-alikes: variables of type PARAMETER_STORE and SECRETS_MANAGER, which hold a name. Only PLAINTEXT
    counts. Sample values may still look like secrets: exempt those.
    """
    from chalicelib.analysis.secrets import credential

    found = project.described(aws)
    variables = rows(found, "environment", "environmentVariables")
    names = {
        each["name"]
        for each in variables
        if each.get("type", "PLAINTEXT") == "PLAINTEXT" and credential(each["name"], each.get("value") or "")
    }
    sources = (*rows(found, "source"), *rows(found, "secondarySources"))
    if any(credential("location", text(source, "location") or "") for source in sources):
        names.add("a source URL")
    return f"a secret may be in {', '.join(sorted(names))}" if names else None
