from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.baseline import Baseline, Release, Require
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ecr.freeze_repository_tags import FreezeRepositoryTags
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event, scheduled_event
from tests.support.world import baseline_of

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.release_tags_mutable"
NAME = "shop/web"
KNOWN = Baseline(require=Require(releases={"shop/*": Release()}))


def repository(mutability: str, *but: str, name: str = NAME, event: str = "CreateRepository") -> Any:
    def made(world: World) -> Envelope:
        world.settings = replace(world.settings, **baseline_of(KNOWN))
        filters = [{"filterType": "WILDCARD", "filter": each} for each in but]
        world.client("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=mutability,
            imageScanningConfiguration={"scanOnPush": True},
            **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
        )
        return cloudtrail_event("ecr", event, {"repositoryName": name})

    return made


def found_by_the_clock(world: World) -> Envelope:
    repository("MUTABLE")(world)
    return scheduled_event()


def whole(world: World) -> Any:
    return world.client("ecr").describe_repositories()["repositories"]


CASE = Case(
    unsafe=(
        repository("MUTABLE"),
        repository("MUTABLE_WITH_EXCLUSION", "v*", event="PutImageTagMutability"),
        repository("IMMUTABLE_WITH_EXCLUSION", "sha256-*", "*"),
        found_by_the_clock,
    ),
    near_misses=(
        repository("IMMUTABLE"),
        repository("IMMUTABLE_WITH_EXCLUSION", "sha256-*", "cache"),
        repository("MUTABLE", name="sandbox/web"),
    ),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME),
    disturb=lambda world: world.client("ecr").put_image_scanning_configuration(
        repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False}
    ),
)


@pytest.mark.parametrize(
    ("make", "reason", "after"),
    [
        (repository("MUTABLE"), "its tags are mutable", ("IMMUTABLE", [])),
        (
            repository("MUTABLE_WITH_EXCLUSION", "v*"),
            "its tags are mutable but for v*",
            ("IMMUTABLE", []),
        ),
        (
            repository("IMMUTABLE_WITH_EXCLUSION", "sha256-*", "**"),
            "its tags are immutable except sha256-*, **, which is all of them",
            ("IMMUTABLE_WITH_EXCLUSION", ["sha256-*"]),
        ),
        (
            repository("IMMUTABLE_WITH_EXCLUSION", "*"),
            "its tags are immutable except *, which is all of them",
            ("IMMUTABLE", []),
        ),
    ],
)
def test_the_tags_become_immutable_and_what_is_left_out_stays(
    world: World, make: Any, reason: str, after: tuple[str, list[str]]
) -> None:
    (outcome,) = world.deliver(make(world), ID)
    assert (outcome.status, outcome.reason) == ("fixed", reason)
    (found,) = whole(world)
    filters = [each["filter"] for each in found.get("imageTagMutabilityExclusionFilters") or []]
    assert (found["imageTagMutability"], filters) == after
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}


def test_another_repository_costs_nothing(world: World) -> None:
    world.deliver(repository("MUTABLE", name="sandbox/web")(world), ID)
    assert not world.calls


@given(
    kind=st.sampled_from(["MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]),
    but=st.lists(st.sampled_from(["*", "**", "v*", "sha256-*", "cache"]), max_size=5),
)
def test_what_is_safe_stays_and_nothing_is_left_out_that_was_not(kind: str, but: list[str]) -> None:
    fix = FreezeRepositoryTags()
    state = {"mutability": kind, "but": but if kind.endswith("EXCLUSION") else []}
    safe = fix.safe(state, FixContext(Baseline()))
    assert fix.safe(safe, FixContext(Baseline())) == safe
    assert safe["mutability"].startswith("IMMUTABLE")
    assert [each for each in safe["but"] if each.strip("*")] == safe["but"]
    if kind.startswith("IMMUTABLE"):
        assert safe["but"] == [each for each in state["but"] if each.strip("*")]
