"""What the deployed policies allow, asked for each call that guard code makes, in all combinations of the template's parameters.

A call is derived into the actions that it needs
(`tests.support.iam_actions`) and the ARNs that it is about: those that its parameters name, and one of each further kind of resource
that the Service Authorization Reference says the action always needs.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib.core.snapback_resources import READER
from snapback.deploy.iam_policies import fixer_of, fixers, functions, logical_id, reader
from snapback.deploy.iam_resources import OF_ALL
from tests.support.evaluator import ALLOW, Request, decide
from tests.support.iam_actions import also_needed, needed_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOME = "123456789012"
_EC2_KINDS = {
    "i": "instance",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "vpc": "vpc",
    "subnet": "subnet",
    "acl": "network-acl",
    "vol": "volume",
    "snap": "snapshot",
    "ami": "image",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "pcx": "vpc-peering-connection",
    "tgw": "transit-gateway",
    "pl": "prefix-list",
}
_ID = re.compile(r"([a-z]+)-[0-9a-f]{8,17}")
_MADE = {
    "ec2:AuthorizeSecurityGroupIngress": "security-group-rule",
    "ec2:AuthorizeSecurityGroupEgress": "security-group-rule",
}
"""What a call makes, though the reference doesn't say that it always does."""
_NAMES = {
    "s3": {"Bucket": "bucket"},
    "iam": {
        "UserName": "user",
        "RoleName": "role",
        "GroupName": "group",
        "InstanceProfileName": "instance-profile",
        "ServerCertificateName": "server-certificate",
    },
    "autoscaling": {"AutoScalingGroupName": "autoScalingGroup"},
    "cloudtrail": {"TrailName": "trail", "Name": "trail"},
    "codebuild": {"names": "project"},
    "dynamodb": {"TableName": "table"},
    "ecr": {"repositoryName": "repository", "repositoryNames": "repository"},
    "eks": {"name": "cluster", "clusterName": "cluster"},
    "elasticfilesystem": {"FileSystemId": "file-system", "ResourceId": "file-system"},
    "elasticloadbalancing": {"LoadBalancerName": "loadbalancer"},
    "events": {"Name": "rule-on-default-event-bus", "Rule": "rule-on-default-event-bus", "EventBusName": "event-bus"},
    "kinesis": {"StreamName": "stream"},
    "kms": {"KeyId": "key"},
    "lambda": {"FunctionName": "function"},
    "organizations": {"PolicyId": "policy"},
    "rolesanywhere": {"profileId": "profile", "trustAnchorId": "trust-anchor"},
    "sns": {"TopicArn": "topic"},
    "sqs": {"QueueUrl": "queue"},
    "sso": {"TargetId": "Account", "AccountId": "Account"},
}
"""By action prefix: which kind of resource a parameter names."""
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:{account}:event-bus/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:{account}:function:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:{account}:{name}",
}
Needed = tuple[str, str]
"""An action, and the ARN of what it is about (`*` for nothing)."""


class NotAllowed(AssertionError):
    """A role's policies lack what a call needs: a guardrail or fix declares too little."""


def check(role: str, account: str, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises NotAllowed for a call that AWS would deny to this role of ours in an account."""
    policy = parameters.get("PolicyArn")
    context = (("iam:policyarn", policy),) if policy else ()
    for action, arn in needs(service, operation, parameters, account):
        if not _allowed_everywhere(role, account, action, arn, context):
            raise NotAllowed(f"{role} of {account}: {action} on {arn} is not allowed")


@cache
def _allowed_everywhere(role: str, account: str, action: str, arn: str, context: tuple[tuple[str, str], ...]) -> bool:
    """In the stacks of all parameters; a member's tests are of any account, its templates of one."""
    from tests.support.deployed import MEMBER

    here = HOME if account == HOME else MEMBER
    found = _different(role, account == HOME)
    request = Request(
        principal=f"arn:aws:iam::{here}:role/{role}",
        action=action,
        arn=arn.replace(f":{account}:", f":{here}:"),
        context=dict(context),
    )
    return bool(found) and all(decide(request, *each) == ALLOW for each in found)


@cache
def _different(role: str, home: bool) -> frozenset[tuple[tuple[str, ...], str | None]]:
    """A role's policies and boundary with all parameters, each different one once."""
    from tests.support.deployed import homes, members

    return frozenset(
        (tuple(each.policies), each.boundary)
        for stack in (homes() if home else members())
        for each in stack.roles.values()
        if each.arn.endswith(f":role/{role}")
    )


def check_function(function: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises NotAllowed for a call to the ledger's table that AWS would deny to a function's own role."""
    from tests.support.deployed import homes

    index = f"/index/{parameters['IndexName']}" if operation == "Query" else ""
    for action, keys in items_of_call(operation, parameters):
        context = {"dynamodb:leadingkeys": [*keys]} if keys else {}
        arn = f"{homes()[0].arn('Ledger')}{index}"
        for principal, policies, boundary in _roles_of(function):
            request = Request(principal=principal, action=f"dynamodb:{action}", arn=arn, context=context)
            if decide(request, policies, boundary) != ALLOW:
                raise NotAllowed(f"{function}: {action} of {', '.join(keys)} is not allowed")


@cache
def _roles_of(function: str) -> frozenset[tuple[str, tuple[str, ...], str | None]]:
    """A function's role, with all parameters, each different one once."""
    from tests.support.deployed import homes

    roles = [stack.roles[function] for stack in homes()]
    return frozenset((role.arn, tuple(role.policies), role.boundary) for role in roles)


def items_of_call(operation: str, parameters: Mapping[str, Any]) -> set[tuple[str, tuple[str, ...]]]:
    """The actions that a call needs, and the keys of items that AWS sees with them: all of a transaction's, to be strict."""
    if operation == "TransactWriteItems":
        requests = [each for item in parameters["TransactItems"] for each in item.items()]
        keys = tuple(sorted((each.get("Key") or each["Item"])["pk"]["S"] for _, each in requests))
        return {("ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item", keys) for kind, _ in requests}
    if operation == "BatchGetItem":
        named = [key["pk"]["S"] for table in parameters["RequestItems"].values() for key in table["Keys"]]
        return {(operation, tuple(sorted(named)))}
    item = parameters.get("Key") or parameters.get("Item") or {}
    return {(operation, (item["pk"]["S"],) if item else ())}


def needs(service: str, operation: str, parameters: Mapping[str, Any], account: str) -> set[Needed]:
    """`service` is botocore's, hyphenized (`s3-control`)."""
    action = needed_by(service, operation)
    if action == "sts:GetCallerIdentity":  # Which needs no permission.
        return set()
    found = {(action, arn) for arn in _arns(action, parameters, account)}
    found |= {(more, arn) for more in also_needed(action) for arn in _arns(more, {}, account)}
    for made in parameters.get("TagSpecifications", []):
        found.add(("ec2:CreateTags", _filled("ec2", made["ResourceType"], account, "new")))
    return found


@cache
def policies(role: str, account: str) -> tuple[Any, ...]:
    """The documents of a role, as CloudFormation makes them in that account."""
    member = account != HOME
    if role == READER:
        found: list[Any] = reader(member=member)
    else:
        service, undo = fixers()[role]
        found = [fixer_of(service, undo=undo, member=member)]
    return tuple(resolved(document, account) for document in found if document)


def resolved(document: Any, account: str) -> Any:
    """Without intrinsics: of a stack `snapback` in this account."""
    values = {
        "AWS::Partition": "aws",
        "AWS::AccountId": account,
        "AWS::StackName": "snapback",
        "AWS::Region": "us-east-1",
        "AWS::URLSuffix": "amazonaws.com",
    }
    values |= {"ExportsBus": f"arn:aws:events:us-east-1:{account}:event-bus/any", "ExportsBucket": "arn:aws:s3:::any"}

    def named(name: str) -> str:
        """What `Ref` answers for a parameter or a topic, and `Fn::GetAtt` for an ARN."""
        resource, _, attribute = name.partition(".")
        if name in values or (not attribute and kinds.get(resource) != "AWS::SNS::Topic"):
            return values.get(name, "any")
        where = _ARNS[kinds[resource]].format(account=account, name=resource)
        return f"{where}/stream/any" if attribute == "StreamArn" else where

    kinds = _kinds()

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {"Fn::Sub"}:
            text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
            return re.sub(r"\$\{([^}]+)\}", lambda found: named(found[1]), text)
        if isinstance(value, dict) and value.keys() == {"Fn::If"}:
            return plain(value["Fn::If"][1])
        if isinstance(value, dict) and value.keys() == {"Ref"}:
            return named(value["Ref"])
        if isinstance(value, dict) and value.keys() == {"Fn::GetAtt"}:
            return named(".".join(value["Fn::GetAtt"]))
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list) else value

    return plain(json.loads(json.dumps(document)))


@cache
def _kinds() -> dict[str, str]:
    """The types of the home stack's resources, by their logical ids."""
    from snapback.deploy.template.whole import template

    found = {name: each["Type"] for name, each in template()["Resources"].items() if "Type" in each}
    return found | {logical_id(name): "AWS::Lambda::Function" for name in functions()}


def allowed(
    documents: Iterable[Any], action: str, arn: str, *, owner: str = "", context: Mapping[str, str] | None = None
) -> bool:
    """Whether an identity's policies allow it; `owner` is the resource's account where its ARN names none."""
    request = Request(principal=f"arn:aws:iam::{HOME}:role/any", action=action, arn=arn, context=context or {})
    return decide(request, map(json.dumps, documents), owner=owner) == ALLOW


def _arns(action: str, parameters: Mapping[str, Any], account: str) -> set[str]:
    prefix, _, name = action.partition(":")
    kinds = get_service_prefix_data(prefix)["privileges"][name]["resource_types"] if action not in OF_ALL else {}
    named = {kind: arn for kind, arn in _named(prefix, parameters, account) if kind in kinds}
    found = {arn for kind, arn in _named(prefix, parameters, account) if kind in kinds}
    needed = {kind for kind in kinds if kind and (kinds[kind]["required"] or kind == _MADE.get(action))}
    if not named and not needed:  # It says so in another way, as by the id of an association.
        needed = {kind for kind in kinds if kind}
    return found | {_filled(prefix, kind, account, "any") for kind in needed - named.keys()} or {"*"}


def _named(prefix: str, parameters: Mapping[str, Any], account: str) -> Iterator[tuple[str, str]]:
    """The kinds and ARNs of what the parameters name."""
    formats = {kind: each["arn"] for kind, each in get_service_prefix_data(prefix)["resources"].items()}
    if prefix == "eks" and "principalArn" in parameters:
        principal = parameters["principalArn"].split(":")
        entry = (
            f"{parameters['clusterName']}/{principal[5].split('/')[0]}/{principal[4]}/{principal[5].split('/')[-1]}/any"
        )
        yield "access-entry", f"arn:aws:eks:us-east-1:{account}:access-entry/{entry}"
    for key, value in _leaves(parameters):
        if value.startswith("arn:"):
            yield from ((kind, value) for kind, each in formats.items() if fnmatchcase(value, _glob(each)))
        elif kind := _NAMES.get(prefix, {}).get(key):
            yield kind, _filled(prefix, kind, account, value.rpartition("/")[2] if kind == "queue" else value)
        elif prefix == "organizations" and key in {"TargetId", "ResourceId"}:
            kind = {"o": "organizationalunit", "r": "root", "p": "policy"}.get(value[:1], "account")
            yield kind, _filled(prefix, kind, account, value.partition("-")[2] or value)
        elif prefix == "ec2" and (found := _ID.fullmatch(value)) and found[1] in _EC2_KINDS:
            yield _EC2_KINDS[found[1]], _filled("ec2", _EC2_KINDS[found[1]], account, value)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, key)
    elif isinstance(value, str):
        yield key, value


def _filled(prefix: str, kind: str, account: str, name: str) -> str:
    text: str = get_service_prefix_data(prefix)["resources"][kind]["arn"]
    for slot, value in {"Partition": "aws", "Region": "us-east-1", "Account": account}.items():
        text = text.replace(f"${{{slot}}}", value)
    begin, slot, end = text.rpartition("${")
    if not slot:  # As Glue's catalog, of which an account has one.
        return text
    text = f"{begin}{name}{end.partition('}')[2]}"
    return re.sub(r"\$\{[^}]+\}", "any", text)


def _glob(text: str) -> str:
    return re.sub(r"\$\{[^}]+\}", "*", text)
