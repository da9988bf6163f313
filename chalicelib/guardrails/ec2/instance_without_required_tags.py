from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.tags import TagInstance, lacking
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Instance,
    on=any_of(cloudtrail("ec2", "RunInstances"), SCHEDULED),
    reads=("ec2:DescribeInstances",),
    fix=TagInstance(),
    grace=timedelta(minutes=10),
)
def instance_without_required_tags(instance: Instance, aws: Session) -> str | None:
    """EC2 instance without required tags.

    Without tags, nobody knows who owns the instance, whom to ask and who pays. `required_tags` in the settings names
    the tags and those that the fix sets: the creator, the session and the time, from the event that created the
    instance. Snapback only reports missing tags that only a person knows, and instances that the daily sweep finds
    without tags. Pipelines that tag after creation have ten minutes. The fix leaves all other tags. It doesn't tag
    volumes and network interfaces.

    Legitimate look-alikes: instances of Auto Scaling groups, EKS and Karpenter, which get their tags at launch or
    seconds later. Ten minutes of grace cover those. Tags that AWS sets (`aws:…`) don't count as yours.
    """
    return lacking(instance, aws) if instance.described(aws) else None
