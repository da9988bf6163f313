from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:glue:us-east-1:{HOME}:catalog"


def put(world: World, text: str) -> Envelope:
    world.client("glue").create_database(DatabaseInput={"Name": "shop"})
    world.client("glue").put_resource_policy(PolicyInJson=text)
    return cloudtrail_event("glue", "PutResourcePolicy", {"policyInJson": text, "enableHybrid": "FALSE"})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("glue").delete_resource_policy()
    return envelope


def disturb(world: World) -> None:
    world.client("glue").create_database(DatabaseInput={"Name": "another"})


def whole(world: World) -> Any:
    return CATALOG.text(world), [each["Name"] for each in world.client("glue").get_databases()["DatabaseList"]]


CATALOG = Guarded(
    id="glue.catalog_policy_made_public",
    arn=ARN,
    action="glue:GetTable",
    put=put,
    text=lambda world: world.client("glue").get_resource_policy().get("PolicyInJson"),
    where=f"arn:aws:glue:us-east-1:{HOME}:*",
)
CASE = CATALOG.case(whole, None, disturb, near_misses=(bare,))


def test_without_a_policy_glue_answers_an_error_where_moto_answers_nothing(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    with world.denied("GetResourcePolicy", code="EntityNotFoundException"):
        (outcome,) = world.deliver(envelope, CATALOG.id)
    assert outcome.status == "compliant"
