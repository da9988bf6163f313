"""Public addresses of an ECS service's tasks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import dig, text
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecs import Service


class TakeOffPublicAddresses(Fix["Service"]):
    """Assign no public IP address to the service's tasks. ECS replaces them, in the same subnets and security groups.

    The state is `{"public_ip": ENABLED, DISABLED or "" where it has no network of its own, "deployed_by": its
    deployment controller, "network": its subnets and security groups, as JSON}`. Only ECS's own controller takes a new network configuration:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
    """

    document = "ecs:service-network"
    added = ("network",)
    reads = ("ecs:DescribeServices",)
    writes = ("ecs:DescribeServices", "ecs:UpdateService")

    def read(self, resource: Service, aws: Session) -> State:
        found = resource.described(aws)
        network = _network(found)
        return {
            "public_ip": network.pop("assignPublicIp", ""),
            "deployed_by": text(found, "deploymentController", "type") or "ECS",
            "network": json.dumps(network, sort_keys=True),
        }

    def safe(self, state: State, context: FixContext) -> State:
        if state["deployed_by"] != "ECS" or state["public_ip"] != "ENABLED":
            return state
        return {**state, "public_ip": "DISABLED"}

    def write(self, resource: Service, state: State, aws: Session) -> None:
        network = {**json.loads(state["network"]), "assignPublicIp": state["public_ip"]}
        if state["public_ip"] and network != _network(resource.described(aws)):
            aws.client("ecs").update_service(
                cluster=resource.cluster,
                service=resource.name,
                networkConfiguration={"awsvpcConfiguration": network},
            )


def _network(service: Any) -> dict[str, Any]:
    return dict(dig(service, "networkConfiguration", "awsvpcConfiguration") or {})
