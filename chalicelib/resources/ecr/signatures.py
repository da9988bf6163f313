"""What is attached to an image in ECR to sign it: where it lies, and its bytes."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from fnmatch import fnmatchcase
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.error import HTTPError
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from chalicelib.analysis.image_signature import BUNDLE, JWS, SIMPLE, SIMPLE_SIGNATURE
from chalicelib.core.errors import SignatureUnreadable
from chalicelib.core.event import rows, text
from chalicelib.core.partitions import ANY_SUFFIX
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.core.session import Session
    from chalicelib.resources.ecr.images import Image

READS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""ListImageReferrers needs the first: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html."""
COSE = "application/cose"
"""Notation's other envelope, which can't be read here."""
_ARTIFACTS = ["application/vnd.dev.cosign.artifact.sig.v1+json", BUNDLE, "application/vnd.cncf.notary.signature"]
_MANIFESTS = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
_DATA = re.compile(r"text/[^ ]+|application/[^ ]*(json|cose|xml|spdx)")
"""Layers that no container is made of; `…tar+gzip` and the like are not among them."""
_HOST = re.compile(rf"[a-z0-9.-]+\.({ANY_SUFFIX})")
_KEPT_BACK = frozenset(
    {
        "KmsException",
        "LayerInaccessibleException",
        "UnableToGetUpstreamImageException",
        "UnableToGetUpstreamLayerException",
    }
)
"""ECR has it and doesn't hand it out, whoever asks again.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
"""
_MOST_BLOBS, _MOST_BYTES, _SECONDS = 20, 1 << 20, 5
"""How many blobs of one image are looked into, how large each may be, and how long one may take to arrive."""


_Found: TypeAlias = "tuple[list[Any], list[SignatureUnreadable]]"


class Signature(NamedTuple):
    """A blob by its media type; cosign's simple signing has its signature beside it."""

    media_type: str
    blob: bytes
    beside: str


def signed_by_ecr(image: Image, profiles: Sequence[str], aws: Session) -> bool:
    """Whether ECR itself had it signed by AWS Signer, with one of these profiles (globs of ARNs).

    Reads ecr:DescribeImageSigningStatus. https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
    """
    answer = aws.client("ecr").describe_image_signing_status(
        repositoryName=image.repository, imageId={"imageDigest": image.digest}
    )
    done = [each.get("signingProfileArn", "") for each in answer["signingStatuses"] if each.get("status") == "COMPLETE"]
    return any(fnmatchcase(arn, glob) for arn in done for glob in profiles)


def only_data(image: Image, aws: Session) -> bool:
    """Whether it is no image that could run, but data such as a signature, an attestation or a bill of materials."""
    own = _nearest(image, aws)[0].get(image.digest)
    layers = rows(own, "layers")
    return bool(layers) and all(_DATA.fullmatch(text(layer, "mediaType") or "") for layer in layers)


def signatures(image: Image, aws: Session) -> Iterator[Signature | SignatureUnreadable | OSError]:
    """Those under cosign's tag, then those that refer to the image. What is no signature is left out.

    In the place of one that can't be fetched stands why: OSError where that may pass.
    """
    left = _MOST_BLOBS
    for manifests in (_beside, _referring):
        found, kept_back = manifests(image, aws)
        yield from kept_back
        for manifest in found:
            for layer in rows(manifest, "layers")[:left]:
                media_type = text(layer, "mediaType") or ""
                if media_type not in {SIMPLE, BUNDLE, JWS, COSE}:
                    continue
                left -= 1
                try:
                    blob = _blob(image, text(layer, "digest") or "", aws)
                except (SignatureUnreadable, OSError) as error:
                    yield error
                    continue
                if blob is not None:
                    beside = text(layer, "annotations", SIMPLE_SIGNATURE)
                    yield Signature(media_type, blob, beside or "")


def _beside(image: Image, aws: Session) -> _Found:
    """Under cosign's tag, `sha256-….sig`."""
    found, kept_back = _nearest(image, aws)
    return [manifest for digest, manifest in found.items() if digest != image.digest], kept_back


def _nearest(image: Image, aws: Session) -> tuple[dict[str, Any], list[SignatureUnreadable]]:
    """The manifests of the image itself and of what has cosign's tag for it."""
    tag = f"{image.digest.replace(':', '-')}.sig"
    return _manifests(image, [{"imageDigest": image.digest}, {"imageTag": tag}], aws)


def _referring(image: Image, aws: Session) -> _Found:
    """What names it as its subject, as OCI 1.1 has it; the first so many. boto3 has no paginator for it."""
    digests: list[str] = []
    asked: dict[str, Any] = {
        "repositoryName": image.repository,
        "subjectId": {"imageDigest": image.digest},
        "filter": {"artifactTypes": _ARTIFACTS},
    }
    while len(digests) < _MOST_BLOBS:
        page = aws.client("ecr").list_image_referrers(**asked)
        digests += [each["digest"] for each in page["referrers"]]
        if not page.get("nextToken"):
            break
        asked["nextToken"] = page["nextToken"]
    ids = [{"imageDigest": digest} for digest in digests[:_MOST_BLOBS]]
    found, kept_back = _manifests(image, ids, aws) if ids else ({}, [])
    return [*found.values()], kept_back


def _manifests(image: Image, ids: list[Any], aws: Session) -> tuple[dict[str, Any], list[SignatureUnreadable]]:
    """By their digests, and why others can't be read; those that aren't there are left out."""
    try:
        with _handed_out(image):
            answer = aws.client("ecr").batch_get_image(
                repositoryName=image.repository, imageIds=ids, acceptedMediaTypes=_MANIFESTS
            )
    except SignatureUnreadable as error:
        return {}, [error]
    kept_back = [
        SignatureUnreadable(f"{image.id}: {failure.get('failureCode')} {failure.get('failureReason')}")
        for failure in answer["failures"]
        if failure.get("failureCode") != "ImageNotFound"
    ]
    return {each["imageId"]["imageDigest"]: _opened(each["imageManifest"]) for each in answer["images"]}, kept_back


@contextmanager
def _handed_out(image: Image) -> Iterator[None]:
    """Raises SignatureUnreadable where ECR, or its storage, refuses for good."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _KEPT_BACK:
            raise
        raise SignatureUnreadable(f"{image.id}: {error}") from error
    except HTTPError as error:
        if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise SignatureUnreadable(f"{image.id}: Amazon's storage answers {error.code} for a signature") from error


def _opened(manifest: str) -> Any:
    """What can't be read has no layers, so that it signs nothing."""
    try:
        return json.loads(manifest)
    except (ValueError, RecursionError):
        return None


def _blob(image: Image, digest: str, aws: Session) -> bytes | None:
    """A blob that is what its digest says, or None. Raises OSError or SignatureUnreadable when it can't be fetched."""
    blob = b""
    with absent("LayersNotFoundException", "InvalidParameterException"), _handed_out(image):
        found = aws.client("ecr").get_download_url_for_layer(repositoryName=image.repository, layerDigest=digest)
        blob = fetched(found["downloadUrl"])
    return blob if f"sha256:{sha256(blob).hexdigest()}" == digest else None


def fetched(url: str) -> bytes:
    """What Amazon's storage answers to a presigned address, as far as the limit. Raises OSError; SignatureUnreadable for others.

    The address is a secret for as long as it holds: it is in no error and no log.
    """
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            """Then it is an error."""

    parts = urlsplit(url)
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
        raise SignatureUnreadable("the address of a blob is not Amazon's")
    with build_opener(NoRedirects).open(url, timeout=_SECONDS) as answer:
        blob: bytes = answer.read(_MOST_BYTES + 1)
    return blob if len(blob) <= _MOST_BYTES else b""
