from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.baseline import Baseline, Release, Require
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ecr.take_forbidden_tags_off import TakeForbiddenTagsOff
from chalicelib.resources.ecr.images import Image
from tests.guardrails.ecr import registry
from tests.guardrails.ecr.registry import NAME, pushed, put_image
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event, native_event
from tests.support.world import baseline_of

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.release_tag_forbidden"
KNOWN = Baseline(require=Require(releases={"shop/*": Release(), "lib/*": Release(tags=("latest", "dev-*"))}))


def image(*tags: str, name: str = NAME, announced: Any = pushed) -> Any:
    def made(world: World) -> Envelope:
        world.settings = replace(world.settings, **baseline_of(KNOWN))
        world.client("ecr").create_repository(repositoryName=name)
        registry.image(world, "other", content=b"another program", name=name)
        digest = registry.image(world, *tags, name=name)
        return announced(digest, tags[-1] if tags else "", name)  # type: ignore[no-any-return]

    return made


def replicated(digest: str, tag: str, name: str) -> Envelope:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html."""
    arn = f"arn:aws:ecr:{REGION}:{HOME}:repository/{name}"
    detail = {
        "result": "SUCCESS",
        "repository-name": name,
        "image-digest": digest,
        "source-account": FRIEND,
        "action-type": "REPLICATE",
        "source-region": "us-west-2",
        "image-tag": tag,
    }
    return native_event("ecr", "ECR Replication Action", detail, resources=[arn])


def restored(digest: str, _tag: str, name: str) -> Envelope:
    asked = {"repositoryName": name, "imageId": {"imageDigest": digest}, "targetStorageClass": "STANDARD"}
    answer = {"registryId": HOME, "repositoryName": name, "imageId": {"imageDigest": digest}, "imageStatus": "ACTIVE"}
    return cloudtrail_event("ecr", "UpdateImageStorageClass", asked, answer)


def activated(digest: str, _tag: str, name: str) -> Envelope:
    detail = {
        "action-type": "UPDATE_STORAGE_CLASS",
        "target-storage-class": "STANDARD",
        "image-digest": digest,
        "repository-name": name,
        "result": "SUCCESS",
    }
    return native_event("ecr", "ECR Image Action", detail)


def images(world: World) -> dict[str, list[str]]:
    """Tags by digest, of all repositories."""
    ecr, found = world.client("ecr"), {}
    for repository in ecr.describe_repositories()["repositories"]:
        for each in ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"]:
            found[each["imageDigest"]] = sorted(each.get("imageTags", []))
    return found


CASE = Case(
    unsafe=(
        image("latest", announced=put_image),
        image("v1", "latest"),
        image("v1", "dev-7", "dev-8", name="lib/http"),
        image("latest", announced=replicated),
        image("latest", announced=restored),
        image("latest", announced=activated),
    ),
    near_misses=(
        image("v1", "latest-but-one"),
        image("latest", name="sandbox/web"),
        image("dev-7"),
        image("v1", announced=replicated),
        image("v1", announced=restored),
    ),
    whole=images,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME, force=True),
    disturb=lambda world: registry.image(
        world,
        "v2",
        content=b"the next program",
        name=world.client("ecr").describe_repositories()["repositories"][0]["repositoryName"],
    ),
)


def test_an_image_that_is_archived_is_of_no_interest(world: World) -> None:
    """Snapback archives what it quarantines, by itself."""
    envelope = image("latest", announced=restored)(world)
    envelope["detail"]["requestParameters"]["targetStorageClass"] = "ARCHIVE"
    assert not world.deliver(envelope, ID)


@pytest.mark.parametrize(
    ("tags", "left"), [(("v1", "latest"), ["v1"]), (("latest", "stable", "v1"), ["stable", "v1"]), (("latest",), None)]
)
def test_only_the_forbidden_tag_comes_off(world: World, tags: tuple[str, ...], left: list[str] | None) -> None:
    envelope = image(*tags)(world)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, outcome.reason) == ("fixed", "it is tagged latest")
    digest = envelope["detail"]["image-digest"]
    found = images(world)
    assert found.pop(digest) == (left or [f"quarantined-{digest.removeprefix('sha256:')[:12]}"])
    assert list(found.values()) == [["other"]]


@given(tags=st.sets(st.sampled_from(["latest", "v1", "v2", "dev-1", "dev-2", "stable"])))
def test_an_image_is_never_left_without_a_tag_that_it_had(tags: set[str]) -> None:
    fix, before = (
        TakeForbiddenTagsOff(),
        {"repository": "lib/http", "digest": "sha256:" + "ab" * 32, "tags": sorted(tags)},
    )
    after = fix.safe(before, FixContext(KNOWN))
    assert fix.safe(after, FixContext(KNOWN)) == after
    good = tags - {"latest", "dev-1", "dev-2"}
    assert set(after["tags"]) >= good
    assert bool(after["tags"]) == bool(tags)
    if good == tags:
        assert after == before


@pytest.mark.parametrize(
    "change",
    [
        {"responseElements": None},
        {"responseElements": {"image": {"imageId": {"imageDigest": "sha256:12"}}}},
        {"responseElements": {"image": "one"}},
        {"requestParameters": {"repositoryName": NAME, "registryId": STRANGER}},
        {"requestParameters": {"repositoryName": ["a", "b"]}},
        {"requestParameters": None},
    ],
)
def test_a_strange_push_names_no_image(change: Any) -> None:
    envelope = put_image("sha256:" + "ab" * 32, **change)
    assert not list(Image.in_event(Event.parse(json.loads(json.dumps(envelope)))))


def test_both_events_of_a_push_name_the_same_image() -> None:
    digest = "sha256:" + "ab" * 32
    (one,) = Image.in_event(Event.parse(pushed(digest)))
    (other,) = Image.in_event(Event.parse(put_image(digest)))
    assert one == other == Image(f"{NAME}@{digest}", "123456789012", "us-east-1")
