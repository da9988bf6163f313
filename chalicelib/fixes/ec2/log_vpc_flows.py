"""Whether the traffic of a VPC is logged to where the settings say, `require.flow_logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import FlowLogsRefused
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.vpcs import Vpc

_ENOUGH = frozenset({"ALL", "REJECT"})
"""What a flow log must hold, at least what was turned away, to count."""


def flow_logs(vpc: Vpc, aws: Session) -> list[Any]:
    """Those of the VPC itself that tell what was turned away."""
    pages = aws.client("ec2").get_paginator("describe_flow_logs")
    found = pages.paginate(Filters=[{"Name": "resource-id", "Values": [vpc.id]}])
    return [each for page in found for each in page["FlowLogs"] if each.get("TrafficType", "ALL") in _ENOUGH]


class LogVpcFlows(Fix["Vpc"]):
    """Create a flow log of the VPC, to the destination in the settings.

    The state is `{"logged_to": the bucket's ARN when it is logged to where the settings say, or None}`, so that other
    flow logs are neither drift nor undone.
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-create-flow-log.html
    """

    document = "ec2:flow-logs"
    reads = ("ec2:DescribeFlowLogs",)
    writes = (
        "ec2:DescribeFlowLogs",
        "ec2:CreateFlowLogs",
        "ec2:DeleteFlowLogs",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
    )
    undo_writes = (
        "ec2:DeleteFlowLogs",
        "logs:DeleteLogDelivery",
    )

    def read(self, resource: Vpc, aws: Session) -> State:
        return {
            "logged_to": aws.baseline.require.flow_logs
            if self._ours(resource, aws.baseline.require.flow_logs, aws)
            else None
        }

    def safe(self, state: State, context: FixContext) -> State:
        return (
            {**state, "logged_to": context.baseline.require.flow_logs} if context.baseline.require.flow_logs else state
        )

    def write(self, resource: Vpc, state: State, aws: Session) -> None:
        ec2: Any = aws.client("ec2")
        wanted = state["logged_to"]
        ours = self._ours(resource, wanted or aws.baseline.require.flow_logs, aws)
        if wanted and not ours:
            answer = ec2.create_flow_logs(
                ResourceType="VPC",
                ResourceIds=[resource.id],
                TrafficType="ALL",
                LogDestinationType="s3",
                LogDestination=wanted,
            )
        elif ours and not wanted:
            answer = ec2.delete_flow_logs(FlowLogIds=ours)
        else:
            return
        for each in answer.get("Unsuccessful", []):
            raise FlowLogsRefused(f"{each['Error'].get('Code')}: {each['Error'].get('Message')}")

    @staticmethod
    def _ours(resource: Vpc, destination: str | None, aws: Session) -> list[str]:
        logs = flow_logs(resource, aws)
        return [each["FlowLogId"] for each in logs if destination and each.get("LogDestination") == destination]
