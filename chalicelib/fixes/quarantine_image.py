"""The tags of an image in ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.guardrail import Fix, State
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from chalicelib.core.ports import Session
    from chalicelib.core.settings import Known
    from chalicelib.resources.ecr import Image

_MOST = 100
"""Images in one BatchDeleteImage."""


class TagTaken(Exception):
    """A tag that is to be put back names another image by now; taking it away there may break what runs."""


class QuarantineImage(Fix["Image"]):
    """Take its tags off the image, so that nobody pulls it by name, and keep it under a tag `quarantined-…`.

    ECR deletes an image with its last tag, so the new tag goes on before the others come off.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
    """

    reads = ("ecr:DescribeImages",)
    writes = ("ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage", "ecr:BatchDeleteImage")

    def read(self, resource: Image, aws: Session) -> State:
        tags, _ = _look(resource, aws.client("ecr"))
        return {"digest": resource.digest, "tags": tags}

    def safe(self, state: State, known: Known) -> State:  # noqa: ARG002
        name = state["digest"].partition(":")[2]
        return {**state, "tags": [f"quarantined-{name[:12]}"] if state["tags"] else []}

    def write(self, resource: Image, state: State, aws: Session) -> None:
        ecr = aws.client("ecr")
        now, media_type = _look(resource, ecr)
        missing = [tag for tag in state["tags"] if tag not in now]
        if missing:
            manifest = _manifest(resource, media_type, missing, ecr)
            for tag in missing:
                with absent("ImageAlreadyExistsException"):
                    ecr.put_image(
                        repositoryName=resource.repository,
                        imageManifest=manifest,
                        imageManifestMediaType=media_type,
                        imageTag=tag,
                        imageDigest=resource.digest,
                    )
        # By tag alone: with a digest, ECR would delete the whole image. Without another tag it would too.
        extra = [tag for tag in now if tag not in state["tags"]] if state["tags"] else []
        for start in range(0, len(extra), _MOST):
            some = extra[start : start + _MOST]
            ecr.batch_delete_image(repositoryName=resource.repository, imageIds=[{"imageTag": tag} for tag in some])


def _look(image: Image, ecr: ECRClient) -> tuple[list[str], str]:
    """Its tags, and the media type of its manifest."""
    (found,) = ecr.describe_images(repositoryName=image.repository, imageIds=[{"imageDigest": image.digest}])[
        "imageDetails"
    ]
    return sorted(found.get("imageTags", [])), found.get("imageManifestMediaType", "")


def _manifest(image: Image, media_type: str, tags: list[str], ecr: ECRClient) -> str:
    """Its manifest, once it is sure that no other image has any of these tags. Raises TagTaken."""
    wanted: list[ImageIdentifierTypeDef] = [{"imageDigest": image.digest}]
    wanted += [{"imageTag": tag} for tag in tags]
    answer = ecr.batch_get_image(repositoryName=image.repository, imageIds=wanted, acceptedMediaTypes=[media_type])
    others = [found["imageId"] for found in answer["images"] if found["imageId"]["imageDigest"] != image.digest]
    others += [each["imageId"] for each in answer["failures"] if each["failureCode"] != "ImageNotFound"]
    if others:
        tag, digest = others[0].get("imageTag", ""), others[0].get("imageDigest", "another image")
        raise TagTaken(f"tag {tag!r} is on {digest} by now; take it off there, then try again")
    return next(found["imageManifest"] for found in answer["images"])
