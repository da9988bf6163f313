from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Baseline
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.ecs.take_off_public_addresses import TakeOffPublicAddresses
from chalicelib.resources.ecs import Service
from tests.guardrails.ecs.definitions import registered
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.service_with_public_addresses"


def service(*, public: str | None = "ENABLED", cluster: str = "shop", event: str = "CreateService", **more: Any) -> Any:
    def made(world: World) -> Envelope:
        registered()(world)
        ecs = world.client("ecs")
        ecs.create_cluster(clusterName=cluster)
        network = {"networkConfiguration": network_of(world, public)} if public is not None else {}
        ecs.create_service(
            cluster=cluster,
            serviceName="site",
            taskDefinition="web:1",
            desiredCount=2,
            tags=[{"key": "team", "value": "shop"}],
            **network,
            **more,
        )
        named = {"cluster": f"arn:aws:ecs:{REGION}:{HOME}:cluster/{cluster}"} if cluster != "default" else {}
        name = "serviceName" if event == "CreateService" else "service"
        return cloudtrail_event("ecs", event, {**named, name: "site", "desiredCount": 2})

    return made


def network_of(world: World, public: str) -> Any:
    ec2 = world.client("ec2")
    subnets = sorted(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"])[:2]
    groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]]
    assigned = {"assignPublicIp": public} if public else {}
    return {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups, **assigned}}


def task_set(world: World) -> Envelope:
    service(public=None, deploymentController={"type": "EXTERNAL"})(world)
    world.client("ecs").create_task_set(
        cluster="shop", service="site", taskDefinition="web:1", networkConfiguration=network_of(world, "ENABLED")
    )
    return cloudtrail_event("ecs", "CreateTaskSet", {"cluster": "shop", "service": "site"})


def express(event: str, *, answered: bool) -> Any:
    """A service of Express mode, whose name and cluster ECS may choose; moto has none, and it is a service like others.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-overview.html
    """

    def made(world: World) -> Envelope:
        service()(world)
        arn = {"serviceArn": f"arn:aws:ecs:{REGION}:{HOME}:service/shop/site"}
        if answered:
            return cloudtrail_event("ecs", event, {"primaryContainer": {"image": "web"}}, {"service": arn})
        return cloudtrail_event("ecs", event, {**arn, "cpu": "256"})

    return made


def described(world: World) -> Any:
    ecs = world.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    return ecs.describe_services(cluster=cluster, services=["site"], include=["TAGS"])["services"][0]


def whole(world: World) -> Any:
    found = described(world)
    found.pop("events")
    found.pop("deployments")  # A fix and its undo are two more of them.
    return found


def remove(world: World) -> None:
    ecs = world.client("ecs")
    ecs.delete_service(cluster=ecs.list_clusters()["clusterArns"][0], service="site", force=True)


def disturb(world: World) -> None:
    ecs = world.client("ecs")
    ecs.update_service(cluster=ecs.list_clusters()["clusterArns"][0], service="site", desiredCount=3)


CASE = Case(
    unsafe=(
        service(),
        service(cluster="default", event="UpdateService"),
        express("CreateExpressGatewayService", answered=True),
        express("UpdateExpressGatewayService", answered=False),
    ),
    near_misses=(service(public="DISABLED"), service(public=""), service(public=None)),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_subnets_and_groups_stay(world: World) -> None:
    envelope = service()(world)
    before = described(world)["networkConfiguration"]["awsvpcConfiguration"]
    world.deliver(envelope, ID)
    assert described(world)["networkConfiguration"]["awsvpcConfiguration"] == {**before, "assignPublicIp": "DISABLED"}


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_what_ecs_does_not_deploy_is_only_reported(controller: str, world: World) -> None:
    (outcome,) = world.deliver(service(deploymentController={"type": controller})(world), ID)
    assert outcome.status == Status.ALERTED
    assert described(world)["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "ENABLED"


def test_task_sets_are_told_only(world: World) -> None:
    (outcome,) = world.deliver(task_set(world), ID)
    assert outcome.status == Status.ALERTED
    assert outcome.reason == "tasks of its task sets get public addresses"


def test_a_draining_service_is_gone(world: World) -> None:
    from moto.ecs.models import ecs_backends

    envelope = service()(world)
    ecs_backends[HOME][REGION].services["shop:site"].status = "DRAINING"
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "gone"


def test_a_service_of_a_deleted_cluster_is_gone(world: World) -> None:
    (outcome,) = world.deliver(cloudtrail_event("ecs", "CreateService", {"serviceName": "a", "cluster": "b"}), ID)
    assert outcome.status == "gone"


@given(st.sampled_from(["ENABLED", "DISABLED", ""]), st.sampled_from(["ECS", "CODE_DEPLOY", "EXTERNAL", "NEW"]))
def test_safe_changes_the_one_thing_and_only_what_ecs_deploys(public: str, deployed_by: str) -> None:
    state = {"public_ip": public, "deployed_by": deployed_by}
    safe = TakeOffPublicAddresses().safe(state, FixContext(Baseline()))
    assert {**safe, "public_ip": public} == state
    assert (safe["public_ip"] == "ENABLED") == (public == "ENABLED" and deployed_by != "ECS")


@pytest.mark.parametrize(
    "parameters",
    [None, {}, "site", {"serviceName": None}, {"serviceName": ["a", "b"]}, {"service": "a b", "cluster": "shop"}],
)
def test_a_strange_event_names_no_service(parameters: Any) -> None:
    assert not list(Service.in_event(Event.parse(cloudtrail_event("ecs", "CreateService", parameters))))


@pytest.mark.parametrize(
    ("parameters", "id"),
    [
        ({"service": f"arn:aws:ecs:{REGION}:{HOME}:service/shop/site", "cluster": "shop"}, "shop/site"),
        ({"service": f"arn:aws:ecs:{REGION}:{HOME}:service/site"}, "default/site"),
        ({"serviceName": "site", "cluster": f"arn:aws:ecs:{REGION}:{HOME}:cluster/shop"}, "shop/site"),
    ],
)
def test_names_and_arns_name_the_same_service(parameters: Any, id: str) -> None:
    found = Service.in_event(Event.parse(cloudtrail_event("ecs", "UpdateService", parameters)))
    assert [each.id for each in found] == [id]


def test_all_services_are_found_with_their_tags(world: World) -> None:
    service()(world)
    reader = world.application().sessions.reader(HOME, REGION)
    (found,) = Service.all_in(reader)
    assert found == Service("shop/site", HOME, REGION)
    assert found.tags(reader) == {"team": "shop"}
