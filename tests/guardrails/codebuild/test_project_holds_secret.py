from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.guardrails.codebuild.projects import project, remove, whole
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.world import World

ID = "codebuild.project_holds_secret"
VALUE = "correct-horse-battery"


def variables(*, kind: str | None = "PLAINTEXT", **values: str) -> Any:
    typed = {"type": kind} if kind else {}
    return project(environmentVariables=[{"name": name, "value": value, **typed} for name, value in values.items()])


CASE = Case(
    unsafe=(
        variables(NPM_TOKEN=VALUE, STAGE="live"),
        variables(kind=None, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY=VALUE),
        project(source=f"https://shop:{VALUE}@bitbucket.example.com/shop.git"),
    ),
    near_misses=(
        variables(kind="PARAMETER_STORE", NPM_TOKEN="/shop/npm-token"),
        variables(kind="SECRETS_MANAGER", NPM_TOKEN="shop/npm:token"),
        variables(STAGE="live", TOKEN_URL="https://example.com/token"),
        project(),
    ),
    whole=whole,
    remove=remove,
)


@pytest.mark.parametrize("make", CASE.unsafe)
def test_the_value_is_neither_told_nor_kept(make: Any, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID)
    items = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    assert VALUE not in json.dumps([str(world.record(outcome.record)), str(outcome), items], default=str)


def test_the_variables_are_told_by_name(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[1](world), ID)
    assert outcome.reason == "a secret may be in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
