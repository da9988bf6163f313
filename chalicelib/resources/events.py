"""EventBridge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent

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
        client = aws.client("events")
        more: dict[str, str] = {}
        while True:  # ListEventBuses has no paginator.
            buses = client.list_event_buses(**more)
            for bus in buses["EventBuses"]:
                for page in client.get_paginator("list_rules").paginate(EventBusName=bus["Name"]):
                    for rule in page["Rules"]:
                        begin = "" if bus["Name"] == DEFAULT else f"{bus['Name']}/"
                        yield cls(f"{begin}{rule['Name']}", aws.account, aws.region)
            if not buses.get("NextToken"):
                return
            more = {"NextToken": buses["NextToken"]}

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What DescribeRule tells: State, EventPattern, Description…"""
        found: Mapping[str, Any] = aws.client("events").describe_rule(Name=self.name, EventBusName=self.bus)
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("events").list_tags_for_resource(ResourceARN=self.arn)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


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
