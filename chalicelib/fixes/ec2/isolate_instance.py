"""An instance cut off from all networks, and its disks kept for those who look into it."""

from __future__ import annotations

from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from chalicelib.core.event import parse_time
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_ec2.type_defs import InstanceTypeDef, SecurityGroupTypeDef

    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.instances import Suspect

ISOLATED = "isolated"
"""In the state, in place of an interface's groups: it has one, which has no rules."""
TAG = "snapback:isolated"
"""On the instance: the time of the finding. On a snapshot: instance and time. On a security group: that it is for this."""
_LEAVING = ("Detach", "Terminat", "Warmed")
"""Lifecycle states of an Auto Scaling group's instance that it lets go of, or hasn't taken yet."""
_ALL_OUT = ({"0.0.0.0/0"}, {"::/0"}, {"0.0.0.0/0", "::/0"})


class IsolateInstance(Fix["Suspect"]):
    """Isolate the instance: security group without rules, volume snapshots, out of its Auto Scaling and target groups.

    The groups are its Auto Scaling group, which replaces it, and target groups and Classic Load Balancers that it is
    registered with by its id. What is written, in this order, each part where it lacks, and all though AWS refuses one:

    - Interfaces: the VPC's group tagged `snapback:isolated`, if it has no rule at all; made where there is none.
    - Auto Scaling: else its health check would terminate the instance, and with it memory and disks. The desired
      capacity stays: a service under attack keeps its strength. So undo, which attaches it again, adds one to the
      desired capacity, and fails, as its last step, in a group at its maximum. Protection from scale-in and Standby
      aren't put back.
    - One set of snapshots of all its EBS volumes, of one moment. Undo keeps them; delete them when nobody needs them.
    - Load balancers, and then the tag on the instance. Undo registers it again, for which it has to run.

    What goes on in spite of it: connections that the former groups tracked, until they are idle for minutes or days;
    a rule in the subnet's network ACL, or stopping the instance, which loses its memory, ends them at once. DNS at the
    VPC's resolver and the metadata service, which no security group filters. Pods with groups of their own.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html
    """

    document = "ec2:instance"
    reads = (
        "ec2:DescribeInstances",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSnapshots",
        "autoscaling:DescribeAutoScalingInstances",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeLoadBalancers",
    )
    writes = (
        *reads,
        "ec2:CreateSecurityGroup",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:ModifyNetworkInterfaceAttribute",
        "ec2:CreateSnapshots",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "autoscaling:DetachInstances",
        "autoscaling:AttachInstances",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:RegisterTargets",
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
        "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
    )
    undo_writes = (
        "autoscaling:AttachInstances",
        "ec2:DeleteTags",
        "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
        "elasticloadbalancing:RegisterTargets",
    )

    def read(self, resource: Suspect, aws: Session) -> State:
        """`groups` by interface; `targets` are target groups and ports; `kept`: each volume has a snapshot since `mark`.

        `since` is the time of the finding, `mark` that of the finding for which it was isolated. A terminated instance
        has no groups.
        """
        found = resource.instance.described(aws)
        if found is None:
            nothing: State = {"scaling": None, "targets": [], "balancers": [], "mark": None, "kept": False}
            return {"since": resource.since, "groups": {}, **nothing}
        empty = {group["GroupId"] for group in _tagged(found, aws) if _is_empty(group)}
        mark = _mark(found)
        return {
            "since": resource.since,
            "groups": {name: _or_isolated(has, empty) for name, has in _groups(found)},
            "scaling": _scaling(found, aws),
            "targets": list(_targets(found, aws)),
            "balancers": sorted(_balancers(found, aws)),
            "mark": mark,
            "kept": mark is not None and _kept(found, mark, aws),
        }

    def safe(self, state: State, context: FixContext) -> State:
        groups = dict.fromkeys(state["groups"], ISOLATED)
        if not groups:
            return state
        mark = state["mark"] if groups == state["groups"] else None
        nowhere: State = {"scaling": None, "targets": [], "balancers": []}
        return {**state, "groups": groups, **nowhere, "mark": mark or state["since"], "kept": True}

    def touches(self, resource: Suspect, before: State, after: State) -> tuple[Resource | str, ...]:
        """An Auto Scaling group's ARN has an id that no call here answers."""
        begin, where = f"arn:{partition(resource.region)}", f"{resource.region}:{resource.account}"
        scaling = before["scaling"] and f"{begin}:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName"
        return (
            *(f"{begin}:ec2:{where}:network-interface/{name}" for name in before["groups"]),
            *([f"{scaling}/{before['scaling']}"] if scaling else []),
            *dict.fromkeys(arn for arn, _ in before["targets"]),
            *(f"{begin}:elasticloadbalancing:{where}:loadbalancer/{name}" for name in before["balancers"]),
        )

    def write(self, resource: Suspect, state: State, aws: Session) -> None:
        found = resource.instance.described(aws)
        if found is None:
            return
        steps = (_put_groups, _detach, _keep, _put_targets, _put_balancers, _put_mark, _attach)
        _try_all(partial(step, found, state, aws) for step in steps)


def _try_all(steps: Iterable[Callable[[], object]]) -> None:
    """Whatever AWS says to one of them: half an isolation is better than none. Raises the first error in the end."""
    wrong: ClientError | WaiterError | None = None
    for step in steps:
        try:
            step()
        except (ClientError, WaiterError) as error:
            wrong = wrong or error
    if wrong:
        raise wrong


def lacking(state: State) -> Iterator[str]:
    """In words, what keeps it from being isolated."""
    loose = {name: has for name, has in state["groups"].items() if has != ISOLATED}
    yield from (f"{name} is in {', '.join(has) or 'no group'}" for name, has in sorted(loose.items()))
    if state["scaling"]:
        yield f"it is in Auto Scaling group {state['scaling']}"
    if behind := [arn.split("/")[1] for arn, _ in state["targets"]] + state["balancers"]:
        yield f"{', '.join(dict.fromkeys(behind))} may route requests to it"
    if not state["kept"]:
        yield "no snapshots of it exist"


def _groups(found: InstanceTypeDef) -> Iterator[tuple[str, list[str]]]:
    for each in found.get("NetworkInterfaces", []):
        yield each["NetworkInterfaceId"], sorted(group["GroupId"] for group in each["Groups"])


def _or_isolated(groups: list[str], empty: set[str]) -> Any:
    return ISOLATED if len(groups) == 1 and empty >= {*groups} else groups


def _vpcs(found: InstanceTypeDef) -> dict[str, str]:
    """Of each interface; they may be in several."""
    return {each["NetworkInterfaceId"]: each["VpcId"] for each in found.get("NetworkInterfaces", [])}


def _mark(found: InstanceTypeDef) -> str | None:
    mark = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}.get(TAG)
    return mark if parse_time(mark) else None


def _evidence(instance: str, mark: str) -> Any:
    return {"Key": TAG, "Value": f"{instance}/{mark}"}


def _kept(found: InstanceTypeDef, mark: str, aws: Session) -> bool:
    """Whether each of its EBS volumes has a snapshot for this finding."""
    pages = aws.client("ec2").get_paginator("describe_snapshots")
    wanted = _evidence(found["InstanceId"], mark)
    filters: Any = [{"Name": f"tag:{TAG}", "Values": [wanted["Value"]]}]
    snapshots = [each for page in pages.paginate(OwnerIds=["self"], Filters=filters) for each in page["Snapshots"]]
    volumes = {each["Ebs"]["VolumeId"] for each in found.get("BlockDeviceMappings", []) if "Ebs" in each}
    return volumes <= {each["VolumeId"] for each in snapshots if each["State"] != "error"}


def _keep(found: InstanceTypeDef, state: State, aws: Session) -> None:
    if state["kept"] and not _kept(found, state["mark"], aws):
        instance, mark = found["InstanceId"], state["mark"]
        aws.client("ec2").create_snapshots(
            InstanceSpecification={"InstanceId": instance},
            Description=f"Snapback: evidence of {instance}, which GuardDuty reported at {mark}",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": [_evidence(instance, mark)]}],
        )


def _put_mark(found: InstanceTypeDef, state: State, aws: Session) -> None:
    ec2, instance, mark = aws.client("ec2"), found["InstanceId"], state["mark"]
    if mark is None:
        ec2.delete_tags(Resources=[instance], Tags=[{"Key": TAG}])
    elif mark != _mark(found):
        ec2.create_tags(Resources=[instance], Tags=[{"Key": TAG, "Value": mark}])


def _tagged(found: InstanceTypeDef, aws: Session) -> list[SecurityGroupTypeDef]:
    """The groups for isolation in its VPCs, whatever they have become."""
    vpcs = sorted(set(_vpcs(found).values()))
    filters: Any = [{"Name": f"tag:{TAG}", "Values": ["group"]}, {"Name": "vpc-id", "Values": vpcs}]
    pages = aws.client("ec2").get_paginator("describe_security_groups")
    return [group for page in pages.paginate(Filters=filters) for group in page["SecurityGroups"]] if vpcs else []


def _is_empty(group: SecurityGroupTypeDef) -> bool:
    return not group["IpPermissions"] and not group["IpPermissionsEgress"]


def _put_groups(found: InstanceTypeDef, state: State, aws: Session) -> None:
    tagged, vpcs = _tagged(found, aws), _vpcs(found)
    empty = {group["VpcId"]: group["GroupId"] for group in tagged if _is_empty(group)}
    isolated = {group["GroupId"] for group in tagged if _is_empty(group)}

    def put(interface: str, wanted: Any) -> None:
        vpc = vpcs[interface]
        if wanted == ISOLATED and vpc not in empty:
            empty[vpc] = _group_without_rules(vpc, tagged, aws)
        groups = [empty[vpc]] if wanted == ISOLATED else wanted
        with absent("InvalidNetworkInterfaceID.NotFound"):
            aws.client("ec2").modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)

    now = {name: _or_isolated(has, isolated) for name, has in _groups(found)}
    others = {name: has for name, has in state["groups"].items() if name in now and now[name] != has}
    _try_all(partial(put, name, has) for name, has in others.items())


def _group_without_rules(vpc: str, tagged: list[SecurityGroupTypeDef], aws: Session) -> str:
    """A new one; or one left half-made, with the rule for all that goes out, which AWS gives each at its birth.

    One that has other rules is left alone: somebody may need them to look into another instance.
    """
    ec2 = aws.client("ec2")
    group = next((each["GroupId"] for each in tagged if each["VpcId"] == vpc and _is_new(each)), None)
    if group is None:
        group = ec2.create_security_group(
            GroupName=f"snapback-isolated-{token_hex(4)}",
            Description="No rules: for instances that Snapback cut off",
            VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": TAG, "Value": "group"}]}],
        )["GroupId"]
    ec2.get_waiter("security_group_exists").wait(GroupIds=[group], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    (made,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    if made["IpPermissionsEgress"]:
        rules: Any = made["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)
    return group


def _is_new(group: SecurityGroupTypeDef) -> bool:
    rules = group["IpPermissionsEgress"]
    cidrs = {each["CidrIp"] for rule in rules for each in rule.get("IpRanges", [])}
    cidrs |= {each["CidrIpv6"] for rule in rules for each in rule.get("Ipv6Ranges", [])}
    others = any(rule.get("UserIdGroupPairs") or rule.get("PrefixListIds") for rule in rules)
    everything = all(rule["IpProtocol"] == "-1" for rule in rules)
    return not group["IpPermissions"] and everything and not others and cidrs in _ALL_OUT


def _scaling(found: InstanceTypeDef, aws: Session) -> str | None:
    """The Auto Scaling group that it is in, unless it is on its way out."""
    listed = aws.client("autoscaling").describe_auto_scaling_instances(InstanceIds=[found["InstanceId"]])
    for each in listed["AutoScalingInstances"]:
        if not each["LifecycleState"].startswith(_LEAVING):
            return str(each["AutoScalingGroupName"])
    return None


def _detach(found: InstanceTypeDef, state: State, aws: Session) -> None:
    now = _scaling(found, aws)
    if now and now != state["scaling"]:
        aws.client("autoscaling").detach_instances(
            InstanceIds=[found["InstanceId"]], AutoScalingGroupName=now, ShouldDecrementDesiredCapacity=False
        )


def _attach(found: InstanceTypeDef, state: State, aws: Session) -> None:
    wanted = state["scaling"]
    if wanted and _scaling(found, aws) != wanted:
        aws.client("autoscaling").attach_instances(InstanceIds=[found["InstanceId"]], AutoScalingGroupName=wanted)


def _targets(found: InstanceTypeDef, aws: Session) -> Iterator[list[Any]]:
    """Target groups that it is registered with by its id, and the port."""
    elb, vpcs = aws.client("elbv2"), set(_vpcs(found).values())
    groups = [each for page in elb.get_paginator("describe_target_groups").paginate() for each in page["TargetGroups"]]
    for group in groups:
        if group.get("TargetType") != "instance" or group.get("VpcId") not in vpcs:
            continue
        listed: list[Any] = []
        with absent("TargetGroupNotFound"):
            listed = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        for each in listed:
            leaving = each["TargetHealth"]["State"] == "draining"
            if each["Target"]["Id"] == found["InstanceId"] and not leaving:
                yield [group["TargetGroupArn"], each["Target"]["Port"]]


def _put_targets(found: InstanceTypeDef, state: State, aws: Session) -> None:
    elb, now, wanted = aws.client("elbv2"), list(_targets(found, aws)), state["targets"]
    for arn, port in now:
        if [arn, port] not in wanted:
            with absent("TargetGroupNotFound", "InvalidTarget"):
                elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": found["InstanceId"], "Port": port}])
    for arn, port in wanted:
        if [arn, port] not in now:
            elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": found["InstanceId"], "Port": port}])


def _balancers(found: InstanceTypeDef, aws: Session) -> Iterator[str]:
    """Classic Load Balancers."""
    for page in aws.client("elb").get_paginator("describe_load_balancers").paginate():
        for each in page["LoadBalancerDescriptions"]:
            if {"InstanceId": found["InstanceId"]} in each["Instances"]:
                yield each["LoadBalancerName"]


def _put_balancers(found: InstanceTypeDef, state: State, aws: Session) -> None:
    elb, now, wanted = aws.client("elb"), set(_balancers(found, aws)), state["balancers"]
    instances = [{"InstanceId": found["InstanceId"]}]
    for name in sorted(now.difference(wanted)):
        with absent("LoadBalancerNotFound", "InvalidInstance"):
            elb.deregister_instances_from_load_balancer(LoadBalancerName=name, Instances=instances)
    for name in sorted({*wanted} - now):
        elb.register_instances_with_load_balancer(LoadBalancerName=name, Instances=instances)
