from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.require_metadata_token import RequireMetadataToken
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Instance,
    on=cloudtrail("ec2", "RunInstances", "ModifyInstanceMetadataOptions"),
    reads=("ec2:DescribeInstances",),
    fix=RequireMetadataToken(),
    grace=timedelta(minutes=1),
)
def instance_metadata_without_token(instance: Instance, aws: Session) -> str | None:
    """EC2 instance that allows IMDSv1.

    Someone who makes a server on the instance fetch a chosen URL reads its role's credentials. The fix requires the
    token (IMDSv2), and leaves the hop limit and the rest. Programs on the instance that call without a token then fail;
    CloudWatch's metric MetadataNoToken shows beforehand whether any do. Snapback waits because a starting instance
    accepts no change. Instances whose metadata service is off are exempt.

    Legitimate look-alikes: instances whose programs support version 1 only. Only CloudWatch's metric MetadataNoToken
    tells a need from a habit: exempt them. A minute of grace covers an instance that is still starting.
    """
    found = instance.described(aws)
    options = found.get("MetadataOptions", {}) if found else {}
    if options.get("HttpTokens") != "optional" or options.get("HttpEndpoint") == "disabled":
        return None
    return "its metadata service answers calls without a token (IMDSv1)"
