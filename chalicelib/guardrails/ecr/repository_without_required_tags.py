from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.tags import TagRepository, lacking
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Repository,
    on=any_of(cloudtrail("ecr", "CreateRepository"), SCHEDULED),
    reads=("ecr:ListTagsForResource",),
    fix=TagRepository(),
    grace=timedelta(minutes=10),
)
def repository_without_required_tags(repository: Repository, aws: Session) -> str | None:
    """Repository without the tags that the settings ask for.

    Nobody knows whose it is, whom to ask when something is wrong with it, and who pays. `required_tags` in the settings
    names the tags, and which of them the fix sets by itself: the creator, the session and the time, as the event that
    made it tells; what only a person knows is reported, and so is what the daily sweep finds without tags. Pipelines
    that tag after making have ten minutes. The fix leaves all other tags. Those of a creation template come with the
    repository.

    Legitimate look-alikes: repositories that CDK's bootstrap or a creation template makes. They bring the tags that
    those give; ten minutes of grace tell pipelines that tag later apart.
    """
    return lacking(repository, aws)
