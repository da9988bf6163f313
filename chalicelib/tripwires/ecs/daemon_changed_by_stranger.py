from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "RegisterDaemonTaskDefinition": ("registered the daemon task definition", "family"),
    "CreateDaemon": ("made the daemon", "daemonName"),
    "UpdateDaemon": ("changed the daemon", "daemonArn"),
}


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("ecs", *_CALLS))
def daemon_changed_by_stranger(event: Event, baseline: Baseline) -> str | None:
    """ECS daemon made or changed by somebody unknown.

    A managed daemon runs on every instance of its capacity providers, before all other tasks, and may be privileged:
    whoever changes one has a container beside each workload. Name the pipelines that may, by ARN, under
    `allow.principals`. Look at the daemon's images, and put its former definition back if nobody meant this. Task
    definitions of services are looked at themselves; a daemon's are another kind, which is told by its calls alone.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-create-manage.html
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    did, named = _CALLS[event.name]
    revision = (event.text("daemonTaskDefinitionArn") or "").rpartition("/")[2]
    return f"{event.actor.name} {did} {event.text(named) or '?'}{f' with {revision}' if revision else ''}"
