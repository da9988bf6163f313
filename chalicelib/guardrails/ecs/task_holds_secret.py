from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.event import dig, rows
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecs.deregister_task_definition import DeregisterTaskDefinition
from chalicelib.resources.ecs import TaskDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.session import Session

FIX = DeregisterTaskDefinition()


@guardrail(
    severity=Severity.HIGH,
    resource=TaskDefinition,
    on=cloudtrail("ecs", "RegisterTaskDefinition"),
    reads=("ecs:DescribeTaskDefinition",),
    fix=FIX,
    controls=("ECS.8",),
    opt_in=True,
)
def task_holds_secret(definition: TaskDefinition, aws: Session) -> str | None:
    """ECS task definition with a secret in plain text.

    Anyone who can view task definitions can read the secret, and ECS keeps them after they are deregistered. Snapback
    checks the environment, the command and the log driver's options: names such as DB_PASSWORD, and the format of each
    value. It reports the container and the name, never the value. References to Secrets Manager and Parameter Store
    don't count.

    Change the secret, and pass the new one with `secrets` or `secretOptions`. The fix only deregisters a revision that
    isn't in use, so nothing new starts from it. The text stays in the revision until you delete it with
    DeleteTaskDefinitions. The fix can't be undone, so it runs only where the settings name this guardrail and a person
    approves. Exempt false positives.

    Legitimate look-alikes: variables with the name of a secret or a parameter. References don't count, nor do `secrets`
    and `secretOptions`. Exempt false positives.
    """
    found = definition.described(aws)
    if found["status"] != "ACTIVE":
        return None
    places = {
        f"{container['name']}: {', '.join(names)}"
        for container in rows(found, "containerDefinitions")
        if (names := _secrets(container))
    }
    return f"a secret may be in container {'; '.join(sorted(places))}" if places else None


def _secrets(container: Mapping[str, Any]) -> list[str]:
    """The names of what looks like a secret; never the values."""
    from chalicelib.analysis.secrets import credential

    options = dig(container, "logConfiguration", "options") or {}
    pairs = [(each["name"], each.get("value", "")) for each in rows(container, "environment")]
    pairs += [(f"log option {name}", value) for name, value in options.items()]
    pairs += [(part, " ".join(map(str, rows(container, part)))) for part in ("command", "entryPoint")]
    return sorted({name for name, value in pairs if credential(name, value)})
