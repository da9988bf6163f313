"""A CloudTrail record → boto3's service, operation and parameters.

CloudTrail writes a call's parameters nearly as the API takes them, so botocore's own model of each service says what
they are. What it doesn't say is in the small tables below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from chalicelib.core.event import DATED, dig, rows, text
from snapback.errors import CannotReenact
from snapback.memory_aws.memory import loader
from snapback.replay.aliases import fold
from snapback.replay.hidden import HIDDEN, MADE_UP, NEEDED, hidden, is_hidden, without_hidden

_SERVICES: dict[str, tuple[str, ...]] = {
    "access-analyzer": ("accessanalyzer",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "email": ("ses", "sesv2"),
    "es": ("es", "opensearch"),
    "monitoring": ("cloudwatch",),
    "s3": ("s3", "s3control"),
    "sso": ("sso-admin",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
"""What boto3 calls a service, where it isn't the first word of eventSource."""

_OPERATIONS = {
    ("iam", "ChangePassword"): ("iam", "UpdateLoginProfile"),
    ("s3", "PutAccountPublicAccessBlock"): ("s3control", "PutPublicAccessBlock"),
    ("s3", "DeleteAccountPublicAccessBlock"): ("s3control", "DeletePublicAccessBlock"),
    ("s3", "PutBucketPublicAccessBlock"): ("s3", "PutPublicAccessBlock"),
    ("s3", "DeleteBucketPublicAccessBlock"): ("s3", "DeletePublicAccessBlock"),
    ("s3", "PutBucketLifecycle"): ("s3", "PutBucketLifecycleConfiguration"),
    ("s3", "PutBucketNotification"): ("s3", "PutBucketNotificationConfiguration"),
    ("s3", "PutAccelerateConfiguration"): ("s3", "PutBucketAccelerateConfiguration"),
    ("s3", "PutBucketObjectLockConfiguration"): ("s3", "PutObjectLockConfiguration"),
}
"""CloudTrail's own names for calls, and a user's own change of their password, which moto lacks: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html."""

_NAMES: dict[tuple[str, str], dict[str, str]] = {
    ("s3", ""): {"bucketname": "Bucket", "bucketpolicy": "Policy"},
    ("ec2", ""): {"zone": "AvailabilityZone", "attributetype": "Attribute", "aclprotocol": "Protocol"},
    ("ec2", "RunInstances"): {"networkinterfaceset": "NetworkInterfaces", "groupset": "SecurityGroupIds"},
    ("ec2", "CreateTags"): {"resourcesset": "Resources"},
    ("ec2", "DeleteTags"): {"resourcesset": "Resources"},
    ("ec2", "ModifyImageAttribute"): {"attributetype": ""},
    ("ec2", "ModifySnapshotAttribute"): {"attributetype": ""},
    ("ec2", "CreateNetworkInterface"): {"groupset": "Groups"},
    ("ec2", "ModifyNetworkInterfaceAttribute"): {"groupset": "Groups"},
    **{
        ("ec2", operation): {"instancesset": "InstanceIds"}
        for operation in ("StartInstances", "StopInstances", "TerminateInstances", "RebootInstances")
    },
}
"""Parameters that CloudTrail names in its own way, folded, and what the API calls them ('' drops one)."""

_MILLISECONDS = 1e11
"""No time in seconds is that late, and none in milliseconds that early."""


@lru_cache(maxsize=1)
def _available() -> frozenset[str]:
    return frozenset(loader().list_available_services("service-2"))


@lru_cache(maxsize=256)
def model_of(service: str) -> ServiceModel:
    return ServiceModel(loader().load_service_model(service, "service-2"), service)


def operations_of(source: str, name: str) -> list[tuple[str, str]]:
    """What a record's call may be for boto3: its services and operations; `source` is without `.amazonaws.com`."""
    name = DATED.sub("", name)
    if (source, name) in _OPERATIONS:
        return [_OPERATIONS[source, name]]
    services = [service for service in _SERVICES.get(source, (source,)) if service in _available()]
    return [(service, name) for service in services if name in model_of(service).operation_names]


def call_of(
    detail: Mapping[str, Any], account: str = "", region: str = "", blind: set[str] | None = None
) -> tuple[str, str, dict[str, Any]]:
    """boto3's service, the operation, and its parameters, valid by botocore's own check. Raises CannotReenact.

    `blind` gets the guardrails, as globs, that can't judge because AWS hides what they read.
    """
    source = (text(detail, "eventSource") or "").removesuffix(".amazonaws.com")
    name = text(detail, "eventName") or ""
    operations = operations_of(source, name)
    if not operations:
        raise CannotReenact(f"boto3 knows no call {source}:{DATED.sub('', name)}")
    for service, operation in operations:
        unseen: set[str] = set()
        try:
            parameters = _parameters(service, operation, detail, account, region, unseen)
        except CannotReenact:
            if (service, operation) == operations[-1]:
                raise
            continue
        if blind is not None:
            blind |= unseen
        break
    return service, operation, parameters


def _parameters(
    service: str, operation: str, detail: Mapping[str, Any], account: str, region: str, blind: set[str]
) -> dict[str, Any]:
    asked = detail.get("requestParameters")
    shape = model_of(service).operation_model(operation).input_shape
    if shape is None:
        return {}
    if not isinstance(asked, Mapping | str | None):
        raise CannotReenact("requestParameters is no object", incomplete=True)
    named = _named(service, operation, _opened(asked) if isinstance(asked, Mapping) else {})
    if prepare := _PREPARE.get((service, operation)):
        named = prepare(named, detail)
    made = _structure(shape, named)
    if service == "s3control":
        made["AccountId"] = account
    if (service, operation) == ("s3", "CreateBucket") and region not in ("", "us-east-1"):
        made.setdefault("CreateBucketConfiguration", {}).setdefault("LocationConstraint", region)
    for member in shape.members:
        needed = member in shape.required_members or (service, operation, member) in NEEDED
        if (service, member) in MADE_UP and (is_hidden(made.get(member)) or (needed and member not in made)):
            made[member] = MADE_UP[service, member]
        if needed and made.get(member) is None:
            made[member] = _answered(detail, member)
    made = without_hidden(service, {key: value for key, value in made.items() if value is not None}, blind)
    _complete(made, shape)
    return made


def _complete(made: dict[str, Any], shape: StructureShape) -> None:
    if unseen := sorted(set(hidden(made))):
        raise CannotReenact(f"AWS hides the value of {', '.join(unseen)}", incomplete=True)
    report = ParamValidator().validate(made, shape)
    if report.has_errors():
        what = " ".join(report.generate_report().split())
        missing = re.findall(r'Missing required parameter in \w[^:]*: "(\w+)"', what)
        why = f"the record leaves out {', '.join(missing)}" if missing else what[:300]
        raise CannotReenact(why, incomplete=True)


def _answered(detail: Mapping[str, Any], member: str) -> str | None:
    """A name that only the answer holds, as when AWS chose it."""
    answer = detail.get("responseElements")
    for level in (answer, *(answer.values() if isinstance(answer, Mapping) else ())):
        if isinstance(level, Mapping):
            for key, value in level.items():
                if fold(str(key)) == fold(member) and isinstance(value, str):
                    return value
    return None


def _opened(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without EC2's wrapper: `{"DeleteFlowLogsRequest": {…}}`."""
    if len(asked) == 1:
        ((key, value),) = asked.items()
        if str(key).endswith("Request"):
            return value if isinstance(value, Mapping) else {}
    return asked


def _named(service: str, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    names = {**_NAMES.get((service, ""), {}), **_NAMES.get((service, operation), {})}
    named: dict[str, Any] = {}
    for key, value in asked.items():
        name = names.get(fold(str(key)), str(key))
        if name and (name not in named or named[name] in ("", [""], {}, None)):
            named[name] = value
    return named


def _structure(shape: StructureShape, value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        only = list(shape.members)
        if only == ["Value"] and isinstance(value, str | bool | int):  # EC2's AttributeValue, written bare.
            return {"Value": _converted(shape.members["Value"], value)}
        return None if value in ("", None, []) else value
    found: dict[str, list[Any]] = {}
    for key, each in value.items():
        found.setdefault(fold(str(key)), []).append(each)
    made: dict[str, Any] = {}
    for name, member in shape.members.items():
        given = [each for spelling in _spellings(name, member) for each in found.get(spelling, ())]
        given = [each for each in given if each is not None]
        if isinstance(member, ListShape | StructureShape | MapShape):
            given.sort(key=lambda each: not isinstance(each, Mapping | list))
        given.sort(key=lambda each: each in ("", [""], {}))
        if given:
            converted = _converted(member, given[0])
            if converted is not None:
                made[name] = converted
    return made


@lru_cache(maxsize=65536)
def _spelt(name: str, location: str, query: str, listed: bool) -> tuple[str, ...]:
    spellings = dict.fromkeys(fold(each) for each in (name, location, query) if each)
    if listed:
        for each in list(spellings):
            spellings |= dict.fromkeys(
                (f"{each}set", f"{each.removesuffix('s')}set", each.removesuffix("s"), f"{each}s")
            )
    return tuple(spellings)


def _spellings(name: str, member: Shape) -> tuple[str, ...]:
    written = member.serialization
    return _spelt(name, written.get("name", ""), written.get("queryName", ""), isinstance(member, ListShape))


def _converted(shape: Shape, value: Any) -> Any:
    """A value as botocore takes it for this shape; None for nothing."""
    if isinstance(shape, StructureShape):
        return _structure(shape, value)
    if isinstance(shape, ListShape):
        return [made for each in _rows(shape, value) if (made := _converted(shape.member, each)) not in (None, {})]
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            return None if value in ("", []) else value
        return {str(key): _converted(shape.value, each) for key, each in value.items()}
    return _scalar(shape.type_name, value)


def _rows(shape: ListShape, value: Any) -> list[Any]:
    """The members of a list as CloudTrail writes it: plain, `{"items": […]}`, one-key wrapped, or a lone member."""
    if isinstance(value, list):
        return [each for each in value if each not in ("", None)]
    if isinstance(value, Mapping):
        keys = {fold(str(key)): key for key in value}
        for wrapper in ("items", "item", "member", fold(shape.member.serialization.get("name", "member"))):
            if wrapper in keys and (len(value) == 1 or isinstance(value[keys[wrapper]], list)):
                return _rows(shape, value[keys[wrapper]])
        if not value:
            return []
        if len(value) == 1 and isinstance(inner := next(iter(value.values())), list):
            return _rows(shape, inner)
        return [value]
    return [] if value in ("", None) else [value]


def _scalar(kind: str, value: Any) -> Any:
    """A lone value, without what CloudTrail wraps round one; what doesn't fit is left for botocore to refuse."""
    while True:
        if isinstance(value, Mapping) and "content" in value:
            value = value["content"]
        elif (
            isinstance(value, Mapping | list)
            and len(value) == 1
            and not isinstance(
                inner := next(iter(value.values() if isinstance(value, Mapping) else value)), Mapping | list
            )
        ):
            value = inner
        else:
            break
    if kind == "string":
        if isinstance(value, Mapping | list):
            return json.dumps(value) if value else None
        return str(value).lower() if isinstance(value, bool) else str(value)
    if value in ("", {}, []):
        return None
    try:
        return _AS[kind](value) if kind in _AS else value
    except (TypeError, ValueError, KeyError):
        return value


_AS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda value: {"true": True, "false": False}[str(value).lower()],
    "timestamp": lambda value: value / 1000 if isinstance(value, int) and value > _MILLISECONDS else value,
    "blob": lambda value: value.encode() if isinstance(value, str) and not is_hidden(value) else value,
}


_OF_INSTANCE = (
    "imageId",
    "instanceType",
    "keyName",
    "subnetId",
    "iamInstanceProfile",
    "metadataOptions",
    "ebsOptimized",
)
"""What the answer says of each instance: a launch template, a fleet or an Auto Scaling group sets it outside the request."""


def _run_instances(asked: dict[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """What was started stands in `instancesSet`; how many, and what a launch template adds, in the answer."""
    first = next((each for each in rows(asked, "instancesSet") if isinstance(each, Mapping)), {})
    started = [each for each in rows(detail, "responseElements", "instancesSet") if isinstance(each, Mapping)]
    asked = {**first, **{key: value for key, value in asked.items() if key != "instancesSet"}}
    devices = [each for each in rows(asked, "blockDeviceMapping") if dig(each, "noDevice") is None]
    said = {fold(key) for key, value in asked.items() if value}
    answered = {key: started[0].get(key) for key in _OF_INSTANCE if started and fold(key) not in said}
    if asked.get("networkInterfaceSet") or asked.get("NetworkInterfaces"):
        answered["subnetId"] = None
    asked = {**asked, **{key: value for key, value in answered.items() if value}}
    dropped = {
        "clientToken": None,
        "userData": HIDDEN if asked.get("userData") else None,
        "blockDeviceMapping": devices or None,
        "launchTemplate": None,
        "iamInstanceProfile": _profile(asked.get("iamInstanceProfile")),
    }
    return {**asked, **dropped, "minCount": len(started) or 1, "maxCount": len(started) or 1}


def _profile(given: Any) -> Any:
    """An instance profile by its ARN or its name: an answer has an id besides."""
    arn, name = text(given, "arn"), text(given, "name")
    return {"arn": arn} if arn else {"name": name} if name else None


def _modify_instance_attribute(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    if [key for key, value in asked.items() if value and fold(key) not in {"instanceid", "userdata"}]:
        return asked
    if asked.get("userData"):
        raise CannotReenact("AWS hides the value of UserData", incomplete=True)
    return asked


def _modify_snapshot_attribute(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """The older of the API's two ways to say it: the only one that moto knows."""
    permission = asked.get("createVolumePermission")
    for kind in ("add", "remove"):
        if found := rows(permission, kind):
            return {
                "snapshotId": asked.get("snapshotId"),
                "Attribute": "createVolumePermission",
                "OperationType": kind,
                "UserIds": [each["userId"] for each in found if text(each, "userId")],
                "GroupNames": [each["group"] for each in found if text(each, "group")],
            }
    return asked


def _create_access_key(asked: dict[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Without a name, one makes a key for oneself."""
    name = text(detail, "responseElements", "accessKey", "userName") or text(detail, "userIdentity", "userName")
    if not any(fold(key) == "username" and asked[key] for key in asked):
        if not name:
            raise CannotReenact("a key of root's own: the in-memory AWS has none")
        return {**asked, "userName": name}
    return asked


def _of_oneself(asked: dict[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Without a name, the call is about its caller."""
    if any(fold(key) == "username" and asked[key] for key in asked):
        return asked
    name = text(detail, "userIdentity", "userName")
    return {**asked, "userName": name} if name else asked


def _with_ports(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """Protocols other than TCP, UDP and ICMP have no ports; moto wants some. -1 stands for all."""
    permissions = [each for each in rows(asked, "ipPermissions") if isinstance(each, Mapping)]
    ported = [{"fromPort": -1, "toPort": -1} | {k: v for k, v in each.items() if v is not None} for each in permissions]
    return {**asked, "ipPermissions": ported} if ported else asked


def _create_service(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """moto wants the security groups that AWS takes as optional."""
    network = dig(asked, "networkConfiguration", "awsvpcConfiguration")
    if not isinstance(network, Mapping):
        return asked
    return {**asked, "networkConfiguration": {"awsvpcConfiguration": {"securityGroups": [], **network}}}


def _put_bucket_acl(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """`acl` is only the request's own `?acl`; a canned ACL stands in `x-amz-acl`."""
    return {key: value for key, value in asked.items() if fold(key) != "acl"}


def _of_access_entry(asked: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    """The principal stands as in the call's path: `arn%3Aaws%3Aiam…`."""
    principal = text(asked, "principalArn")
    return {**asked, "principalArn": unquote(principal)} if principal else asked


_PREPARE: dict[tuple[str, str], Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    ("ec2", "AuthorizeSecurityGroupEgress"): _with_ports,
    ("ec2", "AuthorizeSecurityGroupIngress"): _with_ports,
    ("ec2", "RevokeSecurityGroupEgress"): _with_ports,
    ("ec2", "RevokeSecurityGroupIngress"): _with_ports,
    ("ec2", "ModifyInstanceAttribute"): _modify_instance_attribute,
    ("ec2", "ModifySnapshotAttribute"): _modify_snapshot_attribute,
    ("ec2", "RunInstances"): _run_instances,
    ("ecs", "CreateService"): _create_service,
    ("eks", "AssociateAccessPolicy"): _of_access_entry,
    ("eks", "DeleteAccessEntry"): _of_access_entry,
    ("eks", "DisassociateAccessPolicy"): _of_access_entry,
    ("iam", "CreateAccessKey"): _create_access_key,
    ("iam", "DeleteAccessKey"): _of_oneself,
    ("iam", "UpdateAccessKey"): _of_oneself,
    ("iam", "UpdateLoginProfile"): _of_oneself,
    ("s3", "PutBucketAcl"): _put_bucket_acl,
}
"""What no name alone puts right, by service and operation."""
