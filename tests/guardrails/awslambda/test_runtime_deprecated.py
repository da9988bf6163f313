from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from chalicelib.guardrails.awslambda.runtime_deprecated import END
from tests.guardrails.awslambda.functions import ARN, CONFIGURE, CREATE, NAME, disturb, event, make, remove, whole
from tests.support.cases import Case
from tests.support.events import Envelope, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "awslambda.runtime_deprecated"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop-web:1"


def running(runtime: str) -> Any:
    def made(world: World) -> Envelope:
        return event(CREATE, make(world, Runtime=runtime))

    return made


def needs_sweep(world: World) -> Envelope:
    make(world, Runtime="nodejs18.x")
    return scheduled_event()


def of_an_image(world: World) -> Envelope:
    return event(CREATE, make(world, PackageType="Image", Code={"ImageUri": IMAGE}))


def raised_since(world: World) -> Envelope:
    make(world, Runtime="python3.8")
    world.client("lambda").update_function_configuration(FunctionName=NAME, Runtime="python3.13")
    return event(CONFIGURE, name=ARN)


CASE = Case(
    unsafe=(running("python3.8"), needs_sweep),
    near_misses=(running("python3.14"), running("rust9.x"), of_an_image, raised_since),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_day_is_reported(world: World) -> None:
    (outcome,) = world.deliver(running("go1.x")(world), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "its runtime go1.x is deprecated since 2024-01-08")


def test_a_runtime_of_today_and_of_the_day_before_its_end() -> None:
    assert END["python3.10"] == date(2026, 10, 31)
    assert END["nodejs24.x"] > date(2028, 1, 1)
    assert all(name == name.strip() and date(2016, 1, 1) < day < date(2035, 1, 1) for name, day in END.items())
