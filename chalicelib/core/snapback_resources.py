"""Snapback's own resources, distinguished from all others by the names that CloudFormation gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.pattern import Pattern

READER, FIXERS = "snapback-reader", "snapback-fixer-"
"""The roles that functions assume, of the same names in each account: the one that looks, and how those that write begin."""
UNDO = "-undo"
"""How the names of fixers end that only undo."""
FORWARDER = "snapback-forwarder"
"""The role by which EventBridge sends events to the bus of the home account."""
BOUNDARY = "snapback-boundary"
"""The managed policy that our roles have as their permissions boundary, where they must have one."""

BUT_DEPLOYMENTS: Pattern = {"invokedBy": [{"exists": False}, {"anything-but": ["cloudformation.amazonaws.com"]}]}
"""As `userIdentity` in a pattern: by anyone but CloudFormation, which deploys the stack. AWS itself writes `invokedBy`;
a user agent is the caller's to choose."""
_PARTS = 6
"""Of an ARN."""


def in_own_stack(baseline: Baseline, account: str, name: str) -> bool:
    """Whether a resource is of our own stack, as `snapback-GuardS3Role-1A2B3C4D5E6F` in the home account.

    The stack's name may hold hyphens, a logical id and the random end can't: a stack `snapback-test` isn't ours. Nothing
    is, when the deployment didn't tell its stack. What the template names by itself has no such name.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
    """
    home, stack = _home_and_stack(baseline)
    begin, *rest = name.rsplit("-", 2)
    fits = begin == stack and len(rest) == 2 and all(rest) and "/" not in name  # noqa: PLR2004 - the logical id, the suffix
    return bool(stack) and account == home and fits


def is_members_bus(baseline: Baseline, account: str, name: str) -> bool:
    """Whether it is the bus that other accounts and regions send their events to; of an unknown stack, by its usual name."""
    home, stack = _home_and_stack(baseline)
    return name == f"{stack or 'snapback'}-members" and account == (home or account)


def fixer(service: str, *, undo: bool = False) -> str:
    """The role that the fixes of a service folder write with, or the one that undoes those that need more for that."""
    return f"{FIXERS}{service}{UNDO if undo else ''}"


def forwarding(service: str, number: int = 1) -> str:
    """The EventBridge rule that forwards a service's events from where the functions aren't; a long pattern has several."""
    return f"snapback-{service}{suffix(number)}"


def suffix(number: int) -> str:
    """What the names of a service's second rule and further ones end with."""
    return "" if number == 1 else f"-{number}"


def is_assumed(name: str) -> bool:
    """Whether a role of this name is one that functions assume, in whichever account."""
    return name == READER or (name.startswith(FIXERS) and "/" not in name)


def is_ours(baseline: Baseline, arn: str) -> bool:
    """Whether an ARN is of a role of ours: a function's, or one that functions assume."""
    _, slash, name = arn.partition(":role/")
    return own_role(baseline, arn) or (bool(slash) and is_assumed(name))


def own_role(baseline: Baseline, arn: str | None) -> bool:
    """Whether an ARN is of a role of our own stack: one of our functions'."""
    parts = (arn or "").split(":", 5)
    return (
        len(parts) == _PARTS and parts[2] == "iam" and in_own_stack(baseline, parts[4], parts[5].removeprefix("role/"))
    )


def home_of(baseline: Baseline) -> str:
    """The account that our stack is in; empty when the deployment didn't tell."""
    return _home_and_stack(baseline)[0]


def _home_and_stack(baseline: Baseline) -> tuple[str, str]:
    """From `arn:aws:cloudformation:us-east-1:123456789012:stack/snapback/11111111-…`."""
    parts = baseline.stack.split(":", 5)
    return (parts[4], parts[5].split("/")[1]) if len(parts) == _PARTS and "/" in parts[5] else ("", "")
