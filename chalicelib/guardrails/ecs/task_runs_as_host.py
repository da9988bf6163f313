from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.event import dig, rows, text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecs.deregister_task_definition import DeregisterTaskDefinition
from chalicelib.resources.ecs import TaskDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.session import Session

FIX = DeregisterTaskDefinition()
_SOCKETS = tuple(
    f"{begin}/{name}"
    for begin in ("/var/run", "/run")
    for name in ("docker.sock", "containerd.sock", "containerd/containerd.sock", "crio/crio.sock", "podman/podman.sock")
)
_ROOT = frozenset({"root", "0"})
_AS_GOOD_AS_PRIVILEGED = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE"})


@guardrail(
    severity=Severity.HIGH,
    resource=TaskDefinition,
    on=cloudtrail("ecs", "RegisterTaskDefinition", "CreateService", "UpdateService"),
    reads=("ecs:DescribeTaskDefinition",),
    fix=FIX,
    controls=("ECS.3", "ECS.4", "ECS.17"),
)
def task_runs_as_host(definition: TaskDefinition, aws: Session) -> str | None:
    """ECS task definition that gives a container access to its host.

    Someone who gets into such a container gets its host, every other task there and the instance's role. A container
    counts when it is privileged, has an equivalent capability (ALL, SYS_ADMIN, SYS_MODULE) or is set to run as root. It
    also counts when it mounts the container engine's socket, or a host directory that holds it. A task counts when it
    shares the host's network, processes or shared memory. A container that names no user is exempt: Snapback doesn't
    read its image.

    Snapback also evaluates the definition when a service is created or changed, which covers older revisions. The fix
    deregisters the revision if no service uses it and none of its tasks runs. Otherwise Snapback only reports it. The
    fix can't be undone, and Snapback can't see what EventBridge or Step Functions start from the revision, so Snapback
    always asks first. Exempt agents that need the host, such as those for logs and metrics.

    Legitimate look-alikes: agents for logs, metrics and security (Datadog, Falco, the ECS agent's own) that need the
    host. Nothing in the definition tells them from an escape: exempt them. The fix always asks first.
    """
    found = definition.described(aws)
    return "; ".join(_reasons(found)) or None if found["status"] == "ACTIVE" else None


def _reasons(found: Mapping[str, Any]) -> Iterator[str]:
    for what, mode in (("network", "networkMode"), ("processes", "pidMode"), ("shared memory", "ipcMode")):
        if found.get(mode) == "host":
            yield f"it shares the host's {what}"
    paths = {volume["name"]: path for volume in rows(found, "volumes") if (path := text(volume, "host", "sourcePath"))}
    for container in rows(found, "containerDefinitions"):
        named = f"container {container['name']}"
        if container.get("privileged"):
            yield f"{named} is privileged"
        added = {
            each.upper().removeprefix("CAP_") for each in rows(container, "linuxParameters", "capabilities", "add")
        }
        if powers := sorted(added & _AS_GOOD_AS_PRIVILEGED):
            yield f"{named} has the capability {', '.join(powers)}"
        user = (text(container, "user") or "").partition(":")[0]
        if user.lower() in _ROOT:
            yield f"{named} runs as root"
        mounted = {paths.get(dig(mount, "sourceVolume")) for mount in rows(container, "mountPoints")} - {None}
        for path in sorted(filter(_holds_a_socket, map(str, mounted))):
            yield f"{named} mounts the host's {path}"


def _holds_a_socket(path: str) -> bool:
    inside = f"{path.rstrip('/')}/"
    return any(f"{socket}/".startswith(inside) for socket in _SOCKETS)
