"""What ministack's IAM decides otherwise than AWS's: each with AWS's page. It runs in ministack's process.

A condition whose key neither ministack nor this file can tell is noted, as is each denial: the driver fails for the
first, and looks at the second.
"""

from __future__ import annotations

import json
import os
import re
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, iam

from tests.e2e.like_aws import note, patch

if TYPE_CHECKING:
    from collections.abc import Callable

ORGANIZATION, ACCOUNTS = os.environ["E2E_ORGANIZATION"], os.environ["E2E_ACCOUNTS"].split()


@dataclass
class Request:
    """What is asked: the form's or the query's parameters in `params`, a JSON body in `body`."""

    service: str = ""
    path: str = ""
    params: Any = None
    body: Any = None


_REQUEST: ContextVar[Request] = ContextVar("request", default=Request())  # noqa: B039 - nobody changes it


def _param(name: str) -> str | None:
    found = (_REQUEST.get().params or {}).get(name)
    return found[0] if isinstance(found, list) else found


# What a request asks for.


@patch(iam_actions, "extract_iam_action")
def actions(former: Any, service: str, method: str, path: str, headers: Any, body: bytes, params: Any) -> str | None:
    """A batch is the action of its entries: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"""
    try:
        parsed = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        parsed = {}
    _REQUEST.set(Request(service, path, params, parsed))
    found: str | None = former(service, method, path, headers, body, params)
    return found.removesuffix("Batch") if found and found.startswith("sqs:") else found


@patch(iam_actions, "extract_resource_arn")
def resources(former: Any, service: str, *more: Any) -> Any:
    """The Service Authorization Reference has the ARNs, and what a call without a name is about.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html (a rule of the default
    bus has no bus in its ARN), and beside it list_amazoneventbridgescheduler.html, list_amazonelasticcontainerregistry.html,
    list_amazonec2.html (images and snapshots have no account; a network ACL's entry is its ACL's), list_awsidentityandaccessmanagementiam.html,
    list_amazonelasticcontainerservice.html and list_awscodebuild.html.
    """
    found = former(service, *more)
    better = _ARNS[service](found, *more[-2:]) if service in _ARNS else None
    return better or found


def _event_rule(found: str, region: str, account: str) -> str | None:
    body = _REQUEST.get().body
    name = body.get("Rule") or (body.get("Name") if ":rule/" in found else None)
    bus = str(body.get("EventBusName") or "default").rpartition("/")[2]
    return f"arn:aws:events:{region}:{account}:rule/{'' if bus == 'default' else f'{bus}/'}{name}" if name else None


def _schedule(found: str, _region: str, _account: str) -> str:
    group = _REQUEST.get().body.get("GroupName") or _param("groupName") or "default"
    return found.replace(":schedule/default/", f":schedule/{group}/")


def _repository(found: str, region: str, account: str) -> str:
    return f"arn:aws:ecr:{region}:{account}:repository/*" if found == "*" else found


def _ec2(found: str, region: str, account: str) -> str:
    if (acl := _param("NetworkAclId")) and (_param("Action") or "").endswith("NetworkAclEntry"):
        return f"arn:aws:ec2:{region}:{account}:network-acl/{acl}"
    return found.replace(f":{account}:", "::") if re.search(r":(image|snapshot)/", found) else found


def _profile(found: str, _region: str, account: str) -> str:
    name = _param("InstanceProfileName")
    held = iam._instance_profiles.get(name) if name else None
    return str(held["Arn"]) if held else f"arn:aws:iam::{account}:instance-profile/{name}" if name else found


def _service(found: str, region: str, account: str) -> str | None:
    body = _REQUEST.get().body
    if not body.get("services"):
        return None
    cluster, service = (
        str(each).rpartition("/")[2] for each in (body.get("cluster") or "default", body["services"][0])
    )
    return f"arn:aws:ecs:{region}:{account}:service/{cluster}/{service}"


def _project(found: str, region: str, account: str) -> str | None:
    names = _REQUEST.get().body.get("names")
    return f"arn:aws:codebuild:{region}:{account}:project/{names[0].rpartition('/')[2]}" if names else None


_ARNS: dict[str, Callable[[str, str, str], str | None]] = {
    "codebuild": _project,
    "ec2": _ec2,
    "ecr": _repository,
    "ecs": _service,
    "events": _event_rule,
    "iam": _profile,
    "scheduler": _schedule,
}


class Item(str):
    """A table's ARN, and the key of the one item that is meant in it."""

    __slots__ = ("keys",)
    keys: list[str]


@patch(iam_actions, "dynamodb_transaction_checks")
def transactions(former: Any, action: str, body: bytes, region: str, account: str) -> Any:
    """Each item of a transaction is asked for by its own key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html"""
    checks = former(action, body, region, account)
    details = [one for item in (_REQUEST.get().body or {}).get("TransactItems", ()) for one in item.values()]
    found = []
    for (each, arn), detail in zip(checks, details, strict=True):
        item = Item(arn)
        item.keys = _leading(detail)
        found.append((each, item))
    return found


@patch(app, "pin_request_origin")
def over_tls(former: Any, address: str, _secure: bool) -> None:
    """SDKs speak TLS to AWS; here all is loopback: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport"""
    former(address, True)


# What the condition keys hold.


def _leading(body: Any) -> list[str]:
    """The partition keys that a call names: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
    name = str(body.get("TableName", "")).rpartition("/")[2]
    table = dynamodb._tables.get(name)
    if table is None:
        return []
    schema = table["KeySchema"]
    if index := body.get("IndexName"):
        schema = next(each["KeySchema"] for each in table["GlobalSecondaryIndexes"] if each["IndexName"] == index)
    key = next(each["AttributeName"] for each in schema if each["KeyType"] == "HASH")
    if found := (body.get("Key") or body.get("Item") or {}).get(key):
        return [*map(str, found.values())]
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    for left, right in re.findall(r"([#\w]+)\s*=\s*(:\w+)", body.get("KeyConditionExpression", "")):
        if names.get(left, left) == key:
            return [*map(str, values[right].values())]
    return []


def _leading_of_all(body: Any) -> list[str]:
    found = _leading(body)
    for table, asked in (body.get("RequestItems") or {}).items():
        entries = asked["Keys"] if isinstance(asked, dict) else [one for each in asked for one in each.values()]
        for each in entries:
            found += _leading({"TableName": table, **(each if "Key" in each or "Item" in each else {"Key": each})})
    return found


def _same(values: Any) -> str | None:
    """The one value of all entries; one that fits nothing where they differ."""
    found = {*values}
    return found.pop() if len(found) == 1 else "different" if found else None


def _entries(field: str) -> str | None:
    return _same(each.get(field) for each in (_REQUEST.get().body or {}).get("Entries", ()))


def _org(account: str) -> str | None:
    return ORGANIZATION if account in ACCOUNTS else None


KEYS: dict[str, Any] = {
    "aws:principalorgid": lambda context: _org(context.principal_account),
    "aws:resourceorgid": lambda context: _org(_owner(context)),
    "dynamodb:leadingkeys": lambda context: (
        getattr(context.resource_arn, "keys", None) or _leading_of_all(_REQUEST.get().body or {}) or None
    ),
    "events:source": lambda _: _entries("Source"),
    "events:detail-type": lambda _: _entries("DetailType"),
    "iam:awsservicename": lambda _: _param("AWSServiceName"),
    "iam:policyarn": lambda _: _param("PolicyArn"),
    "sts:sourceidentity": lambda _: _param("SourceIdentity"),
    "sts:rolesessionname": lambda _: _param("RoleSessionName"),
    "sts:externalid": lambda _: _param("ExternalId"),
    # In a call of one's own there is neither, nor who AWS's service acts for: other services' calls have them.
    "kms:viaservice": lambda _: None,
    "aws:sourceaccount": lambda context: context.service_context.get("aws:sourceaccount"),
    "aws:sourcearn": lambda context: context.service_context.get("aws:sourcearn"),
    "iam:passedtoservice": lambda context: context.service_context.get("iam:passedtoservice"),
}
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, …/reference_policies_iam-condition-keys.html
and the Service Authorization Reference: what a request has under each key."""


def _owner(context: Any) -> str:
    account = context.resource_arn.split(":")[4] if context.resource_arn.count(":") > 4 else ""
    return account or str(context.principal_account)


@patch(iam_evaluator, "_resolve_condition_key")
def keys(former: Any, key: str, context: Any) -> Any:
    """`aws:PrincipalArn` is the role's, not the session's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """
    name = key.lower()
    if name == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
        role = context.principal_arn.split("/")[1]
        held = iam._roles.get_scoped(context.principal_account, None, role)
        return held["Arn"] if held else f"arn:aws:iam::{context.principal_account}:role/{role}"
    if name in KEYS:
        return KEYS[name](context)
    found = former(key, context)
    if found is None:
        note(unevaluated=key, action=context.action, principal=context.principal_arn, resource=context.resource_arn)
    return found


@patch(iam_evaluator, "_conditions_met")
def variables(former: Any, conditions: Any, context: Any) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html: one without a value fits nothing."""

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(each) for each in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\$\{([\w:/-]+)\}", lambda found: str(keys_of(found[1], context) or found[0]), value)

    return former({name: {key: filled(value) for key, value in of.items()} for name, of in conditions.items()}, context)


def keys_of(key: str, context: Any) -> Any:
    return iam_evaluator._resolve_condition_key(key, context)


# Who may what.


@patch(iam_evaluator, "enforce")
def enforce(former: Any, key: str, action: str, service: str, region: str, *more: Any, **options: Any) -> Any:
    """What a call needs besides its own action.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html (SetSourceIdentity) and
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    denied = former(key, action, service, region, *more, **options)
    arn = options.get("resource_arn", more[0] if more else "*")
    if denied is None and action == "sts:AssumeRole" and _param("SourceIdentity"):
        action = "sts:SetSourceIdentity"
        denied = former(key, action, service, region, resource_arn=arn)
    if denied is None and action in ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"):
        action, arn = "iam:PassRole", _REQUEST.get().body["Target"]["RoleArn"]
        passed = {"iam:passedtoservice": "scheduler.amazonaws.com"}
        denied = former(key, action, "iam", region, resource_arn=arn, service_context=passed)
    if isinstance(denied, iam_evaluator.EvalResult):
        note(denied=action, principal=denied.principal_arn, resource=arn, why=denied.reason)
    return denied


@patch(iam_evaluator, "evaluate_trust_policy")
def trust(former: Any, document: Any, caller: str, context: Any = None) -> bool:
    """A session's source identity has to be let in by the trust policy too, by an action of its own (see above)."""
    trusted = former(document, caller, context)
    if trusted and context is not None and _param("SourceIdentity"):
        trusted = former(document, caller, replace(context, action="sts:SetSourceIdentity"))
    if not trusted and context is not None:
        note(denied=f"{context.action} (trust)", principal=caller, resource=context.resource_arn, why="")
    return bool(trusted)


@patch(iam_evaluator, "_principal_org_id")
def organization(_former: Any, account: str) -> str | None:
    """Here all accounts are in one organization, and ministack has one for each."""
    return _org(account)
