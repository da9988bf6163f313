"""EKS. What changes a cluster's settings is taken at once, and carried out in minutes: DescribeCluster tells the old ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import unquote

from chalicelib.core.event import rows
from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
"""https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html"""
_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:(?:role|user)/[!-~]{1,600}")
_GONE = frozenset({"ResourceNotFoundException"})


@dataclass(frozen=True, slots=True)
class Cluster(Resource):
    """A cluster, by name."""

    cloudformation_type: ClassVar[str] = "AWS::EKS::Cluster"
    gone: ClassVar[frozenset[str]] = _GONE
    tag_reads: ClassVar[tuple[str, ...]] = ("eks:DescribeCluster",)
    list_reads: ClassVar[tuple[str, ...]] = ("eks:ListClusters",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:eks:{self.region}:{self.account}:cluster/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for name in event.names("name", "clusterName"):
            if _NAME.fullmatch(name):
                yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("eks").get_paginator("list_clusters").paginate():
            for name in page["clusters"]:
                yield cls(name, aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """As DescribeCluster tells it."""
        return aws.client("eks").describe_cluster(name=self.id)["cluster"]  # type: ignore[no-any-return]

    def under_way(self, aws: Session) -> dict[str, Any]:
        """What the update that EKS is carrying out sets, as in `{"PublicAccessCidrs": ["0.0.0.0/0"]}`; nothing without one.

        EKS carries out one at a time. The names are those of UpdateParam, the values JSON:
        https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateParam.html. Needs eks:ListUpdates, DescribeUpdate.
        """
        if self.described(aws)["status"] != "UPDATING":
            return {}
        eks = aws.client("eks")
        for page in eks.get_paginator("list_updates").paginate(name=self.id):
            for each in page["updateIds"]:
                update = eks.describe_update(name=self.id, updateId=each)["update"]
                if update["status"] == "InProgress":
                    return {param["type"]: _opened(param["value"]) for param in rows(update, "params")}
        return {}

    def tags(self, aws: Session) -> Mapping[str, str]:
        return dict(self.described(aws).get("tags") or {})


@dataclass(frozen=True, slots=True)
class AccessEntry(Resource):
    """What an IAM principal may do in a cluster, as in `prod/arn:aws:iam::123456789012:role/deploy`."""

    cloudformation_type: ClassVar[str] = "AWS::EKS::AccessEntry"
    gone: ClassVar[frozenset[str]] = _GONE
    tag_reads: ClassVar[tuple[str, ...]] = ("eks:DescribeAccessEntry",)
    list_reads: ClassVar[tuple[str, ...]] = ("eks:ListClusters", "eks:ListAccessEntries")

    @property
    def cluster(self) -> str:
        return self.id.partition("/")[0]

    @property
    def principal(self) -> str:
        return self.id.partition("/")[2]

    @property
    def arn(self) -> str:
        """As in `…:access-entry/prod/role/123456789012/deploy`: AWS adds an id that only it knows."""
        account, _, named = self.principal.partition("::")[2].partition(":")
        kind, _, name = named.partition("/")
        cluster = f"arn:{partition(self.region)}:eks:{self.region}:{self.account}:access-entry/{self.cluster}"
        return f"{cluster}/{kind}/{account}/{name.rpartition('/')[2]}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """CloudTrail tells the principal as it stood in the call's path: `arn%3Aaws%3Aiam…`."""
        cluster = event.text("name") or event.text("clusterName") or ""
        principal = unquote(event.text("principalArn") or "")
        if _NAME.fullmatch(cluster) and _PRINCIPAL.fullmatch(principal):
            yield cls(f"{cluster}/{principal}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """Clusters that take the aws-auth ConfigMap alone have none, and say so with an error."""
        for cluster in Cluster.all_in(aws):
            pages = aws.client("eks").get_paginator("list_access_entries").paginate(clusterName=cluster.id)
            with absent("InvalidRequestException", "ResourceNotFoundException"):
                for principal in [each for page in pages for each in page["accessEntries"]]:
                    yield cls(f"{cluster.id}/{principal}", aws.account, aws.region)

    def policies(self, aws: Session) -> Iterator[Mapping[str, Any]]:
        """Its access policies: policyArn and accessScope. Needs eks:ListAssociatedAccessPolicies."""
        pages = aws.client("eks").get_paginator("list_associated_access_policies")
        for page in pages.paginate(clusterName=self.cluster, principalArn=self.principal):
            yield from page["associatedAccessPolicies"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        answer = aws.client("eks").describe_access_entry(clusterName=self.cluster, principalArn=self.principal)
        return dict(answer["accessEntry"].get("tags") or {})


def _opened(value: str) -> Any:
    try:
        return json.loads(value.lower() if value in {"True", "False"} else value)
    except (ValueError, RecursionError):
        return value
