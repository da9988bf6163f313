"""Revisions of task definitions that nobody is to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecs import TaskDefinition


class DeregisterTaskDefinition(Fix["TaskDefinition"]):
    """Deregister this revision, so nothing new starts from it. A revision in use stays, and is reported.

    ECS can't activate it again: who needs it registers the same definition anew, under another revision. What runs goes
    on: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html. The state is
    `{"status", "used_by": as TaskDefinition.used_by tells}`; it holds nothing of the definition, and so no secret.
    """

    document = "ecs:task-definition"
    reads = (
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:DescribeServices",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
    )
    writes = ("ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition")
    reversible = False

    def read(self, resource: TaskDefinition, aws: Session) -> State:
        active = resource.described(aws)["status"] == "ACTIVE"
        return {
            "status": "ACTIVE" if active else "INACTIVE",
            "used_by": resource.used_by(aws) if active else [],
        }

    def safe(self, state: State, context: FixContext) -> State:
        return state if state["used_by"] else {**state, "status": "INACTIVE"}

    def write(self, resource: TaskDefinition, state: State, aws: Session) -> None:
        if state["status"] == "INACTIVE" and resource.described(aws)["status"] == "ACTIVE":
            aws.client("ecs").deregister_task_definition(taskDefinition=resource.arn)
