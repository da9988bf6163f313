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
    """ECS daemon created or changed by an unknown principal.

    A managed daemon runs on every instance of its capacity providers, before all other tasks, and may be privileged.
    Anyone who changes one has a container beside each workload. Name the allowed pipelines, by ARN, under
    `allow.principals`. Check the daemon's images, and restore its former definition if nobody intended this. Snapback
    evaluates the task definitions of services directly; a daemon's are another kind, which only its API calls show.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-create-manage.html

    Legitimate look-alikes: pipelines and vendors' installers that deploy agents as daemons. `allow.principals` tells
    allowed callers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    did, named = _CALLS[event.name]
    revision = (event.text("daemonTaskDefinitionArn") or "").rpartition("/")[2]
    return f"{event.actor.name} {did} {event.text(named) or '?'}{f' with {revision}' if revision else ''}"
