"""The policies as they are deployed: the templates with their parameters, and what belongs to one role taken together."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from snapback.deploy.iam_policies import functions, logical_id, policy_of
from snapback.deploy.template import member, roles
from snapback.deploy.template.parts import beside
from snapback.deploy.template.whole import template
from tests.support.evaluator import ORGANIZATION
from tests.support.events import HOME, REGION, STACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MEMBER = "345678901234"
KEY = f"arn:aws:kms:{REGION}:{HOME}:key/12345678-1234-4234-8234-123456789012"
OPERATOR = f"arn:aws:iam::{HOME}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_SecurityOps_1"
EXTERNAL_ID = "correct-horse-battery-staple"
CHOICES: dict[str, tuple[str, ...]] = {
    "PermissionsBoundary": ("", "snapback-boundary"),
    "KmsKeyArn": ("", KEY),
    "Operators": ("", OPERATOR.replace("_1", "_*")),
    "ExportsBus": ("", f"arn:aws:events:{REGION}:{HOME}:event-bus/siem"),
    "ExportsBucket": ("", "arn:aws:s3:::findings"),
    "Settings": ("packaged", "ssm", "appconfig"),
    "OrganizationId": ("", ORGANIZATION),
}
"""The home stack's parameters that change what somebody may."""
_GUARDED = {
    "AWS::SQS::QueuePolicy": "Queues",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::Events::EventBusPolicy": "EventBusName",
}
"""Where a resource's policy names what it is for."""
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:{account}:table/snapback-{name}-1A2B3C",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:{account}:event-bus/snapback-members",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/snapback-{name}-1A2B3C4D5E6F",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:{account}:function:snapback-{name}-1A2B3C",
    "AWS::S3::Bucket": "arn:aws:s3:::snapback-spill-1a2b3c",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:{account}:snapback-{name}-1A2B3C",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:{account}:snapback-{name}-1A2B3C",
}


@dataclass
class Role:
    """`policies`, `boundary` and `trust` are JSON."""

    arn: str
    policies: list[str]
    boundary: str | None = None
    trust: str = ""


@dataclass
class Stack:
    """A template's resources with these parameters, in an account; `roles` by their logical ids."""

    account: str
    source: Mapping[str, Any]
    parameters: dict[str, str]
    roles: dict[str, Role] = field(default_factory=dict)
    guarded: dict[str, str] = field(default_factory=dict)
    """The policies of resources, as JSON, by the resources' ARNs."""

    def __post_init__(self) -> None:
        given = {name: each.get("Default", "") for name, each in self.source["Parameters"].items()}
        self.parameters = {name: str(value) for name, value in (given | self.parameters).items()}
        resources = self.resources
        bounded = self.text(_boundary()) if self.parameters.get("PermissionsBoundary") else None
        managed: dict[str, list[str]] = {}
        for name, each in resources.items():
            if each.get("Type") == "AWS::IAM::ManagedPolicy":
                text = self.text(each["Properties"]["PolicyDocument"])
                for at in (name, *(role["Ref"] for role in each["Properties"].get("Roles", ()))):
                    managed.setdefault(at, []).append(text)
        for name, each in resources.items():
            if each.get("Type") == "AWS::IAM::Role":
                self.roles[name] = self._role(name, each["Properties"], managed, bounded)
        for function in functions() if self.account == HOME else ():  # SAM makes these roles, from Chalice's policies.
            logical = beside(logical_id(function), "Role")
            assert self.source["Resources"][logical]["Properties"].items() >= roles.BOUNDED.items()
            policies = [self.text(_policy_of(function)), *managed.get(logical, [])]
            self.roles[function] = Role(_ARNS["AWS::IAM::Role"].format(account=HOME, name=logical), policies, bounded)
        for each in resources.values():
            if named := _GUARDED.get(each.get("Type", "")):
                properties = each["Properties"]
                document = properties.get("PolicyDocument") or {"Statement": [properties["Statement"]]}
                which = properties[named] if isinstance(properties[named], list) else [properties[named]]
                self.guarded |= {self.arn(ref["Ref"]): self.text(document) for ref in which}

    @cached_property
    def resources(self) -> dict[str, Any]:
        """What there is with these parameters."""
        every = self.source["Resources"].items()
        return {name: each for name, each in every if "Condition" not in each or self.holds(each["Condition"])}

    @cached_property
    def trusts(self) -> dict[str, str]:
        """Of roles by their ARNs."""
        return {role.arn: role.trust for role in self.roles.values()}

    def environment(self, function: str) -> dict[str, str]:
        """The variables that a function finds."""
        found: dict[str, str] = self.plain(
            self.resources[logical_id(function)]["Properties"]["Environment"]["Variables"]
        )
        return found

    def arn(self, logical: str) -> str:
        """What `Fn::GetAtt` answers for a resource's ARN."""
        name, _, attribute = logical.partition(".")
        kind = self.source["Resources"].get(name, {}).get("Type") or "AWS::Lambda::Function"
        found = _ARNS[kind].format(account=self.account, name=name)
        return f"{found}/stream/2026-11-23T00:00:00.000" if attribute == "StreamArn" else found

    def holds(self, condition: str) -> bool:
        return self._true(self.source["Conditions"][condition])

    def text(self, document: Any) -> str:
        """A document as JSON; made once for all stacks that differ in nothing that it names."""
        raw = json.dumps(document)
        names, conditions = _named_in(raw, tuple(self.parameters), tuple(self.source["Conditions"]))
        named = [(name, self.parameters[name]) for name in names]
        held = [(name, self.holds(name)) for name in conditions]
        key = (self.account, id(self.source), raw, *named, *held)
        if key not in _TEXTS:
            _TEXTS[key] = json.dumps(self.plain(document)), self.source
        return _TEXTS[key][0]

    def plain(self, value: Any) -> Any:
        """Without intrinsics, and without what is AWS::NoValue."""
        if isinstance(value, list):
            return [found for each in value if (found := self.plain(each)) is not None]
        if not isinstance(value, dict):
            return value
        name = next(iter(value)) if len(value) == 1 else ""
        if name in self._intrinsics:
            return self._intrinsics[name](value[name])
        return {key: found for key, each in value.items() if (found := self.plain(each)) is not None}

    @property
    def _intrinsics(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda given: self.arn(".".join(given)),
            "Fn::Sub": lambda given: re.sub(r"\$\{((?!aws:)[^}]+)\}", lambda found: self._sub(found[1]), given),
            "Fn::If": lambda given: self.plain(given[1] if self.holds(given[0]) else given[2]),
        }

    def _role(self, name: str, properties: Any, managed: Mapping[str, list[str]], bounded: str | None) -> Role:
        attached = [text for each in properties.get("ManagedPolicyArns", ()) for text in managed[each["Ref"]]]
        inline = [self.text(each["PolicyDocument"]) for each in properties.get("Policies", ())]
        arn = f"arn:aws:iam::{self.account}:role/{properties.get('RoleName', f'snapback-{name}-1A2B3C4D5E6F')}"
        trust = self.text(properties["AssumeRolePolicyDocument"])
        return Role(arn, [*inline, *attached, *managed.get(name, [])], bounded, trust)

    def _ref(self, name: str) -> Any:
        fixed = {
            "AWS::Partition": "aws",
            "AWS::AccountId": self.account,
            "AWS::StackName": "snapback",
            "AWS::Region": REGION,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
            "AWS::StackId": STACK,
        }
        if name in fixed or name in self.parameters:
            return fixed[name] if name in fixed else self.parameters[name]
        kind = self.source["Resources"][name].get("Type", "")
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{self.account}/snapback-{name}-1A2B3C"
        if kind == "AWS::S3::Bucket":
            return self.arn(name).rpartition(":")[2]
        return self.arn(name) if kind == "AWS::SNS::Topic" else f"snapback-{name}-1A2B3C"

    def _sub(self, name: str) -> str:
        return self.arn(name) if name.endswith(".Arn") else str(self._ref(name))

    def _true(self, condition: Any) -> bool:
        ((name, given),) = condition.items()
        if name == "Condition":
            return self.holds(given)
        if name == "Fn::Equals":
            one, other = map(self.plain, given)
            return bool(one == other)
        if name == "Fn::Not":
            return not self._true(given[0])
        return {"Fn::And": all, "Fn::Or": any}[name](map(self._true, given))


_policy_of = cache(policy_of)
_TEXTS: dict[Any, tuple[str, Any]] = {}
"""With the template, which so keeps its id."""


@cache
def _named_in(raw: str, parameters: tuple[str, ...], conditions: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Which of them a document names, or may."""
    return [name for name in parameters if name in raw], [name for name in conditions if f'"{name}"' in raw]


@cache
def _boundary() -> Any:
    document = roles.boundary_template()["Resources"]["Boundary"]["Properties"]["PolicyDocument"]
    return json.loads(json.dumps(document).replace("${HomeStack}", "snapback"))


@cache
def homes() -> tuple[Stack, ...]:
    """The home stack in all combinations of its parameters."""
    made = template()
    every = (dict(zip(CHOICES, chosen, strict=True)) for chosen in product(*CHOICES.values()))
    return tuple(Stack(HOME, made, each) for each in every)


@cache
def members() -> tuple[Stack, ...]:
    made = member.template()
    bounds, operators = CHOICES["PermissionsBoundary"], CHOICES["Operators"]
    return tuple(
        Stack(
            MEMBER,
            made,
            {
                "HomeAccount": HOME,
                "HomeStack": "snapback",
                "HomeBus": f"arn:aws:events:{REGION}:{HOME}:event-bus/snapback-members",
                "OrganizationId": ORGANIZATION,
                "ExternalId": EXTERNAL_ID,
                "PermissionsBoundary": bound,
                "Operators": operator,
            },
        )
        for bound in bounds
        for operator in operators
    )
