"""What keeps an image in ECR from being pulled, and its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from chalicelib.core.errors import TagTaken
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecr.images import Image

_MOST = 100
"""Images in one BatchDeleteImage."""
TAG_READS = ("ecr:DescribeImages",)
TAG_WRITES = (*TAG_READS, "ecr:BatchGetImage", "ecr:PutImage", "ecr:BatchDeleteImage")
"""What `look` and `put_tags` need."""


class ImageState(NamedTuple):
    tags: list[str]
    media_type: str
    archived: bool


class QuarantineImage(Fix["Image"]):
    """Archive the image, so nobody can pull it, or remove its tags if the settings say so.

    In ECR's archive it can't be pulled by anybody, nor by digest; undo brings it back, which takes up to 20 minutes.
    Without its tags it is kept under a tag `quarantined-…`, and a pull by digest still works. An image without a tag is
    left alone: it may be the part of another, for one platform.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html
    """

    document = "ecr:image-tags"
    reads = TAG_READS
    writes = (*TAG_WRITES, "ecr:UpdateImageStorageClass")

    def read(self, resource: Image, aws: Session) -> State:
        now = image_state(resource, aws)
        return {"digest": resource.digest, "tags": now.tags, "archived": now.archived}

    def safe(self, state: State, context: FixContext) -> State:
        if state["archived"] or not state["tags"]:
            return state
        if context.baseline.quarantine == "untag":
            return {**state, "tags": [quarantined(state["digest"])]}
        return {**state, "archived": True}

    def touches(self, resource: Image, before: State, after: State) -> tuple[Resource | str, ...]:
        """Its tags are the repository's."""
        return (Repository(resource.repository, resource.account, resource.region),)

    def write(self, resource: Image, state: State, aws: Session) -> None:
        ecr, now = aws.client("ecr"), image_state(resource, aws)
        if now.archived and not state["archived"]:
            _store(resource, "STANDARD", ecr)
        put_tags(resource, state["tags"], now, aws)
        if state["archived"] and not now.archived:
            _store(resource, "ARCHIVE", ecr)


def quarantined(digest: str) -> str:
    """The tag under which an image is kept when it has no other: ECR deletes it with its last tag.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
    """
    return f"quarantined-{digest.partition(':')[2][:12]}"


def image_state(image: Image, aws: Session) -> ImageState:
    """Its tags, the media type of its manifest, and whether it can't be pulled."""
    (found,) = aws.client("ecr").describe_images(
        repositoryName=image.repository,
        imageIds=[{"imageDigest": image.digest}],
        filter={"imageStatus": "ANY"},
    )["imageDetails"]
    archived = found.get("imageStatus") == "ARCHIVED"
    return ImageState(sorted(found.get("imageTags", [])), found.get("imageManifestMediaType", ""), archived)


def put_tags(image: Image, tags: list[str], now: ImageState, aws: Session) -> None:
    """Have the image have these tags and no others. The new ones go on before the others come off.

    None at all is not possible, since ECR would delete the image: then nothing is done. Raises TagTaken.
    """
    ecr = aws.client("ecr")
    missing = [tag for tag in tags if tag not in now.tags]
    if missing:
        manifest = _manifest(image, now.media_type, missing, ecr)
        for tag in missing:
            with absent("ImageAlreadyExistsException"):
                ecr.put_image(
                    repositoryName=image.repository,
                    imageManifest=manifest,
                    imageManifestMediaType=now.media_type,
                    imageTag=tag,
                    imageDigest=image.digest,
                )
    # Named by tag alone: given a digest, or an image's last tag, ECR deletes the whole image.
    extra = [tag for tag in now.tags if tag not in tags] if tags else []
    for start in range(0, len(extra), _MOST):
        some = extra[start : start + _MOST]
        ecr.batch_delete_image(repositoryName=image.repository, imageIds=[{"imageTag": tag} for tag in some])


def _store(image: Image, where: Literal["ARCHIVE", "STANDARD"], ecr: ECRClient) -> None:
    ecr.update_image_storage_class(
        repositoryName=image.repository, imageId={"imageDigest": image.digest}, targetStorageClass=where
    )


def _manifest(image: Image, media_type: str, tags: list[str], ecr: ECRClient) -> str:
    """Its manifest, once it is sure that no other image has any of these tags. Raises TagTaken."""
    wanted: list[ImageIdentifierTypeDef] = [{"imageDigest": image.digest}]
    wanted += [{"imageTag": tag} for tag in tags]
    answer = ecr.batch_get_image(repositoryName=image.repository, imageIds=wanted, acceptedMediaTypes=[media_type])
    others = [found["imageId"] for found in answer["images"] if found["imageId"]["imageDigest"] != image.digest]
    others += [each["imageId"] for each in answer["failures"] if each["failureCode"] != "ImageNotFound"]
    if others:
        tag, digest = others[0].get("imageTag", ""), others[0].get("imageDigest", "another image")
        raise TagTaken(f"tag {tag!r} is on {digest} now; remove it there, then try again")
    return next(found["imageManifest"] for found in answer["images"])
