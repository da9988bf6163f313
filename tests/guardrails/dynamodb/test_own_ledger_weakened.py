from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.dynamodb import OwnTable, Table
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

ID = "dynamodb.own_ledger_weakened"
NAME = "snapback-Ledger-1A2B3C4D5E6F"
ARN = f"arn:aws:dynamodb:us-east-1:{HOME}:table/{NAME}"
VOLATILE = ("CreationDateTime", "LastUpdateDateTime", "EarliestRestorableDateTime", "LatestRestorableDateTime")


def table(
    world: World, name: str = NAME, *, protected: bool = True, recovery: bool = True, expiry: str = "expires_at"
) -> Any:
    client = world.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        DeletionProtectionEnabled=protected,
        Tags=[{"Key": "owner", "Value": "security"}],
    )
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": recovery}
    )
    if expiry:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={"AttributeName": expiry, "Enabled": True})
    return client


def unprotected(world: World) -> Envelope:
    table(world, protected=False)
    return cloudtrail_event("dynamodb", "UpdateTable", {"tableName": NAME, "deletionProtectionEnabled": False})


def unrecoverable(world: World) -> Envelope:
    table(world, recovery=False)
    return cloudtrail_event("dynamodb", "UpdateContinuousBackups", {"tableName": ARN})


def recoverable_for_a_day(world: World) -> Envelope:
    client = table(world)
    shrunk = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 1}
    client.update_continuous_backups(TableName=NAME, PointInTimeRecoverySpecification=shrunk)
    asked = {"tableName": NAME, "pointInTimeRecoverySpecification": {"recoveryPeriodInDays": 1}}
    return cloudtrail_event("dynamodb", "UpdateContinuousBackups", asked)


def both(world: World) -> Envelope:
    table(world, protected=False, recovery=False)
    return cloudtrail_event("dynamodb", "UpdateTable", {"tableName": NAME})


def as_it_should_be(world: World) -> Envelope:
    table(world)
    return cloudtrail_event("dynamodb", "UpdateTable", {"tableName": NAME})


def anothers(name: str) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        table(world)
        table(world, name, protected=False, recovery=False)
        return cloudtrail_event("dynamodb", "UpdateTable", {"tableName": name})

    return made


def by_a_deployment(world: World) -> Envelope:
    envelope = both(world)
    envelope["detail"]["userIdentity"] = {**alice(), "invokedBy": "cloudformation.amazonaws.com"}
    return envelope


def whole(world: World) -> Any:
    client = world.client("dynamodb")
    found = []
    for name in client.list_tables()["TableNames"]:
        if name != "snapback-ledger":  # The one of the engine under test.
            described = client.describe_table(TableName=name)["Table"]
            backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            described_recovery = backups["PointInTimeRecoveryDescription"]
            recovery = [described_recovery.get(key) for key in ("PointInTimeRecoveryStatus", "RecoveryPeriodInDays")]
            expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            found.append(({key: value for key, value in described.items() if key not in VOLATILE}, recovery, expiry))
    return found


CASE = Case(
    unsafe=(unprotected, unrecoverable, recoverable_for_a_day, both),
    near_misses=(as_it_should_be, anothers("orders"), anothers("snapback-test-Ledger-1A2B3C4D5E6F"), by_a_deployment),
    whole=whole,
)


def test_the_reason_tells_all_that_is_wrong(world: World) -> None:
    (outcome,) = world.deliver(both(world), ID)
    assert outcome.reason == "its deletion protection is off; its point-in-time recovery is off"


def test_a_table_that_is_not_ours_costs_no_call(world: World) -> None:
    (outcome,) = world.deliver(anothers("orders")(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


@pytest.mark.parametrize("expiry", ["", "seen_at"])
def test_items_that_expire_otherwise_are_told(expiry: str, world: World) -> None:
    table(world, expiry=expiry)
    (outcome,) = world.deliver(cloudtrail_event("dynamodb", "UpdateTimeToLive", {"tableName": NAME}), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "its items no longer expire by expires_at")


def test_a_stream_that_is_off_is_reported(world: World) -> None:
    table(world).update_table(TableName=NAME, StreamSpecification={"StreamEnabled": False})
    (outcome,) = world.deliver(cloudtrail_event("dynamodb", "UpdateTable", {"tableName": NAME}), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "its stream is off, so nobody is notified of anything")


def test_what_can_be_fixed_is_when_something_else_cannot(world: World) -> None:
    table(world, protected=False, expiry="seen_at")
    (outcome,) = world.deliver(cloudtrail_event("dynamodb", "UpdateTable", {"tableName": NAME}), ID)
    assert outcome.status == "still_unsafe"
    assert whole(world)[0][0]["DeletionProtectionEnabled"]


def test_a_deleted_table_is_reported_if_it_was_another_than_the_one_in_use(world: World) -> None:
    table(world, protected=False).delete_table(TableName=NAME)
    (outcome,) = world.deliver(cloudtrail_event("dynamodb", "DeleteTable", {"tableName": NAME}), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "it is deleted")


def test_a_deleted_ledger_is_a_failure_that_lambda_sees(world: World) -> None:
    table(world, protected=False)
    application = world.application("alert", ID)
    world.client("dynamodb").update_table(TableName="snapback-ledger", DeletionProtectionEnabled=False)
    world.client("dynamodb").delete_table(TableName="snapback-ledger")
    with pytest.raises(Exception, match="there is no ledger"):
        application.guard("dynamodb", cloudtrail_event("dynamodb", "DeleteTable", {"tableName": NAME}))


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"tableName": ""},
        {"tableName": {"x": 1}},
        {"tableName": "a/b"},
        {"tableName": ARN.replace(HOME, FRIEND)},
        {"tableName": ARN.replace("us-east-1", "eu-west-1")},
    ],
)
def test_an_event_that_names_no_table_of_ours_is_of_no_interest(parameters: Any) -> None:
    assert not list(Table.in_event(Event.parse(cloudtrail_event("dynamodb", "UpdateTable", parameters))))


def test_the_sweep_finds_the_tables(world: World) -> None:
    table(world)
    found = Table.all_in(world.application().sessions.reader(HOME, "us-east-1"))
    assert {each.id for each in found} == {NAME, "snapback-ledger"}


def test_tags_are_read_and_a_deleted_table_has_none(world: World) -> None:
    table(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    assert OwnTable(NAME, HOME, "us-east-1").tags(reader) == {"owner": "security"}
    assert OwnTable("snapback-NeverMade-1A2B", HOME, "us-east-1").tags(reader) == {}
