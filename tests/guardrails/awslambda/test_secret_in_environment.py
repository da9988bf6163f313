from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.guardrails.awslambda.functions import CONFIGURE, CREATE, NAME, disturb, event, make, remove, whole
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World

ID = "awslambda.secret_in_environment"
VALUE = "correct-horse-battery"


def made_with(**variables: str) -> Any:
    def made(world: World) -> Envelope:
        return event(CREATE, make(world, Environment={"Variables": variables}))

    return made


def given(**variables: str) -> Any:
    """The event hides the values, as CloudTrail does."""

    def made(world: World) -> Envelope:
        make(world)
        world.client("lambda").update_function_configuration(FunctionName=NAME, Environment={"Variables": variables})
        return event(CONFIGURE, environment={})

    return made


def without(world: World) -> Envelope:
    return event(CREATE, make(world))


def taken_off_since(world: World) -> Envelope:
    envelope: Envelope = given(DB_PASSWORD=VALUE)(world)
    world.client("lambda").update_function_configuration(FunctionName=NAME, Environment={"Variables": {}})
    return envelope


CASE = Case(
    unsafe=(
        made_with(DB_PASSWORD=VALUE, STAGE="live"),
        given(DATABASE=f"postgres://web:{VALUE}@db.example.com/shop"),
    ),
    near_misses=(
        given(DB_PASSWORD="arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", TOKEN_TTL="3600"),
        without,
        taken_off_since,
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_names_are_told_and_the_values_neither_told_nor_kept(world: World) -> None:
    (outcome,) = world.deliver(given(DB_PASSWORD=VALUE, API_KEY=VALUE, STAGE="live")(world), ID)
    assert outcome.reason == "what looks like a secret is in its environment: API_KEY, DB_PASSWORD"
    items = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    assert VALUE not in json.dumps([str(world.record(outcome.record)), str(outcome), items], default=str)


@pytest.mark.parametrize("environment", [{}, {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS"}}])
def test_an_environment_that_lambda_can_not_read_is_let_be(environment: Any) -> None:
    from chalicelib.guardrails.awslambda.secret_in_environment import secret_in_environment
    from chalicelib.resources.awslambda import Function

    class Client:
        def get_function_configuration(self, **_: Any) -> Any:
            return {"Environment": environment}

    session: Any = type("Session", (), {"client": lambda self, service: Client()})()
    assert secret_in_environment(Function(NAME, "123456789012", "us-east-1"), session) is None
