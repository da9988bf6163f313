from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.core.engine import FixFailed
from chalicelib.core.event import Event
from chalicelib.core.record import Status
from chalicelib.resources.ecr import Image
from tests.moto_gaps import scan_found
from tests.support import HOME, Case, Envelope, World, cloudtrail_event

ID = "ecr.image_with_critical_findings"
NAME = "shop/web"
MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def manifest(layer: str = "a", media_type: str = MEDIA_TYPE) -> str:
    layers = [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1, "digest": layer * 64}]
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "layers": layers}, indent=3)


def push(world: World, *tags: str, text: str = "", media_type: str = MEDIA_TYPE) -> str:
    """Push an image under its tags; answers its digest."""
    ecr, digest = world.client("ecr"), ""
    for tag in tags or ("once",):
        made = ecr.put_image(
            repositoryName=NAME,
            imageManifest=text or manifest(media_type=media_type),
            imageManifestMediaType=media_type,
            imageTag=tag,
        )
        digest = made["image"]["imageId"]["imageDigest"]
    return str(digest)


def images(world: World) -> dict[str, list[str]]:
    found = world.client("ecr").describe_images(repositoryName=NAME)["imageDetails"]
    return {image["imageDigest"]: sorted(image.get("imageTags", [])) for image in found}


def whole(world: World) -> Any:
    ecr = world.client("ecr")
    details = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    for image in details:
        image["imageTags"] = sorted(image.get("imageTags", []))
    ids = [{"imageDigest": digest} for digest in images(world)]
    manifests = [image["imageManifest"] for image in ecr.batch_get_image(repositoryName=NAME, imageIds=ids)["images"]]
    repository = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    return repository, sorted(details, key=lambda image: str(image["imageDigest"])), sorted(manifests)


def scanned(
    *tags: str, media_type: str = MEDIA_TYPE, mutability: str = "MUTABLE", status: str = "COMPLETE", **counts: int
) -> Any:
    def made(world: World) -> Envelope:
        world.client("ecr").create_repository(repositoryName=NAME, imageTagMutability=mutability)
        push(world, "other", text=manifest("b"))
        digest = push(world, *tags, media_type=media_type)
        scan_found(HOME, "us-east-1", NAME, digest, counts)
        return event(digest, *tags, **counts)

    return made


def event(digest: str, *tags: str, **counts: int) -> Envelope:
    envelope = cloudtrail_event("ecr", "")
    detail = {"scan-status": "COMPLETE", "repository-name": NAME, "finding-severity-counts": counts}
    detail |= {"image-digest": digest, "image-tags": [*tags]}
    arn = f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}"
    return envelope | {"detail-type": "ECR Image Scan", "resources": [arn], "detail": detail}


def untagged(world: World) -> Envelope:
    """The tag moved on to another image, as `latest` does."""
    envelope = scanned("latest", CRITICAL=3)(world)
    moto_keeps_untagged(world, envelope["detail"]["image-digest"])
    return envelope  # type: ignore[no-any-return]


def moto_keeps_untagged(world: World, digest: str) -> None:
    from moto.ecr.models import ecr_backends

    (image,) = (
        each for each in ecr_backends[HOME]["us-east-1"].repositories[NAME].images if each.image_digest == digest
    )
    image.image_tags, image.image_tag = [], None  # type: ignore[assignment]


CASE = Case(
    unsafe=(
        scanned("v1", CRITICAL=1),
        scanned("v1", "latest", "stable", CRITICAL=10, HIGH=2),
        scanned("v1", "latest", mutability="IMMUTABLE", CRITICAL=1),
        scanned("v1", media_type=INDEX, CRITICAL=1),
    ),
    near_misses=(scanned("v1", HIGH=99, MEDIUM=3), scanned("v1", CRITICAL=0), scanned("v1"), untagged),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME, force=True),
)


def quarantine(digest: str) -> str:
    return f"quarantined-{digest.removeprefix('sha256:')[:12]}"


def test_only_the_quarantine_tag_is_left_and_the_other_image_keeps_its_own(world: World) -> None:
    envelope = scanned("v1", "latest", CRITICAL=1)(world)
    world.deliver(envelope, ID)
    digest = envelope["detail"]["image-digest"]
    left = images(world)
    assert left.pop(digest) == [quarantine(digest)]
    assert list(left.values()) == [["other"]]


def test_an_image_that_is_gone_is_gone(world: World) -> None:
    envelope = scanned("v1", CRITICAL=1)(world)
    digest = envelope["detail"]["image-digest"]
    world.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "gone"


def test_an_image_that_was_never_scanned_is_let_be(world: World) -> None:
    world.client("ecr").create_repository(repositoryName=NAME)
    (outcome,) = world.deliver(event(push(world, "v1"), CRITICAL=9), ID)
    assert outcome.status == "compliant"


def test_a_harmless_image_costs_one_call(world: World) -> None:
    world.deliver(scanned("v1", HIGH=1)(world), ID)
    assert [call.operation for call in world.calls] == ["DescribeImageScanFindings"]


def test_without_being_named_in_the_settings_it_only_tells(world: World) -> None:
    envelope = scanned("v1", CRITICAL=1)(world)
    outcomes = world.application("fix").guard("ecr", json.loads(json.dumps(envelope)))
    assert [outcome.status for outcome in outcomes if outcome.guardrail == ID] == [Status.ALERTED]


def test_the_image_is_never_without_a_tag(world: World) -> None:
    envelope = scanned("v1", "latest", CRITICAL=1)(world)
    (outcome,) = world.deliver(envelope, ID)
    order = [call.operation for call in world.calls if call.operation in {"PutImage", "BatchDeleteImage"}]
    assert order == ["PutImage", "BatchDeleteImage"]
    application = world.application("fix", ID)
    application.engine.undo(outcome.record, "bob")
    order = [call.operation for call in world.calls if call.operation in {"PutImage", "BatchDeleteImage"}]
    assert order == ["PutImage", "PutImage", "BatchDeleteImage"]


def test_an_undo_takes_no_tag_away_from_a_newer_image(world: World) -> None:
    envelope = scanned("v1", "latest", CRITICAL=1)(world)
    (outcome,) = world.deliver(envelope, ID)
    newer = push(world, "latest", text=manifest("c"))
    with pytest.raises(FixFailed, match="latest"):
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert images(world)[newer] == ["latest"]
    assert images(world)[envelope["detail"]["image-digest"]] == [quarantine(envelope["detail"]["image-digest"])]


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"repository-name": NAME},
        {"image-digest": "sha256:12"},
        {"repository-name": None, "image-digest": None},
        {"repository-name": {"name": NAME}, "image-digest": ["a", "b"]},
    ],
)
def test_a_strange_event_names_no_image(detail: Any) -> None:
    envelope = event("sha256:12") | {"detail": {"scan-status": "COMPLETE", **detail}}
    assert not list(Image.in_event(Event.parse(envelope)))


def test_all_tagged_images_are_found_with_the_tags_of_their_repository(world: World) -> None:
    untagged(world)
    world.client("ecr").tag_resource(
        resourceArn=f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}", tags=[{"Key": "team", "Value": "shop"}]
    )
    look = world.application().sessions.look(HOME, "us-east-1")
    found = {image.digest: image for image in Image.all_in(look)}
    (tagged,) = (digest for digest, tags in images(world).items() if tags == ["other"])
    assert found[tagged].tags(look) == {"team": "shop"}
    assert found[tagged].arn == f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}/{tagged}"
