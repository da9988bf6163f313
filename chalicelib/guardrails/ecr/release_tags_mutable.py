from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.freeze_repository_tags import FreezeRepositoryTags
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = FreezeRepositoryTags()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Repository,
    on=any_of(cloudtrail("ecr", "CreateRepository", "PutImageTagMutability"), SCHEDULED),
    reads=FIX.reads,
    fix=FIX,
)
def release_tags_mutable(repository: Repository, aws: Session) -> str | None:
    """Tags of a release repository in ECR can be moved to other images.

    Whoever may push can then put another image behind a tag that was tested and released, and what starts next runs it.
    The fix makes the tags immutable. Patterns of tags that are left out of it stay so, for cosign's `sha256-*` or a
    cache, unless one leaves out every tag.

    Only the repositories that `require.releases` names are meant; others may move their tags.

    Legitimate look-alikes: caches and cosign's tags `sha256-*`, which move by design. Patterns that leave them out
    of immutability stay; other repositories than `require.releases` names are not looked at.
    """
    if aws.baseline.release(repository.id) is None:
        return None
    state = FIX.read(repository, aws)
    if state == FIX.safe(state, FixContext(aws.baseline)):
        return None
    if state["but"] and state["mutability"].startswith("IMMUTABLE"):
        return f"its tags are immutable but for {', '.join(state['but'])}, which is all of them"
    but = f" but for {', '.join(state['but'])}" if state["but"] else ""
    return f"its tags can be moved to other images{but}"
