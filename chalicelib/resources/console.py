"""Pages of the AWS console: one table by the kind of a resource. A kind without a page of its own has no link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from chalicelib.core.partitions import partition, partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HOSTS: Mapping[str, str] = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""By partition; those of the isolated partitions aren't public."""
_EVENT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EC2, _VPC = "ec2/home?region={region}#", "vpcconsole/home?region={region}#"
_IDENTITY = (r"(user|role|group)/(?:.*/)?([^/]+)", "iam/home?region={region}#/{0}s/details/{1}")
_FUNCTION = (r"([^ :]+).*", "lambda/home?region={region}#/functions/{0}")
_FIRST = r"([^/]+)/.*"

PAGES: Mapping[str, str | tuple[str, str]] = {
    "awslambda.Deployment": _FUNCTION,
    "awslambda.Function": _FUNCTION,
    "awslambda.FunctionUrl": _FUNCTION,
    "awslambda.Qualified": _FUNCTION,
    "cloudtrail.Trail": "cloudtrailv2/home?region={region}#/trails/{arn}",
    "codebuild.Project": "codesuite/codebuild/{account}/projects/{0}/history?region={region}",
    "dynamodb.OwnTable": "dynamodbv2/home?region={region}#table?name={0}",
    "dynamodb.Table": "dynamodbv2/home?region={region}#table?name={0}",
    "dynamodb.TableOrStream": ("([^/]+).*", "dynamodbv2/home?region={region}#table?name={0}"),
    "ec2.Address": f"{_EC2}ElasticIpDetails:AllocationId={{0}}",
    "ec2.DefaultGroup": f"{_EC2}SecurityGroup:groupId={{0}}",
    "ec2.Image": f"{_EC2}ImageDetails:imageId={{0}}",
    "ec2.Instance": f"{_EC2}InstanceDetails:instanceId={{0}}",
    "ec2.NetworkAclEntry": (_FIRST, f"{_VPC}NetworkAclDetails:networkAclId={{0}}"),
    "ec2.Peering": f"{_VPC}PeeringConnectionDetails:VpcPeeringConnectionId={{0}}",
    "ec2.SecurityGroup": f"{_EC2}SecurityGroup:groupId={{0}}",
    "ec2.Snapshot": f"{_EC2}SnapshotDetails:snapshotId={{0}}",
    "ec2.Subnet": f"{_VPC}SubnetDetails:subnetId={{0}}",
    "ec2.Suspect": (_FIRST, f"{_EC2}InstanceDetails:instanceId={{0}}"),
    "ec2.TransitGateway": f"{_VPC}TransitGatewayDetails:transitGatewayId={{0}}",
    "ec2.Volume": f"{_EC2}VolumeDetails:volumeId={{0}}",
    "ec2.Vpc": f"{_VPC}VpcDetails:VpcId={{0}}",
    "ecr.Image": (r"(.+)@(.+)", "ecr/repositories/private/{account}/{0}/_/image/{1}/details?region={region}"),
    "ecr.Repository": "ecr/repositories/private/{account}/{0}?region={region}",
    "ecs.Service": (r"([^/]+)/(.+)", "ecs/v2/clusters/{0}/services/{1}?region={region}"),
    "ecs.TaskDefinition": (r"(.+):(\d+)", "ecs/v2/task-definitions/{0}/{1}/containers?region={region}"),
    "efs.FileSystem": "efs/home?region={region}#/file-systems/{0}",
    "eks.AccessEntry": (_FIRST, "eks/clusters/{0}?region={region}"),
    "eks.Cluster": "eks/clusters/{0}?region={region}",
    "events.Bus": "events/home?region={region}#/eventbus/{0}",
    "events.OwnRule": "events/home?region={region}#/eventbus/default/rules/{0}",
    "iam.AccessKey": (_FIRST, "iam/home?region={region}#/users/details/{0}?section=security_credentials"),
    "iam.Bounded": _IDENTITY,
    "iam.ConsoleUser": _IDENTITY,
    "iam.Identity": _IDENTITY,
    "iam.ManagedPolicy": "iam/home?region={region}#/policies/details/{arn}",
    "iam.Role": _IDENTITY,
    "iam.Sessions": (r"(user|role)/([^/]+)/.*", _IDENTITY[1]),
    "iam.User": _IDENTITY,
    "kinesis.Stream": "kinesis/home?region={region}#/streams/details/{0}/monitoring",
    "kms.Key": "kms/home?region={region}#/kms/keys/{0}",
    "rolesanywhere.TrustAnchor": "rolesanywhere/home/trust-anchors/{0}?region={region}",
    "secretsmanager.Secret": ("(.+)-[A-Za-z0-9]{6}", "secretsmanager/secret?name={0}&region={region}"),
    "sns.Topic": "sns/v3/home?region={region}#/topic/{arn}",
    "sqs.Queue": "sqs/v3/home?region={region}#/queues/https%3A%2F%2Fsqs.{region}.{suffix}%2F{account}%2F{0}",
    "s3.Bucket": "s3/buckets/{0}?region={region}&tab=permissions",
}
"""The part after the host; `{0}` and `{1}` are the groups of a pattern that the whole id fits, or the id itself."""


def resource_page(kind: str, id: str, arn: str, account: str, region: str) -> str:
    """The address of a resource's own page; nothing where there is none."""
    page = PAGES.get(kind)
    if page is None:
        return ""
    pattern, template = ("(.+)", page) if isinstance(page, str) else page
    found = re.fullmatch(pattern, id, re.DOTALL)
    if found is None:
        return ""
    parts = (quote(each, safe="/" if kind.startswith("ecr.") else "", errors="replace") for each in found.groups())
    known = {"arn": quote(arn, safe="", errors="replace"), "account": account, "region": region}
    return _address(region, template.format(*parts, **known, suffix=partition_of(region).dns_suffix))


def event_page(event_id: str, region: str) -> str:
    """The address of an event in CloudTrail's event history, which keeps management events for 90 days."""
    if not _EVENT.fullmatch(event_id):
        return ""
    return _address(region, f"cloudtrailv2/home?region={region}#/events/{event_id}")


def _address(region: str, page: str) -> str:
    host = HOSTS.get(partition(region))
    return f"https://{region}.{host}/{page}" if host else ""
