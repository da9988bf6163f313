from __future__ import annotations

from datetime import timedelta
from email.message import Message
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.error import HTTPError

import pytest
from msgspec.structs import replace

from chalicelib.core.baseline import Baseline, Release, Require
from chalicelib.core.errors import SignatureUnreadable, Unfinished
from chalicelib.resources.ecr import signatures
from chalicelib.resources.ecr.signatures import fetched
from snapback.memory_aws import ecr
from tests.guardrails.ecr import registry
from tests.guardrails.ecr.registry import BUNDLE, NAME, NOTATION, OCI, cosign, key, of_certificate, pem, pushed
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope
from tests.support.http import Handler, listening
from tests.support.world import baseline_of, settings_with

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.release_image_unsigned"
ROOT = registry.certificate("root", key("root"), ca=True)
LEAF = registry.certificate("release", key("leaf"), (ROOT, key("root")))
PROFILE = f"arn:aws:signer:{REGION}:{HOME}:/signing-profiles/release"
KNOWN = Baseline(
    require=Require(releases={"shop/*": Release(keys=(pem(key()), of_certificate(ROOT)), profiles=(PROFILE,))})
)


def baseline(world: World, baseline: Baseline = KNOWN) -> None:
    world.settings = replace(world.settings, **baseline_of(baseline))


def release(world: World, *tags: str, name: str = NAME) -> str:
    """An image, pushed to a release repository; answers its digest."""
    baseline(world)
    world.client("ecr").create_repository(repositoryName=name)
    registry.image(world, "other", content=b"another program", name=name)
    return registry.image(world, *(tags or ("v1",)), name=name)


def unsigned(world: World) -> Envelope:
    return pushed(release(world, "v1", "stable"))


def untagging(world: World) -> Envelope:
    digest = release(world)
    baseline(world, replace(KNOWN, quarantine="untag"))
    return registry.put_image(digest)


def wrong_key(world: World) -> Envelope:
    digest = release(world)
    cosign(world, digest, key("another"))
    return pushed(digest)


def of_another_image(world: World) -> Envelope:
    digest = release(world)
    registry.refer(world, digest, BUNDLE, registry.bundle("sha256:" + "ab" * 32), BUNDLE)
    return pushed(digest)


def signed(world: World) -> Envelope:
    digest = release(world)
    cosign(world, digest)
    return pushed(digest)


def signed_by_bundle(world: World) -> Envelope:
    digest = release(world)
    registry.refer(world, digest, BUNDLE, registry.bundle(digest, key("another")), BUNDLE)
    registry.refer(world, digest, BUNDLE, registry.bundle(digest), BUNDLE)
    return pushed(digest)


def signed_by_notation(world: World) -> Envelope:
    digest = release(world)
    blob = registry.jws(digest, key("leaf"), [LEAF, ROOT])
    registry.refer(world, digest, "application/jose+json", blob, NOTATION)
    return pushed(digest)


def signed_by_ecr(world: World) -> Envelope:
    digest = release(world)
    status(world, digest, "COMPLETE")
    return pushed(digest)


def status(world: World, digest: str, *words: str, profile: str = PROFILE) -> None:
    image = ecr.image(HOME, REGION, NAME, digest)
    image.signing = [{"signingProfileArn": profile, "status": word} for word in words]


def the_signature_itself(world: World) -> Envelope:
    return pushed(cosign(world, release(world), key("another")), "sha256-….sig")


def whole(world: World) -> Any:
    ecr = world.client("ecr")
    found = ecr.describe_images(repositoryName=NAME, filter={"imageStatus": "ANY"})["imageDetails"]
    for image in found:
        image["imageTags"] = sorted(image.get("imageTags", []))
    return sorted(found, key=lambda image: str(image["imageDigest"]))


CASE = Case(
    unsafe=(untagging, unsigned, wrong_key, of_another_image),
    near_misses=(signed, signed_by_bundle, signed_by_notation, signed_by_ecr, the_signature_itself),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME, force=True),
    disturb=lambda world: registry.image(world, "v2", content=b"the next program"),
)


def reason(world: World, envelope: Envelope) -> str:
    (outcome,) = world.deliver(envelope, ID, "alert")
    return "compliant" if outcome.status == "compliant" else outcome.reason


def test_an_archived_image_cannot_be_pulled_and_keeps_its_tags(world: World) -> None:
    envelope = unsigned(world)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, outcome.reason) == ("fixed", "nobody signed it")
    digest = envelope["detail"]["image-digest"]
    answer = world.client("ecr").batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    assert not answer["images"]
    left = {image["imageDigest"]: (image["imageTags"], image["imageStatus"]) for image in whole(world)}
    assert left.pop(digest) == (["stable", "v1"], "ARCHIVED")
    assert list(left.values()) == [(["other"], "ACTIVE")]


def test_where_the_settings_say_so_the_tags_come_off_instead(world: World) -> None:
    world.deliver(untagging(world), ID)
    tags = [image["imageTags"][0] for image in whole(world)]
    assert sorted(tag[:12] for tag in tags) == ["other", "quarantined-"]
    assert {image["imageStatus"] for image in whole(world)} == {"ACTIVE"}


def test_the_reason_tells_what_is_wrong_with_each_signature(world: World) -> None:
    digest = release(world)
    cosign(world, digest, key("another"))
    registry.refer(world, digest, BUNDLE, registry.bundle("sha256:" + "ab" * 32), BUNDLE)
    registry.refer(world, digest, "application/cose", b"\xd2\x84", NOTATION)
    why = "its signature is by a key that isn't in the settings; another signs another image"
    assert reason(world, pushed(digest)) == f"{why}; another is COSE, which Snapback can't read"


def test_a_tampered_payload_is_none(world: World) -> None:
    digest = release(world)
    manifest = registry.simple(world, key(), registry.payload("sha256:" + "ab" * 32))
    tampered = registry.blob(world, registry.payload(digest))
    manifest["layers"][0] |= tampered
    registry.put(world, manifest, f"{digest.replace(':', '-')}.sig")
    assert reason(world, pushed(digest)) == "its signature is by a key that isn't in the settings"


def test_a_signature_moved_to_another_image_is_none(world: World) -> None:
    digest = release(world)
    cosign(world, digest, about="sha256:" + "ab" * 32)
    assert reason(world, pushed(digest)) == "its signature signs another image"


def test_a_second_signature_under_the_tag_is_enough(world: World) -> None:
    digest = release(world)
    manifest = registry.simple(world, key("another"), registry.payload(digest))
    manifest["layers"] += registry.simple(world, key(), registry.payload(digest))["layers"]
    registry.put(world, manifest, f"{digest.replace(':', '-')}.sig")
    assert reason(world, pushed(digest)) == "compliant"


def test_a_referrer_of_the_older_kind_is_enough(world: World) -> None:
    digest = release(world)
    manifest = registry.simple(world, key(), registry.payload(digest))
    subject = {"mediaType": OCI, "digest": digest, "size": 1}
    kind = "application/vnd.dev.cosign.artifact.sig.v1+json"
    registry.put(world, {**manifest, "artifactType": kind, "subject": subject})
    assert reason(world, pushed(digest)) == "compliant"


@pytest.mark.parametrize(
    ("words", "profile"), [(["IN_PROGRESS"], PROFILE), (["FAILED"], PROFILE), (["COMPLETE"], "arn:x")]
)
def test_ecrs_own_signing_counts_when_it_is_complete_and_with_a_named_profile(
    world: World, words: list[str], profile: str
) -> None:
    digest = release(world)
    status(world, digest, *words, profile=profile)
    assert reason(world, pushed(digest)) == "nobody signed it"


def test_a_program_that_is_called_a_signature_must_be_signed(world: World) -> None:
    """A tag and an artifact type are the pusher's to choose; what its layers are decides."""
    digest = release(world)
    tag = f"{digest.replace(':', '-')}.sig"
    disguised = registry.image(world, tag, content=b"a third program")
    assert reason(world, pushed(disguised, tag)) == "nobody signed it"


def test_an_image_without_a_tag_is_let_be(world: World) -> None:
    """It is pushed before the multi-platform image that it is a part of, which is signed as a whole."""
    release(world)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **registry.blob(world, b"for arm64")}
    part = registry.put(world, {"schemaVersion": 2, "mediaType": OCI, "config": layer, "layers": [layer]})
    assert reason(world, pushed(part, "")) == "compliant"
    index = {"schemaVersion": 2, "mediaType": registry.INDEX, "manifests": [{"mediaType": OCI, "digest": part}]}
    assert reason(world, pushed(registry.put(world, index, "v2"))) == "nobody signed it"


def test_a_blob_that_is_not_there_or_is_another_is_no_signature(world: World) -> None:
    digest = release(world)
    cosign(world, digest)
    with patch("chalicelib.resources.ecr.signatures.fetched", return_value=registry.payload(digest) + b" "):
        assert reason(world, pushed(digest)) == "nobody signed it"
    from moto.ecr.models import ecr_backends

    setattr(ecr_backends[HOME][REGION].repositories[NAME], "blobs", {})  # noqa: B010 - moto has no such field
    world.later(minutes=1)
    assert reason(world, pushed(digest)) == "nobody signed it"


def test_a_blob_that_cannot_be_fetched_is_an_error_and_nothing_is_done(world: World) -> None:
    envelope = signed(world)
    before = whole(world)
    with patch("chalicelib.resources.ecr.signatures.fetched", side_effect=TimeoutError), pytest.raises(Unfinished):
        world.deliver(envelope, ID)
    assert whole(world) == before


FOR_GOOD = pytest.mark.parametrize(
    ("call", "code"),
    [
        ("storage", "403"),
        ("storage", "400"),
        ("GetDownloadUrlForLayer", "LayerInaccessibleException"),
        ("GetDownloadUrlForLayer", "UnableToGetUpstreamLayerException"),
        ("GetDownloadUrlForLayer", "KmsException"),
        ("BatchGetImage", "KmsException"),
        ("BatchGetImage", "UnableToGetUpstreamImageException"),
    ],
)


def refusing(world: World, call: str, code: str) -> Any:
    if call != "storage":
        return world.denied(call, code=code)
    refused = HTTPError("https://example.com", int(code), "Forbidden", Message(), None)
    return patch("chalicelib.resources.ecr.signatures.fetched", side_effect=refused)


@FOR_GOOD
def test_a_signature_that_is_kept_back_for_good_leaves_the_image_unjudged(world: World, call: str, code: str) -> None:
    """Whoever pushes an image may hand it a signature under a key that nobody may use."""
    envelope = wrong_key(world)
    with refusing(world, call, code):
        (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "unjudged"
    assert code in outcome.reason


@pytest.mark.parametrize("error", [HTTPError("https://example.com", 403, "", Message(), None), TimeoutError()])
def test_a_signature_that_cannot_be_fetched_hides_no_other(world: World, error: OSError) -> None:
    digest = release(world)
    cosign(world, digest, key("another"))
    blob = registry.bundle(digest)
    registry.refer(world, digest, BUNDLE, blob, BUNDLE)
    with patch("chalicelib.resources.ecr.signatures.fetched", side_effect=[error, blob]):
        assert reason(world, pushed(digest)) == "compliant"


def test_a_manifest_that_ecr_does_not_hand_out_leaves_the_image_unjudged(world: World) -> None:
    from moto.ecr.models import ECRBackend

    envelope = unsigned(world)
    failed = {"images": [], "failures": [{"imageId": {}, "failureCode": "KmsError", "failureReason": "disabled"}]}
    with patch.object(ECRBackend, "batch_get_image", lambda *_: failed):
        (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "unjudged"
    assert "KmsError" in outcome.reason


@pytest.mark.parametrize("names", [{}, {"other/*": Release(keys=(pem(key()),))}, {"shop/*": Release()}])
def test_an_image_that_need_not_be_signed_costs_nothing(world: World, names: Any) -> None:
    envelope = unsigned(world)
    baseline(world, Baseline(require=Require(releases=names)))
    assert reason(world, envelope) == "compliant"
    assert not world.calls


def test_only_with_profiles_ecr_is_asked_whether_it_signed(world: World) -> None:
    envelope = signed(world)
    baseline(world, Baseline(require=Require(releases={"*": Release(keys=(pem(key()),))})))
    assert reason(world, envelope) == "compliant"
    assert [call.operation for call in world.calls] == ["BatchGetImage", "GetDownloadUrlForLayer"]


def test_the_signature_may_come_five_minutes_after_its_image(world: World) -> None:
    envelope = unsigned(world)
    digest = envelope["detail"]["image-digest"]
    world.settings = settings_with(KNOWN)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "waiting"
    ((again, due),) = world.waiting
    assert due == world.clock.replace(second=0) + timedelta(minutes=5)
    (outcome,) = world.deliver(pushed(cosign(world, digest), "sha256-….sig"), ID)
    assert outcome.status == "compliant"
    world.later(minutes=5)
    (outcome,) = world.deliver(again, ID)
    assert outcome.status == "compliant"


def test_a_hundred_false_signatures_do_not_make_it_slow(world: World) -> None:
    digest = release(world)
    for number in range(60):
        registry.refer(world, digest, BUNDLE, b"{}" + b" " * number, BUNDLE)
    assert reason(world, pushed(digest)) == "its signature is by a key that isn't in the settings"
    assert sum(call.operation == "GetDownloadUrlForLayer" for call in world.calls) <= 20


@pytest.mark.parametrize(
    "url",
    [
        "http://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/1",
        "https://amazonaws.com.example.com/1",
        "https://example.com/s3.amazonaws.com",
        "https://s3.amazonaws.com@example.com/1",
        "https://s3.amazonaws.com:8443/1",
        "file:///etc/passwd",
    ],
)
def test_only_amazons_own_hosts_are_asked_for_a_blob(url: str) -> None:
    with pytest.raises(SignatureUnreadable, match="not Amazon's"):
        fetched(url)


def test_a_blob_is_fetched_without_redirects_and_as_far_as_the_limit(tmp_path: Any) -> None:
    class Blobs(Handler):
        def serve(self) -> None:
            size = {"/small": 10, "/large": (1 << 20) + 1}.get(self.path, 0)
            self.answer(200 if size else 302, {"Location": "/small"}, b"x" * size)

    def parts(url: str) -> Any:
        return type("Parts", (), {"scheme": "https", "netloc": "s3.amazonaws.com"})

    with listening(Blobs) as here, patch.object(signatures, "urlsplit", parts):
        assert fetched(f"{here}/small") == b"x" * 10
        assert fetched(f"{here}/large") == b""
        with pytest.raises(HTTPError):
            fetched(f"{here}/elsewhere")
