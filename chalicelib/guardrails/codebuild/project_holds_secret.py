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

    Whoever may look at the project can read it, and builds may print it. It is looked for in environment variables of
    type PLAINTEXT and in the addresses of the sources, by names such as DB_PASSWORD and by the looks of what is there;
    the variable is reported, never its value. It is only reported: taking it out would stop the builds, and to put it
    back Snapback would have to keep it.

    Change the secret, and have the variable refer to Secrets Manager or Parameter Store. AWS keys are not needed at
    all: a build has its service role. Exempt what only looks like a secret.

    Legitimate look-alikes: variables of type PARAMETER_STORE and SECRETS_MANAGER, which hold a name. Only PLAINTEXT
    counts. Samples may still look like secrets: exempt those.
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
        names.add("the address of a source")
    return f"what looks like a secret is in {', '.join(sorted(names))}" if names else None
