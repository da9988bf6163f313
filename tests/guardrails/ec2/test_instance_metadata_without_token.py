from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.resources.ec2.instances import Instance
from tests.guardrails.ec2.instances import disturb, forget, launch, launched, the_instance
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.instance_metadata_without_token"


def started(tokens: str, **options: Any) -> Any:
    def made(world: World) -> Envelope:
        more = {"HttpTokens": tokens, "HttpPutResponseHopLimit": 2, **options}
        return launched(launch(world, MetadataOptions=more))

    return made


def modified(world: World) -> Envelope:
    made = launch(world, MetadataOptions={"HttpTokens": "optional"})
    asked = {"ModifyInstanceMetadataOptionsRequest": {"HttpTokens": "optional", "InstanceId": made}}
    return cloudtrail_event("ec2", "ModifyInstanceMetadataOptions", asked)


def terminated(world: World) -> Envelope:
    envelope = started("optional")(world)
    world.client("ec2").terminate_instances(InstanceIds=[the_instance(world)["InstanceId"]])
    return envelope  # type: ignore[no-any-return]


CASE = Case(
    unsafe=(started("optional"), modified),
    near_misses=(started("required"), started("optional", HttpEndpoint="disabled"), terminated),
    whole=the_instance,
    remove=forget,
    disturb=disturb,
)


def test_the_other_options_stay(world: World) -> None:
    world.deliver(started("optional", InstanceMetadataTags="enabled")(world), ID)
    options = the_instance(world)["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 2)
    assert options["InstanceMetadataTags"] == "enabled"


def test_an_instance_that_is_only_starting_is_asked_again_later(world: World) -> None:
    world.settings = Settings()
    (outcome,) = world.deliver(started("optional")(world), ID)
    assert outcome.status == "waiting"


def test_each_instance_of_a_launch_is_asked_about_once(world: World) -> None:
    ids = [launch(world, MetadataOptions={"HttpTokens": "optional"}) for _ in range(3)]
    outcomes = world.deliver(launched(*ids, *ids), ID)
    assert [outcome.status for outcome in outcomes] == ["fixed"] * 3
    assert {outcome.resource.rpartition("/")[2] for outcome in outcomes} == set(ids)


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (None, None),
        ({"instancesSet": {"items": [{"imageId": "ami-1"}]}}, None),
        ({"instanceId": {"value": "i-1"}}, {"instancesSet": {"items": [None, {}, {"instanceId": 7}, "i-1"]}}),
        ({"ModifyInstanceMetadataOptionsRequest": "i-1"}, {"instancesSet": "i-1"}),
        ("i-1", ["i-1"]),
    ],
)
def test_a_strange_event_names_no_instance(parameters: Any, answer: Any) -> None:
    assert not list(Instance.in_event(Event.parse(cloudtrail_event("ec2", "RunInstances", parameters, answer))))


def test_all_instances_are_found_with_their_tags(world: World) -> None:
    made = launch(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (found,) = Instance.all_in(reader)
    assert (found.id, found.tags(reader)) == (made, {"team": "shop"})
    assert found.arn == f"arn:aws:ec2:us-east-1:{HOME}:instance/{made}"
