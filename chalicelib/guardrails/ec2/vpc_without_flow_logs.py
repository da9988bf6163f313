from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.log_vpc_flows import LogVpcFlows, flow_logs
from chalicelib.resources.ec2.vpcs import Vpc

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Vpc,
    on=any_of(cloudtrail("ec2", "CreateVpc", "CreateDefaultVpc", "DeleteFlowLogs"), SCHEDULED),
    reads=("ec2:DescribeVpcs", "ec2:DescribeFlowLogs"),
    fix=LogVpcFlows(),
    controls=("EC2.6", "CIS-5.0 3.7"),
    grace=timedelta(minutes=10),
)
def vpc_without_flow_logs(vpc: Vpc, aws: Session) -> str | None:
    """VPC without flow logs.

    Without flow logs, nobody can tell afterwards who talked to whom, so intruders delete them first. The fix creates a
    flow log of all traffic, to `require.flow_logs`. Without that setting, Snapback only reports the VPC. An undo
    deletes only that flow log. The bucket's own policy must allow the service delivery.logs.amazonaws.com. A flow log
    counts when it covers the whole VPC, and all or rejected traffic. A DeleteFlowLogs event doesn't name the VPC, so
    Snapback evaluates all VPCs of the region.

    Legitimate look-alikes: a pipeline creates the VPC first and its flow log later. Ten minutes of grace cover that.
    The default VPCs of unused regions look the same as one in use: delete them, or exempt them.
    """
    # Raises if the VPC is gone; the call below would just list no flow logs.
    aws.client("ec2").describe_vpcs(VpcIds=[vpc.id])
    found = flow_logs(vpc, aws)
    if not found:
        return "it has no flow log"
    failing = [each.get("DeliverLogsErrorMessage", "") for each in found if each.get("DeliverLogsStatus") == "FAILED"]
    return f"its flow logs can't be delivered: {failing[0]}" if len(failing) == len(found) else None
