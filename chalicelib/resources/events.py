"""EventBridge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BUS = re.compile(r"[A-Za-z0-9/._-]{1,256}")
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html"""
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule(Resource):
    """A rule, as in `nightly`, or `orders/nightly` where it is on another bus than the default one."""

    cloudformation_type: ClassVar[str] = "AWS::Events::Rule"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("events:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("events:ListEventBuses", "events:ListRules")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:events:{self.region}:{self.account}:rule/{self.id}"

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def bus(self) -> str:
        return self.id.rpartition("/")[0] or DEFAULT

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Calls about a rule call it `name`, those about its targets `rule`; a bus may be named by its ARN."""
        bus = (event.text("eventBusName") or DEFAULT).rpartition(":event-bus/")[2]
        for name in event.names("rule") if event.name.endswith("Targets") else event.names("name"):
            if _NAME.fullmatch(name) and _BUS.fullmatch(bus):
                yield cls(name if bus == DEFAULT else f"{bus}/{name}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for bus in _buses(aws):
            for page in aws.client("events").get_paginator("list_rules").paginate(EventBusName=bus):
                for rule in page["Rules"]:
                    yield cls(rule["Name"] if bus == DEFAULT else f"{bus}/{rule['Name']}", aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What DescribeRule tells: State, EventPattern, Description…"""
        found: Mapping[str, Any] = aws.client("events").describe_rule(Name=self.name, EventBusName=self.bus)
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("events").list_tags_for_resource(ResourceARN=self.arn)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


@dataclass(frozen=True, slots=True)
class Bus(Named):
    """An event bus, by name."""

    cloudformation_type: ClassVar[str] = "AWS::Events::EventBus"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("events:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("events:ListEventBuses",)
    arn_service: ClassVar[str] = "events"
    arn_begin: ClassVar[str] = "event-bus/"
    pattern: ClassVar[re.Pattern[str]] = _BUS

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        return cls.given(event, event.text("eventBusName") or DEFAULT)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for name in _buses(aws):
            yield cls(name, aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("events").list_tags_for_resource(ResourceARN=self.arn)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


def _buses(aws: Session) -> Iterator[str]:
    """ListEventBuses has no paginator."""
    more: dict[str, str] = {}
    while True:
        found = aws.client("events").list_event_buses(**more)
        yield from (bus["Name"] for bus in found["EventBuses"])
        if not found.get("NextToken"):
            return
        more = {"NextToken": found["NextToken"]}


@dataclass(frozen=True, slots=True)
class OwnRule(Rule):
    """A rule that may be of Snapback's own stack. A deleted one is a finding and not `gone`."""

    gone: ClassVar[frozenset[str]] = frozenset()
    name_pattern: ClassVar[str] = "${AWS::StackName}-*"

    def tags(self, aws: Session) -> Mapping[str, str]:
        """None of a deleted rule."""
        found: dict[str, str] = {}
        with absent("ResourceNotFoundException"):
            found |= Rule.tags(self, aws)
        return found
