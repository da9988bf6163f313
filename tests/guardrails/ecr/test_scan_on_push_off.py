from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.ecr.repositories import Repository
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.scan_on_push_off"
NAME = "shop/web"


def repository(world: World, *, scanned: bool = False) -> Envelope:
    world.client("ecr").create_repository(
        repositoryName=NAME,
        imageScanningConfiguration={"scanOnPush": scanned},
        imageTagMutability="IMMUTABLE",
        tags=[{"Key": "team", "Value": "shop"}],
    )
    return cloudtrail_event(
        "ecr", "CreateRepository", {"repositoryName": NAME}, {"repository": {"repositoryName": NAME}}
    )


def whole(world: World) -> Any:
    ecr = world.client("ecr")
    found = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    return found, ecr.get_registry_scanning_configuration()["scanningConfiguration"]


def switched_off(world: World) -> Envelope:
    repository(world, scanned=True)
    off = {"scanOnPush": False}
    world.client("ecr").put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration=off)
    return cloudtrail_event(
        "ecr", "PutImageScanningConfiguration", {"repositoryName": NAME, "imageScanningConfiguration": off}
    )


def registry(world: World, kind: str, frequency: str, pattern: str) -> None:
    world.client("ecr").put_registry_scanning_configuration(
        scanType=kind,
        rules=[
            {"scanFrequency": frequency, "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD"}]},
        ],
    )


def scanned_by(kind: str, frequency: str, pattern: str) -> Any:
    def made(world: World) -> Envelope:
        envelope = repository(world)
        registry(world, kind, frequency, pattern)
        return envelope

    return made


def frequency_changed() -> Envelope:
    envelope = cloudtrail_event("ecr", "")
    changed = {"repository-name": NAME, "scan-frequency": "MANUAL", "previous-scan-frequency": "CONTINUOUS_SCAN"}
    detail = {"action-type": "SCAN_FREQUENCY_CHANGE", "repositories": [changed], "resource-type": "REPOSITORY"}
    return envelope | {"detail-type": "ECR Scan Resource Change", "detail": {**detail, "scan-type": "ENHANCED"}}


def registry_filter_taken_away(world: World) -> Envelope:
    """PutRegistryScanningConfiguration names no repository; the daily look finds it."""
    repository(world)
    registry(world, "BASIC", "SCAN_ON_PUSH", "shop*")
    registry(world, "BASIC", "SCAN_ON_PUSH", "prod*")
    return scheduled_event()


CASE = Case(
    unsafe=(
        repository,
        switched_off,
        scanned_by("BASIC", "SCAN_ON_PUSH", "prod"),
        registry_filter_taken_away,
    ),
    near_misses=(
        lambda world: repository(world, scanned=True),
        scanned_by("BASIC", "SCAN_ON_PUSH", "shop*"),
        scanned_by("ENHANCED", "CONTINUOUS_SCAN", "*"),
        scanned_by("ENHANCED", "SCAN_ON_PUSH", "web"),
    ),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME),
    disturb=lambda world: world.client("ecr").put_image_tag_mutability(
        repositoryName=NAME, imageTagMutability="MUTABLE"
    ),
)


@pytest.mark.parametrize("scanned", [False, True])
def test_what_enhanced_scanning_leaves_out_is_only_told(world: World, scanned: bool) -> None:
    repository(world, scanned=scanned)
    registry(world, "ENHANCED", "CONTINUOUS_SCAN", "prod*")
    (outcome,) = world.deliver(frequency_changed(), ID)
    assert outcome.status == Status.ALERTED
    assert outcome.reason == "no filter of the registry's enhanced scanning matches it"
    assert whole(world)[0][0]["imageScanningConfiguration"] == {"scanOnPush": scanned}


def test_a_scanned_repository_costs_one_call(world: World) -> None:
    world.deliver(repository(world, scanned=True), ID)
    assert [call.operation for call in world.calls] == ["BatchGetRepositoryScanningConfiguration"]


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"repositoryName": None},
        {"repositoryName": NAME, "registryId": STRANGER},
        "shop",
        {"repositoryName": 7},
    ],
)
def test_a_strange_event_names_no_repository(parameters: Any) -> None:
    assert not list(Repository.in_event(Event.parse(cloudtrail_event("ecr", "CreateRepository", parameters))))


def test_all_repositories_are_found_with_their_tags(world: World) -> None:
    repository(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (found,) = Repository.all_in(reader)
    assert found == Repository(NAME, HOME, "us-east-1")
    assert found.tags(reader) == {"team": "shop"}
