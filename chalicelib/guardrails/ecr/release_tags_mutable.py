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
    """Mutable tags in an ECR release repository.

    Anyone who may push can then move a tested and released tag to another image, and the next start runs that image.
    The fix makes the tags immutable. Exclusion patterns stay, for cosign's `sha256-*` or a cache, unless one excludes
    every tag.

    Snapback evaluates only repositories in `require.releases`; others may move their tags.

    Legitimate look-alikes: caches and cosign's tags `sha256-*`, which move by design. Exclusion patterns for them stay.
    Snapback evaluates only repositories in `require.releases`.
    """
    if aws.baseline.release(repository.id) is None:
        return None
    state = FIX.read(repository, aws)
    if state == FIX.safe(state, FixContext(aws.baseline)):
        return None
    if state["but"] and state["mutability"].startswith("IMMUTABLE"):
        return f"its tags are immutable except {', '.join(state['but'])}, which is all of them"
    but = f" but for {', '.join(state['but'])}" if state["but"] else ""
    return f"its tags are mutable{but}"
