"""What selftests left, killed ones too, and how each thing goes, in the order in which AWS lets them go.

By mark alone, and never with contents: AWS deletes no bucket with objects, no user with keys, no group with members.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from snapback.selftest.sandbox import KEY, PATH, PREFIX, VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snapback.selftest.sandbox import Sandbox

    Leftover = tuple[str, Callable[[], Any]]


def buckets(aws: Sandbox) -> Iterator[Leftover]:
    s3 = aws.client("s3")
    for page in s3.get_paginator("list_buckets").paginate(Prefix=f"{PREFIX}{aws.account}-", BucketRegion=aws.region):
        for each in page["Buckets"]:
            if each["Name"].startswith(f"{PREFIX}{aws.account}-"):
                yield f"bucket {each['Name']}", partial(s3.delete_bucket, Bucket=each["Name"])


def network(aws: Sandbox) -> Iterator[Leftover]:
    ec2 = aws.client("ec2")
    for vpc in ec2.describe_vpcs(Filters=[{"Name": f"tag:{KEY}", "Values": [VALUE]}])["Vpcs"]:
        inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        for each in ec2.describe_subnets(Filters=inside)["Subnets"]:
            yield f"subnet {each['SubnetId']}", partial(ec2.delete_subnet, SubnetId=each["SubnetId"])
        for each in ec2.describe_network_acls(Filters=inside)["NetworkAcls"]:
            if not each["IsDefault"]:
                asked = {"NetworkAclId": each["NetworkAclId"]}
                yield f"network ACL {each['NetworkAclId']}", partial(ec2.delete_network_acl, **asked)
        for each in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]:
            if each["GroupName"] != "default":
                yield f"security group {each['GroupId']}", partial(ec2.delete_security_group, GroupId=each["GroupId"])
        yield f"VPC {vpc['VpcId']}", partial(ec2.delete_vpc, VpcId=vpc["VpcId"])


def repositories(aws: Sandbox) -> Iterator[Leftover]:
    ecr = aws.client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for each in page["repositories"]:
            if (name := each["repositoryName"]).startswith(PREFIX):
                yield f"ECR repository {name}", partial(ecr.delete_repository, repositoryName=name)


def identities(aws: Sandbox) -> Iterator[Leftover]:
    iam = aws.client("iam")
    for each in _of_path(iam, "list_users", "Users"):
        yield f"user {each['UserName']}", partial(_delete_user, iam, each["UserName"])
    for each in _of_path(iam, "list_groups", "Groups"):
        yield f"group {each['GroupName']}", partial(_delete_group, iam, each["GroupName"])


def _of_path(iam: Any, listing: str, key: str, **asked: Any) -> Iterator[Any]:
    for page in iam.get_paginator(listing).paginate(PathPrefix=PATH, **asked):
        yield from (each for each in page[key] if each["Path"] == PATH)


def _delete_user(iam: Any, name: str) -> None:
    for each in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=each)
    iam.delete_user(UserName=name)


def _delete_group(iam: Any, name: str) -> None:
    for each in iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]:
        iam.detach_group_policy(GroupName=name, PolicyArn=each["PolicyArn"])
    for each in iam.list_group_policies(GroupName=name)["PolicyNames"]:
        iam.delete_group_policy(GroupName=name, PolicyName=each)
    iam.delete_group(GroupName=name)


def policies(aws: Sandbox) -> Iterator[Leftover]:
    iam = aws.client("iam")
    for each in _of_path(iam, "list_policies", "Policies", Scope="Local"):
        yield f"policy {each['PolicyName']}", partial(_delete_policy, iam, each["Arn"])


def _delete_policy(iam: Any, arn: str) -> None:
    for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not each["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def tasks(aws: Sandbox) -> Iterator[Leftover]:
    """Deregistered, then deleted; ECS forgets them by itself then.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html
    """
    ecs = aws.client("ecs")
    for status in ("ACTIVE", "INACTIVE"):
        for page in ecs.get_paginator("list_task_definition_families").paginate(familyPrefix=PREFIX, status=status):
            for family in page["families"]:
                asked = {"familyPrefix": family, "status": status}
                for found in ecs.get_paginator("list_task_definitions").paginate(**asked):
                    for arn in found["taskDefinitionArns"]:
                        yield (
                            f"task definition {arn.rpartition('/')[2]}",
                            partial(_delete_task, ecs, arn, status),
                        )


def _delete_task(ecs: Any, arn: str, status: str) -> None:
    if status == "ACTIVE":
        ecs.deregister_task_definition(taskDefinition=arn)
    ecs.delete_task_definitions(taskDefinitions=[arn])


FINDERS = (buckets, network, repositories, identities, policies, tasks)
"""All marked things of the region, service by service."""
