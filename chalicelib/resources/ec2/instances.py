"""Instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import Pattern, native
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched
from chalicelib.resources.ec2.described import Described, ids_in_request, ids_in_response, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import (
        InstanceTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

COMPROMISED: Pattern = {
    **native("aws.guardduty", "GuardDuty Finding"),
    "detail": {
        "type": [{"wildcard": "*:EC2/*"}, {"wildcard": "*:Runtime/*"}],
        "resource": {"resourceType": ["Instance"]},
        "severity": [{"numeric": [">=", 7]}],
    },
}
"""GuardDuty's findings about an instance, of severity high or critical.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html
"""


@dataclass(frozen=True, slots=True)
class Instance(Described):
    """A virtual machine, by id. It is described for about an hour after it was terminated."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Instance"
    described_by: ClassVar[tuple[str, str, str, str]] = ("instances", "InstanceIds", "instance-id", "InstanceId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances", "inspector2:ListFindings")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:instance/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        launched = rows(event.detail, "responseElements", "instancesSet")
        for instance in (
            *ids_in_request(event, "instanceId"),
            *ids_in_response(event, "iamInstanceProfileAssociation", "instanceId"),
            *(text(each, "instanceId") for each in launched),
            *_scanned(event),
        ):
            if instance and is_id("i", instance):
                yield cls(instance, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_instances").paginate():
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    yield cls(instance["InstanceId"], aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """Which of them the internet reaches, by Amazon Inspector, too."""
        # `super()` alone fails: with slots, the decorator makes a new class.
        yield from super(Instance, cls).batch_read(some, aws)
        for start in range(0, len(some), _INSPECTED):
            ids = [each.id for each in some[start : start + _INSPECTED]]
            found: dict[str, list[Any]] = {instance: [] for instance in ids}
            for each in inspected(aws, ids, **REACHED):
                for instance in {text(one, "id") or "" for one in rows(each, "resources")} & found.keys():
                    found[instance].append(each)
            for instance, findings in found.items():
                asked = {"filterCriteria": _criteria([instance], **REACHED)}
                yield Prefetched("inspector2", "ListFindings", asked, {"findings": findings})

    @classmethod
    def _in(cls, page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [each for reservation in page["Reservations"] for each in reservation["Instances"]]

    @classmethod
    def _alone(cls, page: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:
        (reservation,) = (one for one in page["Reservations"] if each in one["Instances"])
        return {"Reservations": [{**reservation, "Instances": [each]}]}

    def described(self, aws: Session) -> InstanceTypeDef | None:
        """What DescribeInstances tells; None when it is terminated, or about to be."""
        (reservation,) = aws.client("ec2").describe_instances(InstanceIds=[self.id])["Reservations"]
        (found,) = reservation["Instances"]
        return None if found["State"]["Name"] in {"shutting-down", "terminated"} else found

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = self.described(aws)
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])} if found else {}


@dataclass(frozen=True, slots=True)
class Suspect(Resource):
    """An instance that GuardDuty reported at a time, as in `i-0123/2026-11-23T10:00:00Z`.

    The ARN is the instance's own: what is said about it in the settings holds for it.
    """

    cloudformation_type: ClassVar[str] = "AWS::EC2::Instance"
    gone: ClassVar[frozenset[str]] = Instance.gone
    tag_reads: ClassVar[tuple[str, ...]] = Instance.tag_reads

    @property
    def arn(self) -> str:
        return self.instance.arn

    @property
    def instance(self) -> Instance:
        return Instance(self.id.partition("/")[0], self.account, self.region)

    @property
    def since(self) -> str:
        """In UTC, to the second."""
        return self.id.partition("/")[2]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Of a finding about the event's own account. A port that is probed is open, and nobody is in yet."""
        instance = text(event.detail, "resource", "instanceDetails", "instanceId")
        probed = (text(event.detail, "type") or "").startswith("Recon:EC2/PortProbe")
        own = text(event.detail, "accountId") in {None, event.account}
        if instance and is_id("i", instance) and own and not probed:
            since = event.time.isoformat(timespec="seconds").replace("+00:00", "Z")
            yield cls(f"{instance}/{since}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """None: only the event tells."""
        return iter(())

    def tags(self, aws: Session) -> Mapping[str, str]:
        return self.instance.tags(aws)


REACHED = {"findingType": "NETWORK_REACHABILITY"}
_INSPECTED = 10
"""Values that a filter of Amazon Inspector takes."""


def inspected(aws: Session, ids: Sequence[str], **wanted: str) -> list[Any]:
    """Amazon Inspector's active findings about some instances. Needs inspector2:ListFindings.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
    """
    pages = aws.client("inspector2").get_paginator("list_findings").paginate(filterCriteria=_criteria(ids, **wanted))
    return [each for page in pages for each in page["findings"]]


def _criteria(ids: Sequence[str], **wanted: str) -> dict[str, Any]:
    values = {"findingStatus": "ACTIVE", **wanted}
    filters = {name: [{"comparison": "EQUALS", "value": value}] for name, value in values.items()}
    return {"resourceId": [{"comparison": "EQUALS", "value": each} for each in ids], **filters}


def _scanned(event: Event) -> Iterator[str]:
    """What Amazon Inspector reports; an administrator's account gets its members' findings too, as they are.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    if event.name == "Inspector2 Finding" and text(event.detail, "awsAccountId") in {None, event.account}:
        yield from (name for each in rows(event.detail, "resources") if (name := text(each, "id")))
