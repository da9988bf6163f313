from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from chalicelib.core.errors import CannotJudge
from chalicelib.guardrails.awslambda.secret_in_environment import secret_in_environment
from chalicelib.resources.awslambda import Function
from tests.guardrails.awslambda.functions import CONFIGURE, CREATE, NAME, disturb, event, make, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION

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
    assert outcome.reason == "its environment may hold a secret: API_KEY, DB_PASSWORD"
    items = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    assert VALUE not in json.dumps([str(world.record(outcome.record)), str(outcome), items], default=str)


@pytest.mark.parametrize(
    ("variables", "found"), [({}, None), ({"DB_PASSWORD": VALUE}, "may hold a secret: DB_PASSWORD")]
)
def test_an_environment_that_cant_be_read_is_not_judged_but_for_what_it_shows(
    world: World, variables: dict[str, str], found: str | None
) -> None:
    """As under a customer managed key: https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html."""
    without(world)
    refused = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt the variables"}
    answer = {"Environment": {"Error": refused, **({"Variables": variables} if variables else {})}}
    with patch.object(Function, "configured", lambda *_: answer):
        if found:
            assert found in (evaluated(world) or "")
        else:
            with pytest.raises(CannotJudge, match="its environment can't be read: AccessDeniedException"):
                evaluated(world)


def evaluated(world: World) -> str | None:
    reader = world.application("alert", ID).sessions.reader(HOME, REGION)
    return secret_in_environment(Function(NAME, HOME, REGION), reader)
