from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.analysis.secrets import credential
from tests.guardrails.ecs.definitions import (
    among_others,
    container,
    deregistered_since,
    disturb,
    registered,
    remove,
    whole,
)
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.task_holds_secret"
VALUE = "correct-horse-battery"


def environment(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def logs_with(**options: str) -> dict[str, Any]:
    return {"logDriver": "splunk", "options": {"splunk-url": "https://logs.example.com", **options}}


CASE = Case(
    unsafe=(
        among_others(registered(container(environment=environment(DB_PASSWORD=VALUE, STAGE="live")))),
        registered(container(environment=environment(DATABASE=f"postgres://web:{VALUE}@db.example.com/shop"))),
        registered(container(), container(name="side", logConfiguration=logs_with(**{"splunk-token": VALUE}))),
        registered(container(command=["serve", f"--password={VALUE}"])),
    ),
    near_misses=(
        registered(
            container(
                environment=environment(
                    DB_PASSWORD="arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf",
                    API_KEY="${API_KEY}",
                    TOKEN_URL="https://example.com/token",
                    PASSWORD_REQUIRED="true",
                    COMMIT="3f786850e387550fdab836ed7e6dc881de23001b",
                ),
                secrets=[{"name": "DB_PASSWORD", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/db"}],
            )
        ),
        registered(container(command=["serve", "--port=80"], logConfiguration=logs_with())),
        deregistered_since(registered(container(environment=environment(DB_PASSWORD=VALUE)))),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


@pytest.mark.parametrize("make", CASE.unsafe)
def test_the_value_is_neither_told_nor_kept(make: Any, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID)
    record = world.record(outcome.record)
    items = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    assert VALUE not in json.dumps([str(record), str(outcome), items], default=str)


def test_where_it_is_is_reported(world: World) -> None:
    make = registered(
        container(environment=environment(DB_PASSWORD=VALUE, API_KEY=VALUE)),
        container(name="side", logConfiguration=logs_with(**{"splunk-token": VALUE})),
    )
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert outcome.reason == ("a secret may be in container side: log option splunk-token; web: API_KEY, DB_PASSWORD")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASS", VALUE),
        ("SIGNING_KEY", VALUE),
        ("github", "ghp_" + "a1B2" * 9),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("x", "aB3" * 14),
        ("KEY", "-----BEGIN PRIVATE KEY-----\nMIIE"),
        ("OPTIONS", f"-Dtrust.password={VALUE} -Xmx1g"),
        ("AUTH_TOKEN", "p4"),
        ("WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
    ],
)
def test_secrets_are_known_by_name_and_by_looks(name: str, value: str) -> None:
    assert credential(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "$DB_PASSWORD"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:db:SecretString:password}}"),
        ("DB_PASSWORD", "ssm:/shop/db"),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("SECRET_NAME", "shop/db"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_LIMIT", "4096"),
        ("MAX_TOKENS", "128000"),
        ("TOKENIZER", "wordpiece"),
        ("PWD", "/app"),
        ("TOKEN_SERVICE", "https://tokens.example.com/v1"),
        ("PASSPORT_HOST", "passport.example.com"),
        ("COMPASS", "north"),
        ("KEYBOARD", "qwerty"),
        ("IMAGE", "sha256:" + "ab" * 32),
    ],
)
def test_what_is_about_a_secret_is_none(name: str, value: str) -> None:
    assert not credential(name, value)
