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
    """ECR repository without required tags.

    Without tags, nobody knows who owns the repository, whom to ask and who pays. `required_tags` in the settings names
    the tags and those that the fix sets: the creator, the session and the time, from the event that created the
    repository. Snapback only reports missing tags that only a person knows, and repositories that the daily sweep finds
    without tags. Pipelines that tag after creation have ten minutes. The fix leaves all other tags. A creation
    template's tags come with the repository.

    Legitimate look-alikes: repositories created by CDK's bootstrap or a creation template. They have only the tags
    those set. Ten minutes of grace cover pipelines that tag later.
    """
    return lacking(repository, aws)
