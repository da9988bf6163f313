"""What CloudTrail hides in a record or leaves out of it, and what a replay takes in its place.

A call without the hidden part is re-enacted, and the guardrails that read this part can't judge: `blind` names them.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from snapback.replay.aliases import fold

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_HIDDEN = re.compile(rf"{HIDDEN}|<?sensitiveDataRemoved>?|\*{{3,}}|\(?redacted\)?", re.IGNORECASE)

MADE_UP: dict[tuple[str, str], str | None] = {
    ("iam", "Password"): "Made-up-1!",
    ("iam", "NewPassword"): "Made-up-1!",
    ("iam", "OldPassword"): "Made-up-0!",
    ("secretsmanager", "SecretString"): "made-up",
    ("ssm", "Value"): "made-up",
    ("rds", "MasterUserPassword"): "made-up-1",
    ("rds", "TdeCredentialPassword"): None,
}
"""Secrets that no guardrail reads: any value will do. By service and member; None leaves the member out."""

NEEDED = frozenset(
    {
        ("iam", "CreateLoginProfile", "Password"),
        ("iam", "UpdateLoginProfile", "Password"),
        ("secretsmanager", "PutSecretValue", "SecretString"),
    }
)
"""What the call needs, in AWS or in memory, though botocore's model doesn't say so."""

TAGS = "*_without_required_tags"
"""The guardrails that read any resource's tags. The mode of others may depend on tags too, where the settings say so."""

BLIND: dict[tuple[str, str], str] = {
    ("", "tags"): TAGS,
    ("", "taglist"): TAGS,
    ("", "tagspecifications"): TAGS,
    ("codebuild", "environmentvariables"): "codebuild.project_holds_secret",
    ("ec2", "userdata"): "ec2.user_data_holds_secret",
    ("ecs", "environment"): "ecs.task_holds_secret",
    ("ecs", "secrets"): "ecs.task_holds_secret",
    ("lambda", "environment"): "awslambda.secret_in_environment",
}
"""What can be left out, by service ('' for all) and folded member; and the guardrails, as a glob, that can't judge then."""


def is_hidden(value: Any) -> bool:
    return isinstance(value, str) and _HIDDEN.fullmatch(value) is not None


def hidden(value: Any, path: str = "") -> Iterator[str]:
    """The names of the members whose value AWS hides."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from hidden(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from hidden(each, path)
    elif is_hidden(value):
        yield path


def without_hidden(service: str, parameters: Mapping[str, Any], blind: set[str]) -> dict[str, Any]:
    """A call's parameters without the hidden members that can be left out; `blind` gets the guardrails that need them."""
    kept: dict[str, Any] = {}
    for name, value in parameters.items():
        cannot_judge = BLIND.get((service, fold(name))) or BLIND.get(("", fold(name)))
        if cannot_judge and (any(hidden(value)) or is_emptied(service, name, value)):
            blind.add(cannot_judge)
        else:
            kept[name] = _inside(service, value, blind)
    return kept


def is_emptied(service: str, name: str, value: Any) -> bool:
    """Lambda's records hold an empty `environment` for any environment that a call sets."""
    return (service, fold(name)) == ("lambda", "environment") and not value


def _inside(service: str, value: Any, blind: set[str]) -> Any:
    if isinstance(value, Mapping):
        return without_hidden(service, value, blind)
    return [_inside(service, each, blind) for each in value] if isinstance(value, list) else value
