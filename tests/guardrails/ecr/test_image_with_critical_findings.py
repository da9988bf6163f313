from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.baseline import Baseline, Require, Scans
from chalicelib.core.errors import FixFailed
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.ecr.images import Image
from snapback.memory_aws import ecr
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event, native_event
from tests.support.moto_gaps import scan_found
from tests.support.world import World, baseline_of

ID = "ecr.image_with_critical_findings"
NAME = "shop/web"
MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ARCHIVE, UNTAG = Baseline(), Baseline(quarantine="untag")
TODAY = World.clock.date()
LET_BE = Baseline(require=Require(scans=Scans(cves={"CVE-2026-2": TODAY})))


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
    found = world.client("ecr").describe_images(repositoryName=NAME, filter={"imageStatus": "ANY"})["imageDetails"]
    return {image["imageDigest"]: sorted(image.get("imageTags", [])) for image in found}


def whole(world: World) -> Any:
    ecr = world.client("ecr")
    details = ecr.describe_images(repositoryName=NAME, filter={"imageStatus": "ANY"})["imageDetails"]
    for image in details:
        image["imageTags"] = sorted(image.get("imageTags", []))
    ids = [{"imageDigest": digest} for digest in images(world)]
    manifests = [image["imageManifest"] for image in ecr.batch_get_image(repositoryName=NAME, imageIds=ids)["images"]]
    repository = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    return repository, sorted(details, key=lambda image: str(image["imageDigest"])), sorted(manifests)


def scanned(
    *tags: str, media_type: str = MEDIA_TYPE, mutability: str = "MUTABLE", baseline: Baseline = UNTAG, **counts: int
) -> Any:
    def made(world: World) -> Envelope:
        world.settings = replace(world.settings, **baseline_of(baseline))
        world.client("ecr").create_repository(repositoryName=NAME, imageTagMutability=mutability)
        push(world, "other", text=manifest("b"))
        digest = push(world, *tags, media_type=media_type)
        scan_found(HOME, "us-east-1", NAME, digest, counts)
        return event(digest, *tags, **counts)

    return made


def enhanced(
    *found: dict[str, Any], tags: tuple[str, ...] = ("v1",), baseline: Baseline = ARCHIVE, **finding: Any
) -> Any:
    """Found by Amazon Inspector, which tells of the last one."""

    def made(world: World) -> Envelope:
        world.settings = replace(world.settings, **baseline_of(baseline))
        world.client("ecr").create_repository(repositoryName=NAME)
        push(world, "other", text=manifest("b"))
        digest = push(world, *tags)
        arn = f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}/{digest}"
        in_use = {"details": {"awsEcrContainerImage": {"inUseCount": 2}}}
        findings = [
            {**each, "resources": [{**resource(arn), **(in_use if each.get("inUse") else {})}]} for each in found
        ]
        scan_found(HOME, "us-east-1", NAME, digest, {}, [strip(each, "inUse") for each in findings])
        detail = {"findingArn": "arn:aws:inspector2:us-east-1:1:finding/1", "awsAccountId": HOME, "status": "ACTIVE"}
        return native_event("inspector2", "Inspector2 Finding", {**detail, **findings[-1], **finding})

    return made


def strip(finding: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in finding.items() if name not in names}


def resource(arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html."""
    return {"type": "AWS_ECR_CONTAINER_IMAGE", "id": arn, "partition": "aws", "region": "us-east-1"}


def finding(cve: str = "CVE-2026-1", severity: str = "CRITICAL", **more: Any) -> dict[str, Any]:
    details = {"packageVulnerabilityDetails": {"vulnerabilityId": cve, "vulnerablePackages": []}}
    return {"severity": severity, "status": "ACTIVE", "type": "PACKAGE_VULNERABILITY", **details, **more}


def running(world: World) -> Envelope:
    envelope: Envelope = enhanced(finding(inUse=True), tags=("v1", "latest"))(world)
    digest = envelope["detail"]["resources"][0]["id"].rpartition("/")[2]
    ecs = {"detailsGroup": "service:web", "taskDefinitionArn": f"arn:aws:ecs:us-east-1:{HOME}:task-definition/web:7"}
    eks = {"namespace": "shop", "workloadInfoList": [{"name": "web-6d4", "type": "POD"}]}
    details = [{"runningUnitCount": 3, "stoppedUnitCount": 0, "clusterMetadata": {"awsEcsMetadataDetails": ecs}}] * 2
    ecr.image(HOME, "us-east-1", NAME, digest).clusters = [
        {"clusterArn": f"arn:aws:ecs:us-east-1:{HOME}:cluster/shop", "clusterDetails": details},
        {
            "clusterArn": f"arn:aws:eks:us-east-1:{HOME}:cluster/pods",
            "clusterDetails": [
                {"runningUnitCount": 1, "stoppedUnitCount": 0, "clusterMetadata": {"awsEksMetadataDetails": eks}}
            ],
        },
    ]
    return envelope


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
        scanned("v1", baseline=ARCHIVE, CRITICAL=1),
        scanned("v1", "latest", "stable", CRITICAL=10, HIGH=2),
        scanned("v1", "latest", mutability="IMMUTABLE", CRITICAL=1),
        scanned("v1", media_type=INDEX, CRITICAL=1),
        running,
    ),
    near_misses=(
        scanned("v1", HIGH=99, MEDIUM=3),
        scanned("v1"),
        untagged,
        enhanced(finding(severity="HIGH"), finding(status="CLOSED"), finding("CVE-2026-2"), baseline=LET_BE),
    ),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME, force=True),
    disturb=lambda world: push(world, "v2", text=manifest("d")),
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
    reader = world.application().sessions.reader(HOME, "us-east-1")
    found = {image.digest: image for image in Image.all_in(reader)}
    (tagged,) = (digest for digest, tags in images(world).items() if tags == ["other"])
    assert found[tagged].tags(reader) == {"team": "shop"}
    assert found[tagged].arn == f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}/{tagged}"


def reason(world: World, envelope: Envelope) -> str:
    (outcome,) = world.deliver(envelope, ID, "alert")
    return outcome.reason or outcome.status


def test_who_runs_it_is_named(world: World) -> None:
    assert reason(world, running(world)) == (
        "its scan found 1 critical, and it can be pulled as latest, v1;"
        " runs in cluster shop (service:web, web:7), pods (shop/web-6d4)"
    )


def test_what_runs_without_a_tag_is_reported_and_not_changed(world: World) -> None:
    envelope = running(world)
    digest = envelope["detail"]["resources"][0]["id"].rpartition("/")[2]
    moto_keeps_untagged(world, digest)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"
    assert outcome.reason.startswith("its scan found 1 critical, and it has no tag; runs in cluster shop")
    assert images(world)[digest] == []


def test_what_nobody_runs_costs_no_question(world: World) -> None:
    assert reason(world, enhanced(finding())(world)) == "its scan found 1 critical, and it can be pulled as v1"
    assert "GetClustersForImage" not in [call.operation for call in world.calls]


@pytest.mark.parametrize(
    ("scans", "found", "reported"),
    [
        (Scans(critical=2), [finding(f"CVE-{number}") for number in range(3)], "3 critical"),
        (Scans(critical=3), [finding(f"CVE-{number}") for number in range(3)], ""),
        (Scans(high=0), [finding(severity="HIGH")], "1 high"),
        (Scans(critical=None, medium=0, low=0), [finding(), finding(severity="MEDIUM")], "1 medium"),
        (Scans(), [finding("CVE-9", "LOW", exploitAvailable="YES")], "a known exploit for CVE-9"),
        (Scans(exploitable=False), [finding("CVE-9", "LOW", exploitAvailable="YES")], ""),
        (
            Scans(),
            [finding(f"CVE-{number}", "HIGH", exploitAvailable="YES") for number in range(7)],
            "a known exploit for CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 2 more",
        ),
        (Scans(cves={"CVE-9": TODAY}), [finding("CVE-9", exploitAvailable="YES")], ""),
        (Scans(cves={"CVE-9": TODAY - timedelta(days=1)}), [finding("CVE-9")], "1 critical"),
        (Scans(), [finding(status="SUPPRESSED", exploitAvailable="YES")], ""),
    ],
)
def test_the_settings_say_how_many_are_too_many(world: World, scans: Scans, found: Any, reported: str) -> None:
    envelope = enhanced(*found, baseline=Baseline(require=Require(scans=scans)), severity="CRITICAL", status="ACTIVE")(
        world
    )
    wanted = f"its scan found {reported}, and it can be pulled as v1" if reported else "compliant"
    assert reason(world, envelope) == wanted


def test_of_a_basic_scan_too_what_is_let_be_does_not_count(world: World) -> None:
    envelope = scanned("v1", baseline=LET_BE, CRITICAL=1)(world)
    found = [{"name": "CVE-2026-2", "severity": "CRITICAL"}]
    digest = envelope["detail"]["image-digest"]
    ecr.image(HOME, "us-east-1", NAME, digest).scan_finding_results_queue.clear()
    from moto.ecr.models import ecr_backends

    ecr_backends[HOME]["us-east-1"].scan_finding_results[-1]["imageScanFindings"]["findings"] = found
    assert reason(world, envelope) == "compliant"


@pytest.mark.parametrize(
    ("change", "heard"),
    [
        ({}, True),
        ({"severity": "LOW", "exploitAvailable": "YES"}, True),
        ({"severity": "MEDIUM"}, False),
        ({"status": "CLOSED"}, False),
        ({"resources": [{"type": "AWS_EC2_INSTANCE", "id": "i-1"}]}, False),
    ],
)
def test_only_findings_that_may_matter_are_heard(world: World, change: Any, heard: bool) -> None:
    assert bool(world.deliver(enhanced(finding(), **change)(world), ID, "alert")) is heard


def test_an_archived_image_keeps_its_tags_and_undo_brings_it_back(world: World) -> None:
    (outcome,) = world.deliver(enhanced(finding(), tags=("v1", "latest"))(world), ID)
    assert outcome.status == "fixed"
    ecr = world.client("ecr")
    assert sorted(images(world).values()) == [["latest", "v1"], ["other"]]
    assert not ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "latest"}])["images"]
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "latest"}])["images"]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:ecr:us-east-1:{STRANGER}:repository/{NAME}/sha256:{'ab' * 32}",
        f"arn:aws:ecr:eu-west-1:{HOME}:repository/{NAME}/sha256:{'ab' * 32}",
        f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}",
        f"arn:aws:ecr:us-east-1:{HOME}:repository//sha256:{'ab' * 32}",
        "i-0123",
        None,
        7,
    ],
)
def test_a_finding_about_something_else_names_no_image(arn: Any) -> None:
    envelope = native_event("inspector2", "Inspector2 Finding", {"resources": [{**resource(""), "id": arn}]})
    assert not list(Image.in_event(Event.parse(envelope)))


def test_the_first_scan_by_inspector_names_the_repository_by_its_arn() -> None:
    arn, digest = f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}", f"sha256:{'ab' * 32}"
    detail = {"scan-status": "INITIAL_SCAN_COMPLETE", "repository-name": arn, "image-digest": digest, "image-tags": []}
    (found,) = Image.in_event(Event.parse(native_event("inspector2", "Inspector2 Scan", detail)))
    assert (found.repository, found.digest) == (NAME, digest)
