"""Unsafe things that harm nobody: what `snapback selftest` makes in a sandbox account, one a guardrail.

The call that makes a thing also marks it, so that `leftovers` finds it after a kill: by its name, path or tag. Nobody can
reach, assume or use any of them, not even for a second.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snapback.selftest.sandbox import PATH, tagged, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from snapback.selftest.sandbox import Sandbox

ANYWHERE = "0.0.0.0/0"
_SSH = {"From": 22, "To": 22}


def document(action: str) -> str:
    statement = {"Sid": "Selftest", "Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True, slots=True)
class Example:
    """`make` answers the resource's id, as the guardrail's kind has it; `is_unsafe` asks AWS itself, not Snapback."""

    guardrail: str
    what: str
    make: Callable[[Sandbox], str]
    is_unsafe: Callable[[Sandbox, str], bool]
    taggable: bool = True


def bucket(aws: Sandbox, what: str) -> str:
    """Empty, ACLs disabled, all of Block Public Access on.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
    """
    s3, name = aws.client("s3"), aws.name(f"{aws.account}-{what}")
    where = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **where)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags()})
    return name


def block(*, acls: bool) -> dict[str, bool]:
    return {
        "BlockPublicAcls": acls,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }


def weakened_block(aws: Sandbox) -> str:
    name = bucket(aws, "block")
    aws.client("s3").put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block(acls=False))
    return name


def has_weak_block(aws: Sandbox, name: str) -> bool:
    found = aws.client("s3").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return not found["BlockPublicAcls"]


def plain_http(aws: Sandbox) -> str:
    name = bucket(aws, "http")
    aws.client("s3").put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block(acls=True))
    return name


def has_no_policy(aws: Sandbox, name: str) -> bool:
    s3 = aws.client("s3")
    with suppress(s3.exceptions.from_code("NoSuchBucketPolicy")):
        s3.get_bucket_policy(Bucket=name)
        return False
    return True


def open_group(aws: Sandbox) -> str:
    ec2, name = aws.client("ec2"), aws.name("group")
    asked = {"GroupName": name, "Description": "snapback selftest, attached to nothing", "VpcId": aws.vpc}
    group = str(ec2.create_security_group(**asked, TagSpecifications=tagged("security-group"))["GroupId"])
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": ANYWHERE}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return group


def has_rules(aws: Sandbox, group: str) -> bool:
    (found,) = aws.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


def default_group(aws: Sandbox) -> str:
    """The one that AWS makes with a VPC; one more rule tells the event."""
    ec2 = aws.client("ec2")
    asked = [{"Name": "vpc-id", "Values": [aws.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (found,) = ec2.describe_security_groups(Filters=asked)["SecurityGroups"]
    group = str(found["GroupId"])
    ec2.create_tags(Resources=[group], Tags=tags())
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.255.255.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return group


def open_acl(aws: Sandbox) -> str:
    ec2 = aws.client("ec2")
    acl = ec2.create_network_acl(VpcId=aws.vpc, TagSpecifications=tagged("network-acl"))["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl,
        RuleNumber=100,
        Protocol="6",
        PortRange=_SSH,
        RuleAction="allow",
        Egress=False,
        CidrBlock=ANYWHERE,
    )
    return f"{acl}/100"


def has_entry(aws: Sandbox, entry: str) -> bool:
    acl = entry.partition("/")[0]
    (found,) = aws.client("ec2").describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    return any(each["RuleNumber"] == 100 and not each["Egress"] for each in found["Entries"])  # noqa: PLR2004


def assigning_subnet(aws: Sandbox) -> str:
    ec2 = aws.client("ec2")
    asked = {"VpcId": aws.vpc, "CidrBlock": "10.255.255.0/28", "TagSpecifications": tagged("subnet")}
    subnet = str(ec2.create_subnet(**asked)["Subnet"]["SubnetId"])
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    return subnet


def assigns(aws: Sandbox, subnet: str) -> bool:
    (found,) = aws.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"]
    return bool(found["MapPublicIpOnLaunch"])


def unscanned_repository(aws: Sandbox) -> str:
    ecr, name = aws.client("ecr"), aws.name("images")
    ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True}, tags=tags())
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": False})
    return name


def is_unscanned(aws: Sandbox, name: str) -> bool:
    (found,) = aws.client("ecr").describe_repositories(repositoryNames=[name])["repositories"]
    return not found["imageScanningConfiguration"]["scanOnPush"]


def policy(action: str) -> Callable[[Sandbox], str]:
    """A customer managed policy that nobody has."""

    def make(aws: Sandbox) -> str:
        iam, name = aws.client("iam"), aws.name(action.replace(":", "-").replace("*", "all"))
        asked = {"PolicyName": name, "Path": PATH, "PolicyDocument": document(action), "Tags": tags()}
        iam.create_policy(**asked)
        return f"{PATH[1:]}{name}"

    return make


def grants(action: str) -> Callable[[Sandbox, str], bool]:
    def is_unsafe(aws: Sandbox, id: str) -> bool:
        iam, arn = aws.client("iam"), aws.iam_arn(f"policy/{id}")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return any(each["Action"] == action for each in found["Statement"])

    return is_unsafe


def user_with_policy(aws: Sandbox) -> str:
    """Without password or key; its policy allows what everybody may, and no policy can deny.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    iam, name = aws.client("iam"), aws.name("user")
    iam.create_user(UserName=name, Path=PATH, Tags=tags())
    iam.put_user_policy(UserName=name, PolicyName="selftest", PolicyDocument=document("sts:GetCallerIdentity"))
    return f"user/{name}"


def has_own_policy(aws: Sandbox, user: str) -> bool:
    return bool(aws.client("iam").list_user_policies(UserName=user.partition("/")[2])["PolicyNames"])


def admin_group(aws: Sandbox) -> str:
    iam, name = aws.client("iam"), aws.name("administrators")
    iam.create_group(GroupName=name, Path=PATH)
    iam.attach_group_policy(GroupName=name, PolicyArn=aws.iam_arn("policy/AdministratorAccess", "aws"))
    return f"group/{name}"


def has_attached(aws: Sandbox, group: str) -> bool:
    asked = {"GroupName": group.partition("/")[2]}
    return bool(aws.client("iam").list_attached_group_policies(**asked)["AttachedPolicies"])


def group(action: str) -> Callable[[Sandbox], str]:
    """Without members, with an inline policy."""

    def make(aws: Sandbox) -> str:
        iam, name = aws.client("iam"), aws.name(f"group-{action.replace(':', '-')}")
        iam.create_group(GroupName=name, Path=PATH)
        iam.put_group_policy(GroupName=name, PolicyName="selftest", PolicyDocument=document(action))
        return f"group/{name}"

    return make


def has_inline(aws: Sandbox, group: str) -> bool:
    return bool(aws.client("iam").list_group_policies(GroupName=group.partition("/")[2])["PolicyNames"])


def task(what: str, **container: Any) -> Callable[[Sandbox], str]:
    """A task definition that nothing runs, of no role and an image that isn't there."""

    def make(aws: Sandbox) -> str:
        one = {"name": "selftest", "image": "snapback-selftest.invalid/nothing", "memory": 16, **container}
        found = aws.client("ecs").register_task_definition(
            family=aws.name(what), containerDefinitions=[one], tags=tags("key", "value")
        )
        return str(found["taskDefinition"]["taskDefinitionArn"]).rpartition("/")[2]

    return make


def is_active(aws: Sandbox, definition: str) -> bool:
    found = aws.client("ecs").describe_task_definition(taskDefinition=definition)
    return bool(found["taskDefinition"]["status"] == "ACTIVE")


EXAMPLES = (
    Example(
        "s3.bucket_public_access_block_weakened",
        "an empty bucket without ACLs; one of the four settings of its Block Public Access is off",
        weakened_block,
        has_weak_block,
    ),
    Example(
        "s3.bucket_allows_plain_http",
        "an empty bucket under Block Public Access, without a policy",
        plain_http,
        has_no_policy,
    ),
    Example(
        "ec2.security_group_opened_to_internet",
        "a security group that allows SSH from the internet, attached to nothing, in a VPC without a gateway",
        open_group,
        has_rules,
    ),
    Example(
        "ec2.default_group_with_rules",
        "the default security group of that VPC, with AWS's own rules and one more",
        default_group,
        has_rules,
    ),
    Example(
        "ec2.network_acl_opened_to_internet",
        "a network ACL that allows SSH from the internet, of no subnet, in that VPC",
        open_acl,
        has_entry,
    ),
    Example(
        "ec2.subnet_assigns_public_addresses",
        "an empty subnet of that VPC that assigns public addresses",
        assigning_subnet,
        assigns,
    ),
    Example("ecr.scan_on_push_off", "an empty ECR repository without scan on push", unscanned_repository, is_unscanned),
    Example(
        "iam.policy_allows_everything",
        "a customer managed policy that allows everything, attached to nobody",
        policy("*"),
        grants("*"),
    ),
    Example(
        "iam.policy_assumes_any_role",
        "a customer managed policy that allows sts:AssumeRole on every role, attached to nobody",
        policy("sts:AssumeRole"),
        grants("sts:AssumeRole"),
    ),
    Example(
        "iam.policy_decrypts_all_keys",
        "a customer managed policy that allows kms:Decrypt with every key, attached to nobody",
        policy("kms:Decrypt"),
        grants("kms:Decrypt"),
    ),
    Example(
        "iam.policy_stops_all_trails",
        "a customer managed policy that allows cloudtrail:StopLogging on every trail, attached to nobody",
        policy("cloudtrail:StopLogging"),
        grants("cloudtrail:StopLogging"),
    ),
    Example(
        "iam.policy_directly_on_user",
        "a user without password and key, with an inline policy that allows sts:GetCallerIdentity",
        user_with_policy,
        has_own_policy,
    ),
    Example(
        "iam.admin_policy_attached",
        "a group without members, with AdministratorAccess; groups can't have tags",
        admin_group,
        has_attached,
        taggable=False,
    ),
    Example(
        "iam.inline_policy_escalates",
        "a group without members, with an inline policy that allows iam:AttachUserPolicy; groups can't have tags",
        group("iam:AttachUserPolicy"),
        has_inline,
        taggable=False,
    ),
    Example(
        "iam.inline_policy_decrypts_all_keys",
        "such a group with an inline policy that allows kms:Decrypt with every key",
        group("kms:Decrypt"),
        has_inline,
        taggable=False,
    ),
    Example(
        "iam.inline_policy_stops_all_trails",
        "such a group with an inline policy that allows cloudtrail:StopLogging on every trail",
        group("cloudtrail:StopLogging"),
        has_inline,
        taggable=False,
    ),
    Example(
        "ecs.task_runs_as_host",
        "an ECS task definition with a privileged container, which nothing runs",
        task("privileged", privileged=True),
        is_active,
    ),
    Example(
        "ecs.task_root_filesystem_writable",
        "an ECS task definition with a writable root filesystem, which nothing runs",
        task("writable"),
        is_active,
    ),
)
COST = "All of it costs less than 0.01 USD: AWS charges for none of these things, only for the calls and the functions."
