"""Tags that no image of a release repository may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.ecr.quarantine_image import TAG_READS, TAG_WRITES, image_state, put_tags, quarantined
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecr.images import Image


class TakeForbiddenTagsOff(Fix["Image"]):
    """Remove the forbidden tags from the image. If no other tag is left, tag it `quarantined-…`.

    `repository` is its name, by which the settings tell what is forbidden.
    """

    document = "ecr:image-tags"
    reads = TAG_READS
    writes = TAG_WRITES

    def read(self, resource: Image, aws: Session) -> State:
        return {"repository": resource.repository, "digest": resource.digest, "tags": image_state(resource, aws).tags}

    def safe(self, state: State, context: FixContext) -> State:
        release = context.baseline.release(state["repository"])
        left = [tag for tag in state["tags"] if release is None or not release.forbids(tag)]
        if len(left) == len(state["tags"]):
            return state
        return {**state, "tags": left or [quarantined(state["digest"])]}

    def touches(self, resource: Image, before: State, after: State) -> tuple[Resource | str, ...]:
        """Its tags are the repository's."""
        return (Repository(resource.repository, resource.account, resource.region),)

    def write(self, resource: Image, state: State, aws: Session) -> None:
        put_tags(resource, state["tags"], image_state(resource, aws), aws)
