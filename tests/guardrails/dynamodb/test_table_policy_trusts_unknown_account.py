from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.dynamodb import TableOrStream
from tests.support.events import HOME, STRANGER, Envelope, analyzer_finding, cloudtrail_event
from tests.support.resource_policies import Guarded, root

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:dynamodb:us-east-1:{HOME}:table/orders"


def create(world: World) -> Any:
    client = world.client("dynamodb")
    client.create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return client


def put(world: World, text: str) -> Envelope:
    """DynamoDB refuses the policies for everyone among these; moto takes them, and they are found like the others."""
    create(world).put_resource_policy(ResourceArn=ARN, Policy=text)
    return cloudtrail_event("dynamodb", "PutResourcePolicy", {"resourceArn": ARN, "policy": text})


def created(world: World) -> Envelope:
    """With its policy, by one call."""
    text = ORDERS.written(ORDERS.allow({"AWS": root(STRANGER)}))
    put(world, text)
    return cloudtrail_event("dynamodb", "CreateTable", {"tableName": "orders", "resourcePolicy": text})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("dynamodb").delete_resource_policy(ResourceArn=ARN)
    return envelope


def text(world: World) -> str | None:
    client = world.client("dynamodb")
    try:
        found: str = client.get_resource_policy(ResourceArn=ARN)["Policy"]
    except client.exceptions.PolicyNotFoundException:
        return None
    return found


def whole(world: World) -> Any:
    return text(world), world.client("dynamodb").describe_table(TableName="orders")["Table"]


ORDERS = Guarded(
    id="dynamodb.table_policy_trusts_unknown_account",
    arn=ARN,
    action="dynamodb:GetItem",
    put=put,
    text=text,
    analyzed="AWS::DynamoDB::Table",
)
CASE = ORDERS.case(
    whole,
    lambda world: world.client("dynamodb").delete_table(TableName="orders"),
    lambda world: world.client("dynamodb").update_table(TableName="orders", DeletionProtectionEnabled=True),
    unsafe=(created,),
    near_misses=(bare,),
)


def test_a_stream_has_a_policy_of_its_own(world: World) -> None:
    client = create(world)
    stream = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    own = ORDERS.written(ORDERS.friends)
    client.put_resource_policy(ResourceArn=ARN, Policy=own)
    client.put_resource_policy(ResourceArn=stream, Policy=ORDERS.written(ORDERS.allow({"AWS": root(STRANGER)})))
    (outcome,) = world.deliver(analyzer_finding(stream, "AWS::DynamoDB::Stream"), ORDERS.id)
    assert outcome.status == "fixed"
    assert text(world) == own
    with pytest.raises(client.exceptions.PolicyNotFoundException):
        client.get_resource_policy(ResourceArn=stream)


def test_tables_and_streams_are_listed(world: World) -> None:
    stream = create(world).describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    reader = world.application().sessions.reader(HOME, "us-east-1")
    assert {ARN, stream} <= {each.arn for each in TableOrStream.all_in(reader)}


@pytest.mark.parametrize(
    "given", [None, {"resourceArn": ARN.replace(HOME, STRANGER)}, {"resourceArn": f"{ARN}/index/by-date"}]
)
def test_a_strange_event_names_nothing(given: Any) -> None:
    event = cloudtrail_event("dynamodb", "PutResourcePolicy", given)
    assert not list(TableOrStream.in_event(Event.parse(event)))
