"""What ECR does and moto doesn't: blobs that can be fetched, referrers, its own signing, the archive.

And Amazon Inspector's answer to where an image runs.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.error import HTTPError

from chalicelib.core.partitions import ANY_SUFFIX, partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOB = re.compile(
    rf"https://prod-([a-z0-9-]+)-starport-layer-bucket\.s3\.\1\.(?:{ANY_SUFFIX})/(\d{{12}})/([^?]+)/(sha256:.+)\?.+"
)
_CLUSTERS = re.compile(rf"https?://inspector2\.([a-z0-9-]+)\.(?:{ANY_SUFFIX})/cluster/get")
_PAGE = 50


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto answers for it."""
    from urllib.request import OpenerDirector

    from moto.core.botocore_stubber import BotocoreStubber
    from moto.ecr.models import ECRBackend, Image, Repository
    from moto.ecr.responses import ECRResponse

    better: list[tuple[Any, str, Any]] = [
        (Image, "_create_digest", _digest),
        (Image, "image_status", "ACTIVE"),
        (Image, "signing", ()),
        (Image, "clusters", ()),
        (Repository, "blobs", None),
        (ECRBackend, "complete_layer_upload", _kept(ECRBackend.complete_layer_upload)),
        (ECRBackend, "batch_get_image", _without_archived(ECRBackend.batch_get_image)),
        (ECRResponse, "describe_images", _described(ECRResponse.describe_images)),
        (ECRResponse, "list_image_referrers", _referrers),
        (ECRResponse, "get_download_url_for_layer", _url),
        (ECRResponse, "describe_image_signing_status", _signing),
        (ECRResponse, "update_image_storage_class", _store),
        (OpenerDirector, "open", _opened(OpenerDirector.open)),
        (BotocoreStubber, "process_request", _inspected(BotocoreStubber.process_request)),
    ]
    with ExitStack() as stack:
        for owner, name, value in better:
            stack.enter_context(patch.object(owner, name, value, create=True))
        yield


def image(account: str, region: str, repository: str, digest: str) -> Any:
    """moto's image. Tests set `signing` (as DescribeImageSigningStatus answers) and `clusters` (as Inspector does)."""
    from moto.ecr.models import ecr_backends

    return ecr_backends[account][region].repositories[repository]._get_image(None, digest)  # noqa: SLF001


def _digest(self: Any) -> None:
    """The digest is of the manifest's very bytes; moto takes one of the layers' digests.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
    """
    self._image_digest = f"sha256:{sha256(self.image_manifest.encode()).hexdigest()}"


def _kept(complete: Callable[..., Any]) -> Callable[..., Any]:
    def completed(self: Any, repository_name: str, upload_id: str, *more: Any, **named: Any) -> Any:
        repository = self.repositories[repository_name]
        blob = bytes(repository.uploads[upload_id].layer_parts) if upload_id in repository.uploads else b""
        answer = complete(self, repository_name, upload_id, *more, **named)
        repository.blobs = {**(repository.blobs or {}), answer["layerDigest"]: blob}
        return answer

    return completed


def _without_archived(real: Callable[..., Any]) -> Callable[..., Any]:
    """What is archived can't be pulled: as if it weren't there."""

    def got(self: Any, repository_name: str, registry_id: Any = None, image_ids: Any = None) -> Any:
        answer = real(self, repository_name, registry_id, image_ids)
        gone = [each for each in answer["images"] if each.image_status != "ACTIVE"]
        why = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
        failures = [{"imageId": {"imageDigest": each.image_digest}, **why} for each in gone]
        images = [each for each in answer["images"] if each not in gone]
        return {**answer, "images": images, "failures": [*answer["failures"], *failures]}

    return got


def _described(real: Callable[..., Any]) -> Callable[..., Any]:
    """Without a filter, only active images."""

    def described(self: Any) -> Any:
        from moto.ecr.exceptions import ImageNotFoundException

        wanted = (self._get_param("filter") or {}).get("imageStatus", "ACTIVE")
        answer = real(self)
        found = answer.result["imageDetails"]
        kept = [each for each in found if wanted in {"ANY", each.image_status}]
        if self._get_param("imageIds") and len(kept) < len(found):
            name = self._get_param("repositoryName")
            raise ImageNotFoundException(image_id="", repository_name=name, registry_id=self.current_account)
        answer.result["imageDetails"] = kept
        return answer

    return described


def _repository(self: Any) -> Any:
    return self.ecr_backend._get_repository(self._get_param("repositoryName"))  # noqa: SLF001


def _one(self: Any) -> Any:
    asked = self._get_param("imageId")
    return _repository(self)._get_image(asked.get("imageTag"), asked.get("imageDigest"))  # noqa: SLF001


def _referrers(self: Any) -> Any:
    """Those whose manifest names the image as its subject, active ones only."""
    from moto.core.responses import ActionResult

    subject = self._get_param("subjectId")["imageDigest"]
    wanted = (self._get_param("filter") or {}).get("artifactTypes")
    found = []
    for each in _repository(self).images:
        manifest = json.loads(each.image_manifest)
        kind = manifest.get("artifactType") or manifest.get("config", {}).get("mediaType")
        if manifest.get("subject", {}).get("digest") != subject or (wanted and kind not in wanted):
            continue
        if each.image_status == "ACTIVE":
            found.append({"digest": each.image_digest, "artifactType": kind, "artifactStatus": each.image_status})
            found[-1] |= {"mediaType": each.image_manifest_media_type, "size": len(each.image_manifest)}
    start = int(self._get_param("nextToken") or 0)
    more = {"nextToken": str(start + _PAGE)} if len(found) > start + _PAGE else {}
    return ActionResult({"referrers": found[start : start + _PAGE], **more})


def _url(self: Any) -> Any:
    from moto.core.exceptions import JsonRESTError
    from moto.core.responses import ActionResult

    digest, repository = self._get_param("layerDigest"), _repository(self)
    if digest not in (repository.blobs or {}):
        raise JsonRESTError("LayersNotFoundException", f"The layer {digest} doesn't exist in {repository.name}")
    host = f"prod-{self.region}-starport-layer-bucket.s3.{self.region}.{partition_of(self.region).dns_suffix}"
    url = f"https://{host}/{self.current_account}/{repository.name}/{digest}?X-Amz-Signature=made-up"
    return ActionResult({"downloadUrl": url, "layerDigest": digest})


def _opened(real: Callable[..., Any]) -> Callable[..., Any]:
    """The bucket that ECR keeps blobs in."""

    def opened(self: Any, fullurl: Any, *more: Any, **named: Any) -> Any:
        from moto.ecr.models import ecr_backends

        found = _BLOB.fullmatch(fullurl) if isinstance(fullurl, str) else None
        if found is None:
            return real(self, fullurl, *more, **named)
        region, account, name, digest = found.groups()
        repository = ecr_backends[account][region].repositories.get(name)
        blob = (getattr(repository, "blobs", None) or {}).get(digest)
        if blob is None:
            raise HTTPError("", 404, "Not Found", {}, None)  # type: ignore[arg-type]
        return BytesIO(blob)

    return opened


def _signing(self: Any) -> Any:
    from moto.core.responses import ActionResult

    found = _one(self)
    name, digest = self._get_param("repositoryName"), {"imageDigest": found.image_digest}
    return ActionResult({"repositoryName": name, "imageId": digest, "signingStatuses": list(found.signing)})


def _store(self: Any) -> Any:
    """Restoring takes up to 20 minutes on AWS, in which the image is ACTIVATING; here none."""
    from moto.core.responses import ActionResult

    found = _one(self)
    found.image_status = "ARCHIVED" if self._get_param("targetStorageClass") == "ARCHIVE" else "ACTIVE"
    name, digest = self._get_param("repositoryName"), {"imageDigest": found.image_digest}
    return ActionResult({"repositoryName": name, "imageId": digest, "imageStatus": found.image_status})


def _inspected(real: Callable[..., Any]) -> Callable[..., Any]:
    """https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetClustersForImage.html."""

    def process(self: Any, request: Any) -> Any:
        found = _CLUSTERS.match(request.url)
        if found is None:
            return real(self, request)
        name, _, digest = json.loads(request.body)["filter"]["resourceId"].partition(":repository/")[2].rpartition("/")
        account = json.loads(request.body)["filter"]["resourceId"].split(":")[4]
        return 200, {}, json.dumps({"cluster": list(image(account, found[1], name, digest).clusters)})

    return process
