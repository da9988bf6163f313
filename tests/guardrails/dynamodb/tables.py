"""A table of a shop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

NAME = "orders"
ARN = f"arn:aws:dynamodb:us-east-1:{HOME}:table/{NAME}"
_VOLATILE = ("EarliestRestorableDateTime", "LatestRestorableDateTime")


def table(
    event: str, *, protected: bool = True, recoverable: bool = True, named: str = NAME, name: str = NAME
) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        client = world.client("dynamodb")
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=protected,
        )
        asked = {"PointInTimeRecoveryEnabled": recoverable}
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=asked)
        return cloudtrail_event("dynamodb", event, {"tableName": named})

    return made


def whole(world: World) -> Any:
    client = world.client("dynamodb")
    backups = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    kept = {key: value for key, value in recovery.items() if key not in _VOLATILE}
    return json.dumps([client.describe_table(TableName=NAME)["Table"], kept], default=str)


def remove(world: World) -> None:
    client = world.client("dynamodb")
    client.update_table(TableName=NAME, DeletionProtectionEnabled=False)
    client.delete_table(TableName=NAME)


def disturb(world: World) -> None:
    world.client("dynamodb").update_table(
        TableName=NAME,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
