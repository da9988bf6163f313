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
    """Instance whose metadata service asks for no token (IMDSv1).

    Whoever gets a server on it to fetch an address of their choice reads the keys of its role. The fix asks for the
    token (IMDSv2), and leaves the hop limit and the rest; what on the instance still calls without one fails from then
    on, and CloudWatch's metric MetadataNoToken tells beforehand whether anything does. An instance that is only
    starting takes no change: hence the wait. Instances whose metadata service is off are exempt.

    Legitimate look-alikes: instances whose programs know version 1 only. Nothing but CloudWatch's metric
    MetadataNoToken tells a need from a habit: exempt them. An instance that is only starting is told apart by a
    minute of grace.
    """
    found = instance.described(aws)
    options = found.get("MetadataOptions", {}) if found else {}
    if options.get("HttpTokens") != "optional" or options.get("HttpEndpoint") == "disabled":
        return None
    return "its metadata service answers calls without a token (IMDSv1)"
