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

    Whoever may look at task definitions can read it, and ECS keeps them after they are deregistered. It is looked for
    in the environment, the command and the options of the log driver, by names such as DB_PASSWORD and by the looks of
    what is there; which container and which name is reported, never the value. References to Secrets Manager and
    Parameter Store are none.

    Change the secret, and hand the new one over with `secrets` or `secretOptions`. The fix only deregisters the
    revision, if it isn't in use, so that nothing new is started from it; the text stays in it until you delete it with
    DeleteTaskDefinitions. That can't be undone, so it is done only where the settings name this guardrail and a person
    approves it. Exempt what only looks like a secret.

    Legitimate look-alikes: variables that name a secret or a parameter. References don't count, nor do `secrets`
    and `secretOptions`. Exempt what only looks like a secret.
    """
    found = definition.described(aws)
    if found["status"] != "ACTIVE":
        return None
    places = {
        f"{container['name']}: {', '.join(names)}"
        for container in rows(found, "containerDefinitions")
        if (names := _secrets(container))
    }
    return f"what looks like a secret is in container {'; '.join(sorted(places))}" if places else None


def _secrets(container: Mapping[str, Any]) -> list[str]:
    """The names of what looks like a secret; never the values."""
    from chalicelib.analysis.secrets import credential

    options = dig(container, "logConfiguration", "options") or {}
    pairs = [(each["name"], each.get("value", "")) for each in rows(container, "environment")]
    pairs += [(f"log option {name}", value) for name, value in options.items()]
    pairs += [(part, " ".join(map(str, rows(container, part)))) for part in ("command", "entryPoint")]
    return sorted({name for name, value in pairs if credential(name, value)})
