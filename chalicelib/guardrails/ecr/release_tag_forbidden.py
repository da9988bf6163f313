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
    """Release image in ECR with a forbidden tag such as `latest`.

    A deployment by this tag gets the image pushed last, tested or not, and nobody can tell later which one ran. The fix
    removes only that tag. The image keeps its other tags, or gets a tag `quarantined-…` if it had no other. Deployments
    that use the tag then fail, so the fix runs only where the settings name this guardrail.

    `require.releases` names the release repositories, and the tags that are forbidden there (`latest` by default).

    Legitimate look-alikes: development repositories, where `latest` moves. They aren't release repositories:
    `require.releases` doesn't name them.
    """
    release = aws.baseline.release(image.repository)
    if release is None or not release.tags:
        return None
    bad = [tag for tag in FIX.read(image, aws)["tags"] if release.forbids(tag)]
    return f"it is tagged {', '.join(bad)}" if bad else None
