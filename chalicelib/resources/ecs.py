"""ECS. Its calls name clusters, services and task definitions by name or by ARN; a cluster that isn't named is `default`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from botocore.exceptions import ClientError

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_REVISION = re.compile(r"[A-Za-z0-9_-]{1,255}:[1-9][0-9]{0,9}")
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html and …/API_CreateService.html."""
_SERVICES_AT_ONCE, _TASKS_AT_ONCE = 10, 100
"""In one DescribeServices and DescribeTasks."""
_ON_ITS_WAY_OUT = frozenset({"DRAINING", "INACTIVE"})


@dataclass(frozen=True, slots=True)
class TaskDefinition(Resource):
    """One revision of a task definition, as in `web:7`. ECS keeps those that are deregistered, as INACTIVE."""

    cloudformation_type: ClassVar[str] = "AWS::ECS::TaskDefinition"
    gone: ClassVar[frozenset[str]] = frozenset({"ClientException"})
    """What DescribeTaskDefinition answers for one that isn't there."""
    tag_reads: ClassVar[tuple[str, ...]] = ("ecs:DescribeTaskDefinition",)
    list_reads: ClassVar[tuple[str, ...]] = ("ecs:ListTaskDefinitions",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ecs:{self.region}:{self.account}:task-definition/{self.id}"

    @property
    def family(self) -> str:
        return self.id.partition(":")[0]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """The one that is made, or that a service is to start. Which revision it is, only the answer tells."""
        arn = event.answered("taskDefinition", "taskDefinitionArn") or event.answered("service", "taskDefinition")
        revision = (arn or "").rpartition(":task-definition/")[2]
        if _REVISION.fullmatch(revision):
            yield cls(revision, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """The active ones."""
        for page in aws.client("ecs").get_paginator("list_task_definitions").paginate(status="ACTIVE"):
            for arn in page["taskDefinitionArns"]:
                yield cls(arn.rpartition("/")[2], aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """As DescribeTaskDefinition tells it."""
        return self._answer(aws)["taskDefinition"]  # type: ignore[no-any-return]

    def used_by(self, aws: Session) -> list[str]:
        """The services that ask for this revision, as `cluster/service`, and the clusters in which a task of it runs.

        Needs ecs:ListClusters, ListServices, DescribeServices, ListTasks and DescribeTasks. What starts tasks by
        itself, as EventBridge and Step Functions do, isn't found.
        """
        ecs, found = aws.client("ecs"), set[str]()
        for cluster in [arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]:
            name = cluster.rpartition("/")[2]
            with absent("ClusterNotFoundException"):  # Deleted since it was listed.
                pages = ecs.get_paginator("list_services").paginate(cluster=cluster)
                listed = [arn for page in pages for arn in page["serviceArns"]]
                for start in range(0, len(listed), _SERVICES_AT_ONCE):
                    some = listed[start : start + _SERVICES_AT_ONCE]
                    for service in ecs.describe_services(cluster=cluster, services=some)["services"]:
                        parts = (service, *rows(service, "deployments"), *rows(service, "taskSets"))
                        if any(text(part, "taskDefinition") in {self.arn, self.id} for part in parts):
                            found.add(f"{name}/{service['serviceName']}")
                pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, family=self.family)
                running = [arn for page in pages for arn in page["taskArns"]]
                for start in range(0, len(running), _TASKS_AT_ONCE):
                    some = running[start : start + _TASKS_AT_ONCE]
                    tasks = ecs.describe_tasks(cluster=cluster, tasks=some)["tasks"]
                    if any(task["taskDefinitionArn"] == self.arn for task in tasks):
                        found.add(f"tasks in {name}")
        return sorted(found)

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["key"]: tag.get("value", "") for tag in self._answer(aws, include=["TAGS"]).get("tags", [])}

    def _answer(self, aws: Session, **more: Any) -> Any:
        return aws.client("ecs").describe_task_definition(taskDefinition=self.arn, **more)


@dataclass(frozen=True, slots=True)
class Service(Resource):
    """A service, as in `cluster/service`."""

    cloudformation_type: ClassVar[str] = "AWS::ECS::Service"
    gone: ClassVar[frozenset[str]] = frozenset({"ClusterNotFoundException", "ServiceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ecs:DescribeServices",)
    list_reads: ClassVar[tuple[str, ...]] = ("ecs:ListClusters", "ecs:ListServices")
    batch_reads: ClassVar[tuple[str, ...]] = ("ecs:DescribeServices",)

    @property
    def arn(self) -> str:
        """In the form that ECS has given out since 2018; older ones leave out the cluster."""
        return f"arn:{partition(self.region)}:ecs:{self.region}:{self.account}:service/{self.id}"

    @property
    def cluster(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """An Express service is named by its ARN, or by the answer alone.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateExpressGatewayService.html
        """
        arn = event.text("serviceArn") or event.answered("service", "serviceArn") or ""
        of_arn, _, named_by_arn = arn.partition(":service/")[2].partition("/")
        cluster = (event.text("cluster") or of_arn or "default").rpartition("/")[2]
        for named in [*event.names("serviceName", "service")] or [named_by_arn]:
            name = named.rpartition("/")[2]
            if _NAME.fullmatch(cluster) and _NAME.fullmatch(name):
                yield cls(f"{cluster}/{name}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        ecs = aws.client("ecs")
        for page in ecs.get_paginator("list_clusters").paginate():
            for cluster in page["clusterArns"]:
                with absent("ClusterNotFoundException"):  # Deleted since it was listed.
                    for listed in ecs.get_paginator("list_services").paginate(cluster=cluster):
                        for arn in listed["serviceArns"]:
                            name = f"{cluster.rpartition('/')[2]}/{arn.rpartition('/')[2]}"
                            yield cls(name, aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        for cluster in sorted({each.cluster for each in some}):
            names = [each.name for each in some if each.cluster == cluster]
            for start in range(0, len(names), _SERVICES_AT_ONCE):
                asked = {"cluster": cluster, "services": names[start : start + _SERVICES_AT_ONCE]}
                for found in aws.client("ecs").describe_services(**asked)["services"]:
                    alone = {"cluster": cluster, "services": [found["serviceName"]]}
                    yield Prefetched("ecs", "DescribeServices", alone, {"services": [found]})

    def described(self, aws: Session, **more: Any) -> Mapping[str, Any]:
        """As DescribeServices tells it. One that is deleted stays listed for a while: it is gone all the same."""
        answer = aws.client("ecs").describe_services(cluster=self.cluster, services=[self.name], **more)
        for service in answer["services"]:
            if service["status"] not in _ON_ITS_WAY_OUT:
                return service  # type: ignore[no-any-return]
        raise ClientError(
            {"Error": {"Code": "ServiceNotFoundException", "Message": f"no service {self.id}"}}, "DescribeServices"
        )

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = self.described(aws, include=["TAGS"])
        return {tag["key"]: tag.get("value", "") for tag in found.get("tags", [])}
