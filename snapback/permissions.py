"""What a person's own credentials need for each command: one table, held against the calls that are really made."""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib import catalog
from chalicelib.aws import change_author
from snapback.deploy.iam_resources import arns_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.core.rule import Guardrail

STACK = "cloudformation:stack/{stack}/*"
TABLE = "dynamodb:table/{stack}-Ledger-*"
INDEX = "dynamodb:table/{stack}-Ledger-*/index/*"
QUEUES = ("sqs:{stack}-DeadLetters-*", "sqs:{stack}-FailedMessages-*")
LOOKS = "sqs:{stack}-SecondLooks-*"
FUNCTIONS = "lambda:function:{stack}-*"
SPILL = "s3:::{lower}-spill-*/*"
PARAMETER = "ssm:parameter/{stack}/settings"
READERS = "iam:role/snapback-reader"

Needs = dict[str, tuple[str, ...]]
"""Actions, each with its resources: the service, then what stands in an ARN after the account."""


def _on(resources: str | tuple[str, ...], *actions: str) -> Needs:
    return dict.fromkeys(actions, (resources,) if isinstance(resources, str) else resources)


_FIND = _on(STACK, "cloudformation:DescribeStacks")
_READ = _FIND | _on(TABLE, "dynamodb:GetItem")
_LIST = _FIND | _on(TABLE, "dynamodb:BatchGetItem") | _on(INDEX, "dynamodb:Query")
_SPILT = _on(SPILL, "s3:GetObject")
_RECORD = _READ | _on(INDEX, "dynamodb:Query") | _SPILT
"""A record by its id, or by the first characters of it."""
_SWITCH = _READ | _on(TABLE, "dynamodb:PutItem")
_LETTERS = _FIND | _on(QUEUES, "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility")
_WRITE = _on(TABLE, "dynamodb:PutItem", "dynamodb:UpdateItem") | _on(SPILL, "s3:PutObject")
_DECIDE = _RECORD | _WRITE
_STATUS = _READ | _on(INDEX, "dynamodb:Query") | _on(QUEUES, "sqs:GetQueueAttributes")
_TRAILS = ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors")


class Command(NamedTuple):
    """`reads` and `writes`: whether it also does what guardrails and fixes do, with the person's credentials."""

    needs: Needs
    reads: bool = False
    writes: bool = False


NEEDS = {
    "records": Command(_LIST | _SPILT | _on(QUEUES[0], "sqs:GetQueueAttributes")),
    "show": Command(_RECORD),
    "approve": Command(_DECIDE, reads=True, writes=True),
    "fix": Command(_DECIDE, reads=True, writes=True),
    "undo": Command(_DECIDE, reads=True, writes=True),
    "status": Command(_STATUS),
    "doctor": Command(_STATUS | _on("*", *_TRAILS) | _on("iam:role/snapback-*", "iam:GetRole")),
    "pause": Command(_SWITCH),
    "resume": Command(_SWITCH),
    "dlq list": Command(_LETTERS),
    "dlq show": Command(_LETTERS),
    "dlq drop": Command(_LETTERS | _on(QUEUES, "sqs:DeleteMessage")),
    "dlq redrive": Command(
        _LETTERS
        | _on(QUEUES, "sqs:DeleteMessage")
        | _on(LOOKS, "sqs:SendMessage")
        | _on(FUNCTIONS, "lambda:InvokeFunction")
    ),
    "settings publish": Command(_FIND | _on(PARAMETER, "ssm:GetParameter", "ssm:PutParameter")),
    "accounts check": Command(_LIST | _on(READERS, "sts:AssumeRole")),
    "sweep": Command(
        _READ | _SPILT | _WRITE | _on(TABLE, "dynamodb:DescribeTable", "dynamodb:DeleteItem"), reads=True, writes=True
    ),
}
ELSEWHERE = {
    "deploy": "makes roles, functions and a table: use an administrator's credentials; docs/deploy.md lists what it makes",
    "destroy": "removes what `snapback deploy` made: use an administrator's credentials",
    "selftest": "makes unsafe resources in a sandbox account: docs/selftest.md lists its permissions",
    "console": "does what the commands do that its buttons stand for: see records, fix, approve and undo",
    "handle": "does what all functions do: use it in a sandbox account, as an administrator",
    "chat test": "reads the channel's secret only: ssm:GetParameter or secretsmanager:GetSecretValue under snapback/",
    **dict.fromkeys(
        (
            "catalog",
            "explain",
            "demo",
            "replay",
            "report",
            "query",
            "package",
            "settings check",
            "settings schema",
            "permissions",
        ),
        "needs no AWS permissions (a replay of s3:// needs s3:ListBucket and s3:GetObject there)",
    ),
}
"""Commands without a policy, and why."""


def policy(command: str, stack: str, *, partition: str = "aws", guardrails: Collection[str] = ()) -> dict[str, Any]:
    """The policy document. GetCallerIdentity needs no permission. `guardrails` limits what is read and written to these globs."""
    found = NEEDS[command]
    words = {"stack": stack, "lower": stack.lower()}
    by_resources: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for action, resources in found.needs.items():
        by_resources[tuple(_arn(each.format(**words), partition) for each in resources)].add(action)
    for action, arns in _of_guardrails(_chosen(guardrails), reads=found.reads, writes=found.writes):
        by_resources[tuple(_filled(each, stack, partition) for each in arns)].add(action)
    statements = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": list(arns) if len(arns) > 1 else arns[0]}
        for arns, actions in sorted(by_resources.items())
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _chosen(globs: Collection[str]) -> list[Guardrail[Any]]:
    return [rule for rule in catalog.guardrails() if not globs or any(fnmatchcase(rule.id, each) for each in globs)]


def _of_guardrails(
    rules: Iterable[Guardrail[Any]], *, reads: bool, writes: bool
) -> Iterable[tuple[str, tuple[str, ...]]]:
    actions: dict[str, set[Any]] = defaultdict(set)
    for rule in rules:
        kind, fix = rule.resource, rule.fix
        looked = (
            *rule.reads, *kind.arn_reads, *kind.tag_reads, *kind.list_reads, *kind.batch_reads,
            *((*fix.reads, *fix.approval_reads) if fix else ()),
        )  # fmt: skip
        for action in (*(looked if reads else ()), *(fix.writes if fix and writes else ())):
            actions[action].add(kind)
    if reads:
        actions.update((action, set()) for action in change_author.ACTIONS)
    return [(action, arns_of(action, frozenset(kinds))) for action, kinds in actions.items()]


def _arn(resource: str, partition: str) -> str:
    if resource == "*":
        return resource
    service, _, rest = resource.partition(":")
    where = "" if service == "s3" else f"{'' if service == 'iam' else '*'}:*:"
    return f"arn:{partition}:{service}:{where}{rest}"


def _filled(arn: str, stack: str, partition: str) -> str:
    known = {"AWS::Partition": partition, "AWS::StackName": stack}
    return re.sub(r"\$\{([^}]+)\}", lambda found: known.get(found[1], "*"), arn)
