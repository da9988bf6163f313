from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.analysis.image_name import registry, untrusted
from chalicelib.core.baseline import Allow, Baseline, Require
from tests.guardrails.ecs.definitions import (
    OWN,
    among_others,
    container,
    deregistered_since,
    disturb,
    registered,
    remove,
    whole,
)
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.task_image_not_allowed"
KNOWN = Baseline(allow=Allow(registries=("public.ecr.aws/docker", "ghcr.io/example-*")))
PINNED = Baseline(require=Require(images_by_digest=True))
DIGEST = f"@sha256:{'cd' * 32}"


CASE = Case(
    unsafe=(
        among_others(registered(container(image="nginx:latest"), baseline=KNOWN)),
        registered(
            container(),
            container(name="side", image=f"{STRANGER}.dkr.ecr.us-east-1.amazonaws.com/shop/web:1"),
            baseline=KNOWN,
        ),
        registered(container(image=f"{HOME}.dkr.ecr.us-east-1.amazonaws.com/shop/web:1"), baseline=PINNED),
    ),
    near_misses=(
        registered(container(image="nginx")),
        registered(container(), container(name="side", image="public.ecr.aws/docker/library/nginx:1"), baseline=KNOWN),
        registered(container(image=f"nginx{DIGEST}"), baseline=PINNED),
        deregistered_since(registered(container(image="nginx"), baseline=KNOWN)),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_each_image_is_reported_once(world: World) -> None:
    make = registered(container(image="nginx"), container(name="b", image="nginx"), container(name="c"), baseline=KNOWN)
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert outcome.reason == "nginx isn't from a registry in allow.registries"


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("nginx", "docker.io"),
        ("library/nginx:1", "docker.io"),
        ("localhost/nginx", "localhost"),
        ("Registry.example.com/nginx", "registry.example.com"),
        ("registry:5000/nginx:1", "registry:5000"),
        (OWN, OWN.partition("/")[0]),
    ],
)
def test_the_registry_is_what_a_container_engine_takes_for_it(image: str, host: str) -> None:
    assert registry(image) == host


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/docker-evil/nginx",
        "public.ecr.aws.example.com/docker/nginx",
        "example.com/public.ecr.aws/docker/nginx",
        f"example.com/{OWN}",
        f"{HOME}.dkr.ecr.us-east-1.amazonaws.com.example.com/web",
        f"evil.{HOME}.dkr.ecr.us-east-1.amazonaws.com/web",
        "docker/nginx",
        "ghcr.io/other/web",
        "",
    ],
)
def test_what_only_looks_like_a_known_registry_is_unknown(image: str) -> None:
    assert untrusted(image, KNOWN, HOME)


@pytest.mark.parametrize("image", ["ghcr.io/example-shop/web:1", f"public.ecr.aws/docker/nginx{DIGEST}", OWN])
def test_paths_of_known_registries_are_known(image: str) -> None:
    assert untrusted(image, KNOWN, HOME) is None


@pytest.mark.parametrize("entry", ["docker.io", "docker.io/library/nginx", "docker.io/*"])
@pytest.mark.parametrize("image", ["docker.io/library/nginx:1", "library/nginx"])
def test_docker_hub_is_known_by_its_name(entry: str, image: str) -> None:
    assert untrusted(image, Baseline(allow=Allow(registries=(entry,))), HOME) is None


@pytest.mark.parametrize("image", ["nginx@sha256:1234", "nginx:sha256", "nginx", f"nginx@sha256{DIGEST}:x"])
def test_what_only_looks_like_a_digest_is_none(image: str) -> None:
    assert untrusted(image, PINNED, HOME) == "isn't named by its digest"
