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
    """Instance without the tags that the settings ask for.

    Nobody knows whose it is, whom to ask when something is wrong with it, and who pays. `required_tags` in the settings
    names the tags, and which of them the fix sets by itself: the creator, the session and the time, as the event that
    made it tells; what only a person knows is reported, and so is what the daily sweep finds without tags. Pipelines
    that tag after making have ten minutes. The fix leaves all other tags. Volumes and network interfaces keep their
    own.

    Legitimate look-alikes: instances of Auto Scaling groups, EKS and Karpenter get their tags with the launch or
    seconds later. The ten minutes of grace tell those apart; tags that AWS sets (`aws:…`) don't count as yours.
    """
    return lacking(instance, aws) if instance.described(aws) else None
