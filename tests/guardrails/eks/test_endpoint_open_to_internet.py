from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.errors import Unfinished
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.engine.remediate import MOST_ATTEMPTS
from chalicelib.fixes.ec2.revoke_open_rules import internet_cidrs
from chalicelib.fixes.eks.narrow_cluster_endpoint import NarrowClusterEndpoint
from chalicelib.resources.eks import Cluster
from snapback.memory_aws.containers import over
from tests.guardrails.eks.clusters import ARN, PRIVATE, cluster, disturb, in_moto, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "eks.endpoint_open_to_internet"
EVERYWHERE = ["0.0.0.0/0"]
OFFICE = "203.0.113.0/24"
OURS = Baseline(allow=Allow(cidrs=("198.51.100.0/24", "10.0.0.0/8", "2001:db8::/48")))


def public(*cidrs: str, private: bool = False, **more: Any) -> Any:
    network = {"endpointPublicAccess": True, "endpointPrivateAccess": private, "publicAccessCidrs": [*cidrs]}
    return cluster(network=network, **more)


def becomes(*cidrs: str, public: bool = True) -> Any:
    return {"resourcesVpcConfig": {"endpointPublicAccess": public, "publicAccessCidrs": [*cidrs]}}


CASE = Case(
    unsafe=(
        public("0.0.0.0/0"),
        public("0.0.0.0/1", "128.0.0.0/1", OFFICE, private=True),
        public("0.0.0.0/0", baseline=OURS),
        cluster(then=becomes("0.0.0.0/0"), event="UpdateClusterConfig"),
    ),
    near_misses=(
        cluster(),
        public(OFFICE),
        public("0.0.0.0/0", then=becomes(OFFICE), event="UpdateClusterConfig"),
        public("0.0.0.0/0", baseline=Baseline(allow=Allow(cidrs=("0.0.0.0/0",)))),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def network(world: World) -> Any:
    found = world.client("eks").describe_cluster(name="prod")["cluster"]["resourcesVpcConfig"]
    return {key: value for key, value in found.items() if key in PRIVATE}


def test_narrow_ranges_and_subnets_stay(world: World) -> None:
    world.deliver(public("0.0.0.0/0", OFFICE)(world), ID)
    assert network(world) == {
        "endpointPublicAccess": True,
        "endpointPrivateAccess": True,
        "publicAccessCidrs": [OFFICE],
    }
    assert in_moto().resources_vpc_config["subnetIds"] == ["subnet-a", "subnet-b"]


def test_known_ranges_of_the_same_kind_are_let_in_where_none_is_left(world: World) -> None:
    world.deliver(public("0.0.0.0/0", baseline=OURS)(world), ID)
    assert network(world)["publicAccessCidrs"] == ["198.51.100.0/24"]


def test_without_any_the_public_endpoint_is_closed(world: World) -> None:
    world.deliver(public("0.0.0.0/0")(world), ID)
    assert network(world) == PRIVATE


def test_a_cluster_that_tells_no_endpoint_is_public_as_is_the_default(world: World) -> None:
    (outcome,) = world.deliver(cluster(network={})(world), ID, "alert")
    assert outcome.reason == "its Kubernetes API can be reached from 0.0.0.0/0"


def test_a_private_cluster_costs_one_call(world: World) -> None:
    world.deliver(cluster()(world), ID)
    assert [call.operation for call in world.calls] == ["DescribeCluster"]


def test_a_new_cluster_is_asked_about_when_eks_may_be_done(world: World) -> None:
    envelope = public("0.0.0.0/0")(world)
    application = world.application("fix", ID, grace={})
    (outcome,) = (each for each in application.guard("eks", envelope) if each.guardrail == ID)
    assert outcome.status == "waiting"


def slow(world: World) -> Any:
    envelope = public("0.0.0.0/0", OFFICE)(world)
    in_moto().snapback_slow = True
    return envelope


def under_way(world: World) -> Any:
    """A fix that EKS has taken, and is carrying out."""
    envelope = slow(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXING
    return envelope


def maintain(world: World) -> None:
    world.later(minutes=5)
    world.application("fix", ID).maintain()


def test_it_is_fixed_once_eks_is_done_and_not_before(world: World) -> None:
    envelope = under_way(world)
    assert [outcome.status for outcome in world.deliver(envelope, ID)] == ["compliant"]
    maintain(world)
    (record,) = world.records()
    assert record.status == Status.FIXING
    over(in_moto())
    maintain(world)
    assert world.record(record.id).status == Status.FIXED
    assert world.record(record.id).after == {"public": True, "private": True, "cidrs": [OFFICE]}


def test_what_eks_could_not_carry_out_is_tried_again(world: World) -> None:
    under_way(world)
    over(in_moto(), "Failed")
    in_moto().snapback_slow = False
    maintain(world)
    (record,) = world.records()
    assert record.status == Status.FIXED
    assert network(world)["publicAccessCidrs"] == [OFFICE]


def test_what_eks_is_at_for_too_long_is_reported(world: World) -> None:
    under_way(world)
    for _ in range(MOST_ATTEMPTS):
        with suppress(Unfinished):
            maintain(world)
    (record,) = world.records()
    assert record.status == Status.FAILED


def test_an_undo_is_done_when_eks_has_taken_it(world: World) -> None:
    (outcome,) = world.deliver(public("0.0.0.0/0")(world), ID)
    in_moto().snapback_slow = True
    undone = world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert undone.status == Status.UNDONE
    over(in_moto())
    assert network(world)["publicAccessCidrs"] == EVERYWHERE


def test_while_eks_is_at_something_else_a_fix_fails_and_is_reported(world: World) -> None:
    envelope = public("0.0.0.0/0")(world)
    in_moto().status = "CREATING"
    with pytest.raises(Unfinished):
        world.deliver(envelope, ID)
    (record,) = world.records()
    assert record.status == Status.FAILED
    assert "ResourceInUseException" in record.error


RANGES = st.lists(
    st.sampled_from(
        [
            "0.0.0.0/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "::/0",
            "2000::/3",
            "8.0.0.0/7",
            OFFICE,
            "198.51.100.7/32",
            "10.0.0.0/8",
        ]
    ),
    unique=True,
)


@given(RANGES, st.booleans(), st.sampled_from([Baseline(), OURS, Baseline(allow=Allow(cidrs=("8.0.0.0/7",)))]))
@settings(max_examples=60)
def test_no_narrow_range_goes_and_no_broad_one_stays(cidrs: list[str], private: bool, baseline: Baseline) -> None:
    fix = NarrowClusterEndpoint()
    state: dict[str, Any] = {"public": bool(cidrs), "private": private, "cidrs": sorted(cidrs)}
    safe = fix.safe(state, FixContext(baseline))
    assert not internet_cidrs(safe["cidrs"], baseline)
    assert fix.safe(safe, FixContext(baseline)) == safe
    assert safe["public"] == bool(safe["cidrs"])
    assert safe["public"] or safe["private"] or safe == state
    kept = [cidr for cidr in state["cidrs"] if cidr not in internet_cidrs(cidrs, baseline)]
    assert not kept or safe["cidrs"] == kept


@pytest.mark.parametrize("parameters", [None, {}, "prod", {"name": None}, {"name": ["a", "b"]}, {"name": "../x"}])
def test_a_strange_event_names_no_cluster(parameters: Any) -> None:
    assert not list(Cluster.in_event(Event.parse(cloudtrail_event("eks", "CreateCluster", parameters))))


def test_all_clusters_are_found_with_their_tags(world: World) -> None:
    cluster()(world)
    reader = world.application().sessions.reader(HOME, REGION)
    (found,) = Cluster.all_in(reader)
    assert found == Cluster("prod", HOME, REGION)
    assert found.arn == ARN
    assert found.tags(reader) == {"team": "shop"}
