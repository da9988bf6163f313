"""Deliberate changes by a pipeline, as CloudTrail records them: what the tables have, made one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.dayone import detection, policies
from tests.dayone.buckets import BUCKETS, allow, no_plain_http
from tests.dayone.databases import CHANGES
from tests.dayone.functions import FUNCTIONS, PULL, REPOSITORIES
from tests.dayone.networks import GROUPS
from tests.dayone.roles import POLICIES, ROLES
from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.events import Envelope

PIPELINE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/github-deploy/run-4711",
    "accountId": HOME,
    "principalId": "AROAEXAMPLEROLEID123:run-4711",
}
CHANGED = {
    "irsa-karpenter", "irsa-external-dns", "pod-shop", "github-plan", "gitlab-deploy", "DatadogIntegrationRole",
    "cdk-hnb659fds-deploy-role-123456789012-us-east-1", "lambda-role",
    "acme-flow-logs", "acme-alb-logs", "acme-website-oai", "acme-website-oac", "acme-artifacts", "acme-uploads",
    "acme-access-points", "acme-config",
    "alb-public", "webrtc", "turn", "ftps", "bastion", "rds-shop", "eks-nodes",
    "schedule", "uploads", "topic", "tools", "log-subscription",
    "build",
}  # fmt: skip


def changes() -> Iterator[Envelope]:
    for number, (service, name, asked) in enumerate(_calls()):
        event = cloudtrail_event(service, name, asked, {"_return": True} if service == "ec2" else None, actor=PIPELINE)
        event["detail"]["eventTime"] = f"2026-11-23T10:{number:02d}:00Z"
        yield event


def _calls() -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield from _identities()
    for bucket, grants in BUCKETS.items():
        if bucket in CHANGED:
            policy = _policy(no_plain_http(bucket), *(allow(bucket, who, what, **more) for who, what, more in grants))
            yield "s3", "PutBucketPolicy", {"bucketName": bucket, "bucketPolicy": _own(policy), "policy": ""}
    for number, (group, rules) in enumerate(GROUPS.items()):
        if group in CHANGED:
            yield (
                "ec2",
                "AuthorizeSecurityGroupIngress",
                {"groupId": f"sg-{number:017x}", "ipPermissions": _items(rules)},
            )
    for function, permission in FUNCTIONS.items():
        if function in CHANGED:
            asked = {name[0].lower() + name[1:]: value for name, value in permission.items()}
            asked |= {"functionName": function, "statementId": "caller", "action": "lambda:InvokeFunction"}
            yield "lambda", "AddPermission20150331v2", asked
    for repository, statements in REPOSITORIES.items():
        if repository in CHANGED:
            text = json.dumps(_policy(*({"Action": PULL, **each} for each in statements)))
            yield "ecr", "SetRepositoryPolicy", {"repositoryName": repository, "policyText": text, "force": False}
    yield from CHANGES
    for service, named in policies.POLICIES.items():
        for name in sorted(named.keys() & policies.CHANGED):
            listed = ({"Action": policies.ACTIONS[service], "Resource": "*", **each} for each in named[name])
            yield service, *policies.CALLS[service](name, json.dumps(_policy(*listed)))
    yield from detection.CALLS


def _identities() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for role in ROLES:
        if role.name in CHANGED:
            trust = json.dumps(_policy(role.trust))
            yield "iam", "CreateRole", {"roleName": role.name, "path": role.path, "assumeRolePolicyDocument": trust}
            if role.policy:
                document = json.dumps({"Version": "2012-10-17", **role.policy})
                yield "iam", "PutRolePolicy", {"roleName": role.name, "policyName": "own", "policyDocument": document}
    for name, statement in POLICIES.items():
        yield "iam", "CreatePolicy", {"policyName": name, "policyDocument": json.dumps(_policy(statement))}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}


def _own(policy: dict[str, Any]) -> Any:
    user = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1A2B3C4D5E6F7"
    return json.loads(json.dumps(policy).replace("{identity}", user))


def _items(rules: list[tuple[str, int, int, str]]) -> dict[str, Any]:
    items = []
    for protocol, first, last, source in rules:
        v6 = ":" in source
        ranges = {"items": [{"cidrIpv6" if v6 else "cidrIp": source}]}
        ports = {"ipProtocol": protocol, "fromPort": first, "toPort": last}
        items.append({**ports, "groups": {}, "ipRanges": {} if v6 else ranges, "ipv6Ranges": ranges if v6 else {}})
    return {"items": items}
