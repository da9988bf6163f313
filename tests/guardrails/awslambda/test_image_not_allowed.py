from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.guardrails.awslambda.functions import CODE, CREATE, NAME, disturb, event, make, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER, Envelope
from tests.support.world import KNOWN, World, baseline_of

ID = "awslambda.image_not_allowed"


def registry(account: str) -> str:
    return f"{account}.dkr.ecr.us-east-1.amazonaws.com"


OWN, OTHER = f"{registry(HOME)}/shop-web:1", f"{registry(STRANGER)}/shop-web:1"


def of_image(image: str, *registries: str, by_digest: bool = False, first: str | None = None) -> Any:
    def made(world: World) -> Envelope:
        baseline = replace(
            KNOWN,
            allow=replace(KNOWN.allow, registries=registries),
            require=replace(KNOWN.require, images_by_digest=by_digest),
        )
        world.settings = replace(world.settings, **baseline_of(baseline))
        answer = make(world, PackageType="Image", Code={"ImageUri": first or image})
        if first is None:
            return event(CREATE, answer, packageType="Image", code={"imageUri": image})
        answer = world.client("lambda").update_function_code(FunctionName=NAME, ImageUri=image)
        return event(CODE, answer, imageUri=image)

    return made


def of_code(world: World) -> Envelope:
    return event(CREATE, make(world))


CASE = Case(
    unsafe=(of_image(OTHER, "ghcr.io/example"), of_image(OTHER, registry(HOME), first=OWN)),
    near_misses=(
        of_image(OTHER),
        of_image(OWN, "ghcr.io/example", by_digest=True),
        of_image(OTHER, f"{registry(STRANGER)}/shop-*"),
        of_code,
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_image_is_reported(world: World) -> None:
    (outcome,) = world.deliver(of_image(OTHER, "ghcr.io/example")(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == f"its image {OTHER} isn't from a registry in allow.registries"
