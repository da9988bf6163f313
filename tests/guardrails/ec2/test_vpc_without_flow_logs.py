from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.errors import FlowLogsRefused
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.fixes.ec2.log_vpc_flows import LogVpcFlows
from chalicelib.resources.ec2.vpcs import Vpc
from tests.guardrails.ec2.test_default_group_with_rules import vpc
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.vpc_without_flow_logs"
BUCKET = "arn:aws:s3:::flow-archive"


def made(world: World) -> str:
    world.settings = Settings(require=Require(flow_logs=BUCKET), grace={"*": 0})
    world.client("s3").create_bucket(Bucket="flow-archive")
    return vpc(world)


def log(world: World, id: str, traffic: str = "ALL", bucket: str = "elsewhere") -> Any:
    world.client("s3").create_bucket(Bucket=bucket)
    return world.client("ec2").create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[id],
        TrafficType=traffic,
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{bucket}",
    )["FlowLogIds"]


def whole(world: World) -> Any:
    """Without ids and times, which AWS makes anew."""
    logs = world.client("ec2").describe_flow_logs()["FlowLogs"]
    kept = ("ResourceId", "TrafficType", "LogDestination", "LogDestinationType", "FlowLogStatus", "Tags")
    return [{key: each.get(key) for key in kept} for each in logs], world.client("ec2").describe_vpcs()["Vpcs"]


def created(world: World) -> Envelope:
    return cloudtrail_event("ec2", "CreateVpc", {"cidrBlock": "10.1.0.0/16"}, {"vpc": {"vpcId": made(world)}})


def default(world: World) -> Envelope:
    return cloudtrail_event(
        "ec2", "CreateDefaultVpc", {}, {"CreateDefaultVpcResponse": {"vpc": {"vpcId": made(world)}}}
    )


def deleted(world: World) -> Envelope:
    which = made(world)
    (flow_log,) = log(world, which)
    world.client("ec2").delete_flow_logs(FlowLogIds=[flow_log])
    asked = {"DeleteFlowLogsRequest": {"FlowLogId": {"content": flow_log, "tag": 1}}}
    return cloudtrail_event("ec2", "DeleteFlowLogs", asked, {"DeleteFlowLogsResponse": {"unsuccessful": ""}})


def only_what_was_let_in(world: World) -> Envelope:
    log(world, made(world), "ACCEPT")
    return scheduled_event()


def logged(world: World) -> Envelope:
    which = made(world)
    log(world, which, "REJECT")
    return cloudtrail_event("ec2", "CreateVpc", {"cidrBlock": "10.1.0.0/16"}, {"vpc": {"vpcId": which}})


def remove(world: World) -> None:
    (found,) = world.client("ec2").describe_vpcs()["Vpcs"]
    world.client("ec2").delete_vpc(VpcId=found["VpcId"])


def disturb(world: World) -> None:
    (found,) = world.client("ec2").describe_vpcs()["Vpcs"]
    world.client("ec2").create_tags(Resources=[found["VpcId"]], Tags=[{"Key": "touched", "Value": "yes"}])


CASE = Case(
    unsafe=(created, default, deleted, only_what_was_let_in),
    near_misses=(logged,),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_flow_log_goes_where_the_settings_say(world: World) -> None:
    world.deliver(created(world), ID)
    (found,) = whole(world)[0]
    assert (found["LogDestination"], found["TrafficType"]) == (BUCKET, "ALL")


def test_an_undo_leaves_the_flow_logs_of_others(world: World) -> None:
    (outcome,) = world.deliver(created(world), ID)
    (found,) = world.client("ec2").describe_vpcs()["Vpcs"]
    log(world, found["VpcId"])
    assert world.application("fix", ID).engine.undo(outcome.record, "bob").status == "undone"
    assert [each["LogDestination"] for each in whole(world)[0]] == ["arn:aws:s3:::elsewhere"]


def test_without_a_destination_it_is_only_reported(world: World) -> None:
    envelope = created(world)
    world.settings = Settings(grace={"*": 0})
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"


def test_a_pipeline_may_still_make_one(world: World) -> None:
    envelope = created(world)
    world.settings = Settings(require=Require(flow_logs=BUCKET))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "waiting"
    assert world.waiting


def test_what_aws_refuses_within_its_answer_is_a_failure(world: World) -> None:
    world.settings = Settings(require=Require(flow_logs="arn:aws:s3:::no-such-bucket"))
    resource = Vpc(vpc(world), HOME, "us-east-1")
    writer = world.application().sessions.writer(HOME, "us-east-1", "0123456789abcdef", "ec2")
    with pytest.raises(FlowLogsRefused, match="does not exist"):
        LogVpcFlows().write(resource, {"logged_to": "arn:aws:s3:::no-such-bucket"}, writer)


def test_a_deletion_asks_about_every_vpc_once(world: World) -> None:
    envelope = deleted(world)
    other = world.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    log(world, other)
    outcomes = world.deliver(envelope, ID)
    assert sorted(outcome.status for outcome in outcomes) == ["compliant", "fixed"]


@pytest.mark.parametrize("answer", [None, {}, {"vpc": None}, {"vpc": {"vpcId": "subnet-1"}}, "vpc-1"])
def test_a_strange_event_names_no_vpc(answer: Any) -> None:
    event = Event.parse(cloudtrail_event("ec2", "CreateVpc", None, answer))
    assert not list(Vpc.in_event(event))
    assert event.call not in Vpc.affecting
