from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.take_forbidden_tags_off import TakeForbiddenTagsOff
from chalicelib.resources.ecr.images import PUSHED, Image

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = TakeForbiddenTagsOff()


@guardrail(severity=Severity.MEDIUM, resource=Image, on=PUSHED, reads=FIX.reads, fix=FIX, opt_in=True)
def release_tag_forbidden(image: Image, aws: Session) -> str | None:
    """Image of a release repository in ECR with a tag such as `latest`.

    What is deployed by it is whatever was pushed last, tested or not, and nobody can tell later what ran. The fix takes
    just that tag off; the image keeps its others, or a tag `quarantined-…` if it had no other. What asks for the tag
    doesn't start then, so this is fixed only where the settings name this guardrail.

    `require.releases` names the release repositories, and the tags that are forbidden there; `latest` unless it says
    else.

    Legitimate look-alikes: repositories for development, where `latest` moves. They aren't release repositories,
    which `require.releases` names.
    """
    release = aws.baseline.release(image.repository)
    if release is None or not release.tags:
        return None
    bad = [tag for tag in FIX.read(image, aws)["tags"] if release.forbids(tag)]
    return f"it is tagged {', '.join(bad)}" if bad else None
