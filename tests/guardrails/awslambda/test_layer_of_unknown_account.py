from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.guardrails.awslambda.functions import CONFIGURE, CREATE, NAME, disturb, event, make, remove, whole
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope
from tests.support.world import KNOWN, World, baseline_of

ID = "awslambda.layer_of_unknown_account"


def layer(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:layer:monitor:7"


def with_layers(*accounts: str, call: str = CONFIGURE, vendors: frozenset[str] = frozenset()) -> Any:
    """moto has no layers of other accounts; these are put in."""

    def made(world: World) -> Envelope:
        from moto.awslambda.models import lambda_backends

        world.settings = replace(
            world.settings, **baseline_of(replace(KNOWN, allow=replace(KNOWN.allow, vendors=vendors)))
        )
        make(world)
        function = lambda_backends[HOME][REGION].get_function(NAME)
        function.layers = [{"Arn": layer(account), "CodeSize": 1} for account in accounts]
        return event(call, layers=[layer(account) for account in accounts])

    return made


def taken_off_since(world: World) -> Envelope:
    envelope: Envelope = with_layers(STRANGER)(world)
    world.client("lambda").update_function_configuration(FunctionName=NAME, Layers=[])
    return envelope


CASE = Case(
    unsafe=(with_layers(STRANGER), with_layers(HOME, STRANGER, call=CREATE)),
    near_misses=(
        with_layers(HOME, FRIEND),
        with_layers(STRANGER, vendors=frozenset({STRANGER})),
        with_layers(),
        taken_off_since,
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_layer_is_reported(world: World) -> None:
    (outcome,) = world.deliver(with_layers(HOME, STRANGER)(world), ID)
    assert (outcome.status, outcome.reason) == (
        "alerted",
        f"it uses a layer from an unknown account: {layer(STRANGER)}",
    )
