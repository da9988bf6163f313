from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Baseline
from chalicelib.core.errors import FixFailed, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.pattern import matches
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.ec2.isolate_instance import ISOLATED, TAG, IsolateInstance, lacking
from chalicelib.guardrails.ec2.instance_compromised import instance_compromised
from chalicelib.resources.ec2.instances import Suspect
from tests.guardrails.ec2.instances import disturb, forget, image, launch, the_instance
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, Envelope, native_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.instance_compromised"
FOUND = "2026-11-23T10:00:00Z"


def finding(
    instance: str | None, type: str = "Backdoor:EC2/C&CActivity.B!DNS", severity: float = 8, **more: Any
) -> Envelope:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    told = {
        "schemaVersion": "2.0",
        "accountId": HOME,
        "region": REGION,
        "id": "16afba5c5c43e07c9e3e5e2e544e95df",
        "type": type,
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": instance, "platform": None}},
        "service": {"serviceName": "guardduty", "resourceRole": "TARGET", "archived": False, "count": 1},
        "severity": severity,
    }
    return native_event("guardduty", "GuardDuty Finding", told | more)


def again(instance: str, time: str = "2026-11-23T10:30:00Z") -> Envelope:
    """What GuardDuty tells of the same thing later."""
    envelope = finding(instance)
    envelope["id"], envelope["time"] = "33333333-0000-4000-8000-000000000001", time
    return envelope


def alone(world: World) -> Envelope:
    return finding(launch(world))


def two_interfaces(world: World) -> Envelope:
    """One with two groups, one with another; and a second volume."""
    ec2, instance = world.client("ec2"), launch(world)
    (first,) = the_instance(world)["NetworkInterfaces"]
    more = [group(world, name) for name in ("web", "monitored")]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=first["NetworkInterfaceId"], Groups=more)
    made = ec2.create_network_interface(SubnetId=first["SubnetId"], Groups=more[:1])["NetworkInterface"]
    ec2.attach_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"], InstanceId=instance, DeviceIndex=1)
    volume = ec2.create_volume(Size=8, AvailabilityZone=the_instance(world)["Placement"]["AvailabilityZone"])
    ec2.attach_volume(VolumeId=volume["VolumeId"], InstanceId=instance, Device="/dev/sdf")
    return finding(instance, "Execution:Runtime/NewBinaryExecuted", 9)


def in_service(world: World) -> Envelope:
    """In an Auto Scaling group, a target group on a port of its own, and a Classic Load Balancer."""
    instance, balancing = launch(world), world.client("elbv2")
    serve(world, instance)
    arn = balancing.create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId=the_instance(world)["VpcId"], TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(TargetGroupArn=arn, Targets=[{"Id": instance, "Port": 8080}])
    classic = world.client("elb")
    listeners = [{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}]
    classic.create_load_balancer(LoadBalancerName="old", Listeners=listeners, Subnets=[the_instance(world)["SubnetId"]])
    classic.register_instances_with_load_balancer(LoadBalancerName="old", Instances=[{"InstanceId": instance}])
    return finding(instance)


def let_out(world: World) -> Envelope:
    """It was isolated once, and somebody put its interface into another group again."""
    instance = launch(world)
    isolation(world)
    world.client("ec2").create_tags(Resources=[instance], Tags=[{"Key": TAG, "Value": "2026-11-20T10:00:00Z"}])
    return finding(instance)


def done(world: World) -> Envelope:
    """As another finding of the same instance left it."""
    instance = launch(world)
    world.deliver(finding(instance), ID)
    delete_ledger(world)
    return again(instance)


def terminated(world: World) -> Envelope:
    instance = launch(world)
    world.client("ec2").terminate_instances(InstanceIds=[instance])
    return finding(instance)


def serve(world: World, instance: str) -> None:
    """Have it in an Auto Scaling group with room for more."""
    scaling = world.client("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=image(world), InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=0,
        MaxSize=9,
        VPCZoneIdentifier=the_instance(world)["SubnetId"],
    )
    scaling.attach_instances(InstanceIds=[instance], AutoScalingGroupName="web")


def group(world: World, name: str, **more: Any) -> str:
    vpc = world.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    return str(world.client("ec2").create_security_group(GroupName=name, Description="-", VpcId=vpc, **more)["GroupId"])


def isolation(world: World, name: str = "snapback-isolated-0", *, empty: bool = True) -> str:
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": TAG, "Value": "group"}]}]
    made = group(world, name, TagSpecifications=tags)
    if empty:
        take_rules_off(world, made)
    return made


def take_rules_off(world: World, group: str) -> None:
    ec2 = world.client("ec2")
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)


def delete_ledger(world: World) -> None:
    client = world.client("dynamodb")
    client.update_table(TableName="snapback-ledger", DeletionProtectionEnabled=False)
    client.delete_table(TableName="snapback-ledger")


def groups(world: World) -> list[list[str]]:
    return [sorted(each["GroupId"] for each in one["Groups"]) for one in the_instance(world)["NetworkInterfaces"]]


def rules_of(world: World, group: str) -> Any:
    (found,) = world.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return found["IpPermissions"] + found["IpPermissionsEgress"]


def snapshots(world: World, instance: str) -> list[Any]:
    filters = [{"Name": "tag-key", "Values": [TAG]}]
    found: list[Any] = world.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]
    assert all(each["Tags"][0]["Value"].startswith(f"{instance}/") for each in found)
    return found


def whole(world: World) -> Any:
    """The instance and what it is registered with; in which order its tags and groups come is moto's."""
    found = the_instance(world)
    found["Tags"] = sorted(found["Tags"], key=lambda tag: tag["Key"])
    for one in (found, *found["NetworkInterfaces"]):
        key = "SecurityGroups" if "SecurityGroups" in one else "Groups"
        one[key] = sorted(one[key], key=lambda each: each["GroupId"])
    scaling = world.client("autoscaling").describe_auto_scaling_instances(InstanceIds=[found["InstanceId"]])
    balancing = world.client("elbv2")
    targets = [
        balancing.describe_target_health(TargetGroupArn=each["TargetGroupArn"])["TargetHealthDescriptions"]
        for each in balancing.describe_target_groups()["TargetGroups"]
    ]
    classic = world.client("elb").describe_load_balancers()["LoadBalancerDescriptions"]
    return found, scaling["AutoScalingInstances"], targets, [each["Instances"] for each in classic]


CASE = Case(
    unsafe=(alone, two_interfaces, in_service, let_out),
    near_misses=(
        done,
        terminated,
        lambda world: finding(launch(world), severity=6.9),
        lambda world: finding(launch(world), "Recon:EC2/PortProbeEMRUnprotectedPort"),
    ),
    whole=whole,
    remove=forget,
    disturb=disturb,
)


def test_each_interface_is_in_one_group_of_its_vpc_that_has_no_rules(world: World) -> None:
    envelope = two_interfaces(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED
    [first], second = groups(world)
    assert second == [first]
    assert not rules_of(world, first)


def test_all_its_volumes_are_kept_and_undo_leaves_the_snapshots(world: World) -> None:
    envelope = two_interfaces(world)
    instance = the_instance(world)["InstanceId"]
    (outcome,) = world.deliver(envelope, ID)
    volumes = {each["Ebs"]["VolumeId"] for each in the_instance(world)["BlockDeviceMappings"]}
    assert len(volumes) == 2
    assert {each["VolumeId"] for each in snapshots(world, instance)} == volumes
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert {each["VolumeId"] for each in snapshots(world, instance)} == volumes


def test_it_leaves_its_auto_scaling_group_which_keeps_its_size(world: World) -> None:
    (outcome,) = world.deliver(in_service(world), ID)
    assert outcome.status == Status.FIXED
    (scaling,) = world.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert scaling["DesiredCapacity"] == 1
    assert the_instance(world)["InstanceId"] not in {each["InstanceId"] for each in scaling["Instances"]}
    _, _, (targets,), (classic,) = whole(world)
    assert (targets, classic) == ([], [])


def test_undo_in_an_auto_scaling_group_at_its_maximum_puts_back_the_rest_and_fails_loudly(world: World) -> None:
    (outcome,) = world.deliver(in_service(world), ID)
    world.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=1)
    with pytest.raises(FixFailed):
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    _, scaling, (targets,), (classic,) = whole(world)
    assert (len(scaling), len(targets), len(classic)) == (0, 1, 1)
    assert world.record(outcome.record).status == Status.FAILED


@pytest.mark.parametrize("refused", ["CreateSnapshots", "DetachInstances", "DeregisterTargets", "CreateTags"])
def test_though_aws_refuses_one_part_the_others_are_done_and_the_next_event_does_the_rest(
    world: World, refused: str
) -> None:
    envelope = in_service(world)
    made, former = isolation(world), groups(world)
    with world.denied(refused), pytest.raises(Unfinished):
        world.deliver(envelope, ID)
    assert groups(world) == [[made]] != former
    (record,) = world.records()
    assert (record.status, len(whole(world)[3][0])) == (Status.FAILED, 0)
    world.later(minutes=1)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert groups(world) == former


def test_an_interface_that_aws_lets_nobody_change_keeps_no_other_from_being_isolated(world: World) -> None:
    """Such as one that ECS made for a task."""
    from botocore.client import BaseClient

    envelope, real = two_interfaces(world), BaseClient._make_api_call  # type: ignore[attr-defined]
    first, _ = the_instance(world)["NetworkInterfaces"]

    def call(self: BaseClient, operation: str, asked: Any) -> Any:
        if (
            operation == "ModifyNetworkInterfaceAttribute"
            and asked["NetworkInterfaceId"] == first["NetworkInterfaceId"]
        ):
            raise ClientError({"Error": {"Code": "OperationNotPermitted", "Message": "-"}}, operation)
        return real(self, operation, asked)

    with patch.object(BaseClient, "_make_api_call", call), pytest.raises(Unfinished):
        world.deliver(envelope, ID)
    kept, isolated = groups(world)
    assert len(kept) == 2
    assert not rules_of(world, *isolated)
    assert len(snapshots(world, the_instance(world)["InstanceId"])) == 2


def test_a_group_for_isolation_is_used_by_all_instances_of_its_vpc(world: World) -> None:
    made = isolation(world)
    world.deliver(alone(world), ID)
    assert groups(world) == [[made]]


def test_a_group_that_was_left_half_made_is_finished(world: World) -> None:
    made = isolation(world, empty=False)
    world.deliver(alone(world), ID)
    assert groups(world) == [[made]]
    assert not rules_of(world, made)


def test_a_group_that_somebody_gave_rules_isolates_nobody_and_is_let_be(world: World) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.7/32"}]}
    envelope, made = alone(world), isolation(world)
    (interface,) = the_instance(world)["NetworkInterfaces"]
    ec2 = world.client("ec2")
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[made])
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
    before = rules_of(world, made)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED
    assert rules_of(world, made) == before
    [[other]] = groups(world)
    assert other != made
    assert not rules_of(world, other)


def test_a_group_without_rules_of_somebody_elses_is_no_group_for_isolation(world: World) -> None:
    envelope, made = alone(world), group(world, "snapback-isolated")
    take_rules_off(world, made)
    world.deliver(envelope, ID)
    assert groups(world) != [[made]]


def test_a_later_finding_while_it_is_isolated_takes_no_snapshots_again(world: World) -> None:
    instance = launch(world)
    world.deliver(finding(instance), ID)
    world.later(minutes=30)
    (outcome,) = world.deliver(again(instance), ID)
    assert outcome.status == "compliant"
    assert len(snapshots(world, instance)) == 1


def test_once_let_out_by_hand_a_later_finding_isolates_it_and_takes_new_snapshots(world: World) -> None:
    instance = launch(world)
    former = groups(world)
    world.deliver(finding(instance), ID)
    (interface,) = the_instance(world)["NetworkInterfaces"]
    world.client("ec2").modify_network_interface_attribute(
        NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=former[0]
    )
    world.later(minutes=30)
    (outcome,) = world.deliver(again(instance), ID)
    assert outcome.status == Status.FIXED
    taken = {each["Tags"][0]["Value"] for each in snapshots(world, instance)}
    assert taken == {f"{instance}/{FOUND}", f"{instance}/2026-11-23T10:30:00Z"}
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert groups(world) == former


def test_the_reason_says_what_it_can_still_reach(world: World) -> None:
    (outcome,) = world.deliver(in_service(world), ID, "alert")
    assert f"GuardDuty reported it at {FOUND}, and it is not isolated: eni-" in outcome.reason
    for said in ("it is in Auto Scaling group web", "web, old may route requests to it", "no snapshots of it exist"):
        assert said in outcome.reason
    assert outcome.resource.endswith(f":instance/{the_instance(world)['InstanceId']}")


def test_by_itself_it_only_tells(world: World) -> None:
    envelope = alone(world)
    application = world.application("fix")
    (outcome,) = (each for each in application.guard("ec2", envelope) if each.guardrail == ID)
    assert outcome.status == Status.ALERTED


@pytest.mark.parametrize(
    ("type", "more"),
    [
        ("CryptoCurrency:EC2/BitcoinTool.B", {}),
        ("CryptoCurrency:Runtime/BitcoinTool.B", {}),
        ("Execution:EC2/MaliciousFile", {"severity": 7}),
    ],
)
def test_these_findings_are_of_interest(type: str, more: Any) -> None:
    envelope = finding("i-0123456789abcdef0", type, **more)
    assert matches(instance_compromised.on, envelope)
    (found,) = Suspect.in_event(Event.parse(envelope))
    assert (found.id, found.region) == (f"i-0123456789abcdef0/{FOUND}", REGION)


@pytest.mark.parametrize(
    "more",
    [
        {"type": "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"},
        {"severity": 6.9},
        {"resource": {"resourceType": "EKSCluster", "instanceDetails": {"instanceId": "i-0123"}}},
    ],
)
def test_these_findings_are_not(more: Any) -> None:
    assert not matches(instance_compromised.on, finding("i-0123") | {"detail": finding("i-0123")["detail"] | more})


@pytest.mark.parametrize(
    "more",
    [
        {"accountId": FRIEND},
        {"resource": None},
        {"resource": {"instanceDetails": None}},
        {"resource": {"instanceDetails": {"instanceId": ["i-1", "i-2"]}}},
        {"resource": {"instanceDetails": {"instanceId": "mi-0123"}}},
        {"type": "Recon:EC2/PortProbeEMRUnprotectedPort"},
    ],
)
def test_a_strange_finding_names_no_instance(more: Any) -> None:
    assert not list(Suspect.in_event(Event.parse(finding("i-0123", **more))))


@given(
    groups=st.dictionaries(st.text(min_size=1), st.just(ISOLATED) | st.lists(st.text(min_size=1))),
    scaling=st.none() | st.text(min_size=1),
    targets=st.lists(st.tuples(st.just("arn:aws:x:targetgroup/web/1"), st.integers()).map(list)),
    balancers=st.lists(st.text(min_size=1)),
    mark=st.none() | st.just("2026-11-22T10:00:00Z"),
    kept=st.booleans(),
)
def test_what_is_safe_lacks_nothing_and_only_that_is_safe(groups: Any, mark: Any, kept: bool, **rest: Any) -> None:
    state = {"since": FOUND, "groups": groups, "mark": mark, "kept": kept and mark is not None, **rest}
    safe = IsolateInstance().safe(state, FixContext(Baseline()))
    assert IsolateInstance().safe(safe, FixContext(Baseline())) == safe
    if groups:
        assert bool(list(lacking(state))) == (safe != state)
        assert not list(lacking(safe))
    else:
        assert safe == state
