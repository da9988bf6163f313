"""The canary's whole way: the schedule's function, the bus, the template's rule, the function at the other end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import catalog, wiring
from chalicelib.canary import FRESH, MARKER, PATTERN, last_sign
from chalicelib.core.errors import CanarySilent, EventRejected, Unfinished
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import check, matches
from snapback.deploy.template.whole import template
from tests.support.events import HOME, cloudtrail_event
from tests.support.moto_gaps import default_bus
from tests.test_app import Context

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World


@pytest.fixture
def application(world: World, monkeypatch: pytest.MonkeyPatch) -> Application:
    application = world.application()
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    return application


@pytest.fixture
def functions(application: Application) -> Any:
    import app

    return app


def rule() -> Any:
    """The pattern of the template's rule, in this account."""
    made = template()["Resources"]["CanaryEcho"]
    pattern = made["Properties"]["Events"]["Canary"]["Properties"]["Pattern"]
    return json.loads(json.dumps(pattern).replace('{"Ref": "AWS::AccountId"}', f'"{HOME}"'))


def sent(functions: Any) -> Any:
    """A canary, caught on the bus."""
    with default_bus() as bus:
        functions.canary({}, Context())
    return bus[-1]


def counted(application: Application) -> bool:
    return Metric.HEALTHY in application.metrics.metric_set


def test_it_goes_over_the_bus_and_is_answered(functions: Any, application: Application, world: World) -> None:
    answers: list[Any] = []
    with default_bus((rule(), lambda event: answers.append(functions.canary_echo(event, Context())))):
        functions.canary({}, Context())
    assert answers == [{"healthy": True}]
    assert counted(application)
    sign = last_sign(application.dynamodb, application.table)
    assert sign.sent_at is not None
    assert sign.answered_at == sign.sent_at == world.clock.replace(microsecond=0)
    assert sign.trouble == ""


def test_it_costs_five_calls_and_the_put_and_leaves_no_record_to_tell(functions: Any, world: World) -> None:
    functions.canary_echo(sent(functions), Context())
    operations = [call.operation for call in world.calls]
    assert operations == ["UpdateItem", "GetItem", "GetItem", "UpdateItem", "GetItem"]
    items = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    (marker,) = (item for item in items if item["pk"]["S"] != "index")  # The ledger's own, of how its index is filled.
    assert marker["pk"]["S"] == MARKER
    assert "expires_at" in marker


def test_the_rule_lets_through_canaries_of_this_account_and_nothing_else(functions: Any) -> None:
    check(rule())
    canary = sent(functions)
    assert matches(rule(), canary)
    assert not matches(rule(), {**canary, "account": "999988887777"})
    assert not matches(rule(), {**canary, "detail-type": "Other"})
    assert not matches(rule(), cloudtrail_event("s3", "PutBucketAcl"))
    assert not [service for service in catalog.services() if matches(catalog.pattern(service), canary)]


def test_a_second_delivery_is_let_be(functions: Any, application: Application) -> None:
    canary = sent(functions)
    assert functions.canary_echo(canary, Context()) == {"healthy": True}
    application.metrics.clear_metrics()
    assert functions.canary_echo(canary, Context()) == {"healthy": False}
    assert not counted(application)


def test_a_schedule_that_fires_twice_sends_one(functions: Any) -> None:
    with default_bus() as bus:
        functions.canary({}, Context())
        functions.canary({}, Context())
    assert len(bus) == 1


def test_one_that_nobody_sent_is_no_sign_of_life(functions: Any, application: Application, world: World) -> None:
    canary = sent(functions)
    forged = {**canary, "detail": {"nonce": "0" * 32}}
    with pytest.raises(Unfinished, match="somebody else sent it"):
        functions.canary_echo(forged, Context())
    assert not counted(application)
    functions.canary_echo(canary, Context())
    application.metrics.clear_metrics()
    world.later(hours=1)
    sent(functions)
    with pytest.raises(Unfinished, match="not the one that was sent last"):
        functions.canary_echo(canary, Context())
    assert not counted(application)


def test_one_that_comes_late_is_no_sign_of_life(functions: Any, application: Application, world: World) -> None:
    canary = sent(functions)
    world.clock += FRESH + timedelta(seconds=2)
    with pytest.raises(Unfinished, match="took more than 0:15:00 over the bus"):
        functions.canary_echo(canary, Context())
    assert not counted(application)
    assert last_sign(application.dynamodb, application.table).answered_at is None


@pytest.mark.parametrize(
    "envelope",
    [None, {}, [], {"source": ["snapback.canary"]}, cloudtrail_event("s3", "PutBucketAcl")],
)
def test_what_is_no_canary_is_refused(functions: Any, envelope: Any) -> None:
    with pytest.raises(EventRejected):
        functions.canary_echo(envelope, Context())


ODD: list[Any] = [
    {"account": "999988887777"},
    {"source": "aws.s3"},
    {"detail": None},
    {"detail": []},
    {"detail": {}},
    {"detail": {"nonce": 7}},
]


@pytest.mark.parametrize("change", ODD)
def test_what_only_looks_like_one_is_refused(functions: Any, change: Any) -> None:
    with pytest.raises(EventRejected):
        functions.canary_echo({**sent(functions), **change}, Context())


def test_it_does_not_pass_for_an_event_of_aws(functions: Any, application: Application, world: World) -> None:
    canary = sent(functions)
    world.calls.clear()
    assert application.guard("s3", canary) == []
    assert not world.calls


def test_settings_in_trouble_are_no_sign_of_life_but_are_told(
    functions: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubled = world.application(trouble="settings.json: bad")
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: troubled})
    assert functions.canary_echo(sent(functions), Context()) == {"healthy": False}
    assert not counted(troubled)
    assert last_sign(troubled.dynamodb, troubled.table).trouble == "settings.json: bad"


def test_a_stop_of_all_writes_does_not_silence_it(functions: Any, application: Application) -> None:
    application.ledger.pause("bob", "drill")
    assert functions.canary_echo(sent(functions), Context()) == {"healthy": True}


def test_a_stack_whose_first_canary_is_never_answered_is_told_by_the_second(functions: Any, world: World) -> None:
    """The alarm on silence waits for a first sign of life; that of the function's errors doesn't."""
    sent(functions)
    world.later(hours=1)
    with default_bus() as bus, pytest.raises(CanarySilent, match="no canary was ever answered"):
        functions.canary({}, Context())
    functions.canary_echo(bus[-1], Context())
    world.later(hours=1)
    sent(functions)
    world.later(hours=1)
    sent(functions)


def test_a_stack_that_has_trouble_with_its_settings_from_the_start_is_told(
    functions: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: world.application(trouble="settings.json: bad")})
    functions.canary_echo(sent(functions), Context())
    world.later(hours=1)
    with default_bus(), pytest.raises(CanarySilent, match=r"settings\.json: bad"):
        functions.canary({}, Context())


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_a_ledger_that_does_not_answer_is_a_failure(functions: Any, world: World, operation: str) -> None:
    canary = sent(functions)
    with world.denied(operation), pytest.raises(Unfinished, match="AccessDenied"):
        functions.canary_echo(canary, Context())


def test_a_ledger_that_is_gone_is_a_failure(functions: Any, world: World) -> None:
    world.client("dynamodb").update_table(TableName="snapback-ledger", DeletionProtectionEnabled=False)
    world.client("dynamodb").delete_table(TableName="snapback-ledger")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.canary({}, Context())


def test_a_bus_that_takes_nothing_is_a_failure(functions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.canary.SOURCE", "aws.s3")
    with default_bus(), pytest.raises(CanarySilent, match="NotAuthorizedForSourceException: Not authorized"):
        functions.canary({}, Context())


def test_the_pattern_is_the_canary_s_alone() -> None:
    assert PATTERN["source"] == ["snapback.canary"]
