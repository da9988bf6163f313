"""By which published path (`escalation_paths`) the holder of identity policies makes itself more than it is. Pure.

What is asked is whether a call is allowed on *any* resource of its kind: who is limited to names, or to a beginning of
names, is limited. Which role a function has, or whom a role trusts, isn't looked at: AWS would have to be asked. Nor
are service and resource control policies, session policies, and what resource policies allow or deny.

What policies would cost more than their budget raises CannotJudge.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from chalicelib.analysis.budget import bounded
from chalicelib.analysis.escalation_paths import LIFTS, OUTSIDE_IAM, PATHS, NeededCall, Path
from chalicelib.analysis.globs import completed, matches
from chalicelib.analysis.policy_document import (
    Condition,
    Policy,
    Statement,
    covers,
    element_matches,
    in_account,
    statements,
)
from chalicelib.analysis.policy_sets import STEPS
from chalicelib.core.partitions import DNS_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

_ESCALATIONS = tuple(
    (f"iam:{action}".lower(), f"arn:aws:iam::000000000000:{kind}/~")
    for kind, actions in {
        "user": "PutUserPolicy AttachUserPolicy CreateAccessKey CreateLoginProfile UpdateLoginProfile",
        "role": "PutRolePolicy AttachRolePolicy UpdateAssumeRolePolicy",
        "group": "PutGroupPolicy AttachGroupPolicy AddUserToGroup",
        "policy": "CreatePolicyVersion SetDefaultPolicyVersion",
    }.items()
    for action in actions.split()
)
"""Calls by any one of which a principal makes itself administrator. Only a wildcard matches `~`, which no name may have."""

_POLICY_ARN = "iam:policyarn"
_BUDGET = 30 * STEPS
"""For each policy, and of AWS's own, which may be longer, for each _LENGTH. A step of `globs` is a small part of one of `policy_sets`."""
_LENGTH = 6_144
"""Characters of a customer managed policy at most: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""


def why_admin(policy: Policy, account: str = "") -> str | None:
    """Why an identity policy makes its holder administrator, as in "allows iam:* on *", or None.

    It must grant IAM's writes wholesale (`*`, `iam:*`, NotAction, or all of them in several statements), and Deny must
    leave one by which to get the rest. Single grants such as iam:PutUserPolicy are another question. Conditions about
    the caller or the call (MFA, region, address, `aws:Principal…`) don't count: under them the holder still is
    administrator. Nor does one by which AWS's own AdministratorAccess or IAMFullAccess may be attached. On another
    account's ARNs than the holder's `account` it allows and denies nothing.
    https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-1
    """
    return " and ".join(map(_allows_what, _making_admin(statements(policy, account)))) or None


def _making_admin(found: Iterable[Statement]) -> list[Statement]:
    """The statement that grants IAM's writes wholesale, or those that do together."""
    found = list(found)
    denies = [each for each in found if each.effect == "Deny" and not any(each.limiting())]
    left = [call for call in _ESCALATIONS if not any(covers(deny, *call) for deny in denies)]
    allows = [each for each in found if each.effect == "Allow" and not any(map(_limits_reach, each.narrowing()))]
    for each in allows:
        if _wholesale(each) and any(_grants(each, *call) for call in left):
            return [each]
    parts = [each for each in allows if any(_grants(each, *call) for call in _ESCALATIONS)]
    whole = all(any(_grants(each, *call) for each in parts) for call in _ESCALATIONS)
    return parts if whole and left else []


def _grants(statement: Statement, action: str, resource: str) -> bool:
    """Only calls that attach a policy have an ARN of one."""
    named = any(each.key == _POLICY_ARN for each in statement.narrowing())
    return covers(statement, action, resource) and (not named or action.startswith("iam:attach"))


def _allows_what(statement: Statement) -> str:
    return f"allows {_written(statement, 'Action')} on {_written(statement, 'Resource')}"


def _wholesale(statement: Statement) -> bool:
    return "NotAction" in statement.raw or all(
        element_matches(statement, "Action", action) for action, _ in _ESCALATIONS
    )


def _limits_reach(condition: Condition) -> bool:
    about_what_is_touched = ("aws:resourcetag/", "aws:requesttag/")
    if condition.key == _POLICY_ARN:
        return not _names_admin_policy(condition.values)
    if condition.key.startswith("aws:") and not condition.key.startswith(about_what_is_touched):
        return False
    return all(value.strip("*") for value in condition.values)


def _names_admin_policy(values: Iterable[str]) -> bool:
    """Whether a policy of AWS's that makes administrator is among those that the globs mean."""
    return any(
        matches(re.sub(r"^arn:[^:]*:", "arn:aws:", value), f"arn:aws:iam::aws:policy/{name}")
        for value in values
        for name in ("AdministratorAccess", "IAMFullAccess")
    )


def _written(statement: Statement, element: str) -> str:
    inverted, patterns = statement.names(element)
    return f"everything but {', '.join(patterns) or 'nothing'}" if inverted else ", ".join(patterns)


K = TypeVar("K", bound="Hashable")


def escalations(
    policies: Iterable[Policy],
    boundary: Policy = None,
    itself: str = "",
    account: str = "",
    paths: Iterable[Path] = PATHS,
) -> list[Path]:
    """The paths that are open to whoever holds these policies together, within a permissions boundary.

    `itself` is the holder's ARN, which shows whether it may change itself; `account` the one whose resources it must
    reach, where that is known.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    policies = [*policies]
    listed = [statements(policy, account) for policy in policies]
    found = list(chain.from_iterable(listed))
    with bounded(_budget(policies, boundary)):
        fence, itself = _within(found, boundary, itself)
        return [
            path
            for path in paths
            if all(
                _allowed(found, step, itself) and (fence is None or _allowed(fence, step, itself))
                for step in path.steps
            )
        ]


def at_fault(
    policies: Mapping[K, Policy],
    boundary: Policy = None,
    itself: str = "",
    account: str = "",
    paths: Iterable[Path] = PATHS,
) -> dict[K, dict[int, list[Path]]]:
    """The statements that allow the first step of open paths, by policy and index; without them, none of these is open."""
    found: dict[K, dict[int, list[Path]]] = {}
    listed = {key: statements(policy, account) for key, policy in policies.items()}
    with bounded(_budget(policies.values(), boundary)):
        paths = escalations(policies.values(), boundary, itself, account, paths)
        _, itself = _within(list(chain.from_iterable(listed.values())), boundary, itself)
        for key, own in listed.items():
            for statement in own:
                opened = [path for path in paths if _allows(statement, path.steps[0], itself)]
                if opened:
                    found.setdefault(key, {})[statement.index] = opened
    return found


def administrators(policies: Mapping[K, Policy], boundary: Policy = None, account: str = "") -> dict[K, str]:
    """The policies that make whoever holds them all administrator, and why, as in "allows iam:* on *".

    Beside those that `admin` tells of: where everything outside IAM is allowed, what opens a path by a call of IAM.
    What they deny, all together, and a permissions boundary may leave none.
    """
    with bounded(_budget(policies.values(), boundary)):
        return _administrators(policies, boundary, account)


def _administrators(policies: Mapping[K, Policy], boundary: Policy, account: str) -> dict[K, str]:
    paths = [path for path in escalations(policies.values(), boundary, account=account) if path.through_iam]
    if not paths:
        return {}
    found = {key: why for key, policy in policies.items() if (why := why_admin(policy, account))}
    listed = {key: statements(policy, account) for key, policy in policies.items()}
    if not found:
        parts = _making_admin(chain.from_iterable(listed.values()))
        for key, own in listed.items():
            if own_parts := [each for each in own if each in parts]:
                found[key] = " and ".join(map(_allows_what, own_parts))
    others = {key: own for key, own in listed.items() if key not in found}
    power = list(chain.from_iterable(others.values()))
    if all(_allowed(power, step, "") for step in OUTSIDE_IAM):
        for key, own in others.items():
            for path in paths:
                if any(_allows(each, path.steps[0], "") for each in own):
                    found.setdefault(key, f"allows {path} where everything outside IAM is allowed")
    return found


def administering(policy: Policy, account: str = "") -> dict[int, str]:
    """The statements of a policy that make its holder, of that account, administrator, and why."""
    found = statements(policy)
    denied = [each.raw for each in found if each.effect == "Deny"]
    alone = {each.index: {"Statement": [each.raw, *denied]} for each in found if each.effect == "Allow"}
    with bounded(_BUDGET):
        return administrators(alone, account=account)


def _budget(policies: Iterable[Policy], boundary: Policy) -> int:
    texts = (each if isinstance(each, str) else json.dumps(each, default=str) for each in (boundary, *policies))
    return sum(_BUDGET * max(1, len(text) // _LENGTH) for text in texts)


def _within(found: Sequence[Statement], boundary: Policy, itself: str) -> tuple[list[Statement] | None, str]:
    """The boundary's statements, and who may rise by changing itself: nobody within one, unless it can take it off.

    A boundary that can't be read bounds nobody.
    """
    fence = statements(boundary, found[0].account if found else "")
    if boundary is None or not all(each.effect for each in fence):
        return None, itself
    if any(_allowed(found, step, itself) and _allowed(fence, step, itself) for step in LIFTS):
        return None, itself
    return fence, ""


def _allowed(found: Collection[Statement], step: NeededCall, itself: str) -> bool:
    """On any resource, or on the holder itself where that will do."""
    return any(
        any(_allows(each, step, who) for each in found) and not any(_denies(each, step, who) for each in found)
        for who in {"", itself if step.or_itself else ""}
    )


def _allows(statement: Statement, step: NeededCall, itself: str) -> bool:
    return statement.effect == "Allow" and _meets(statement, step, itself) and not _limited(statement, step)


def _denies(statement: Statement, step: NeededCall, itself: str) -> bool:
    """A Deny that all calls but some named ones meet; one about the caller, as by MFA, doesn't count."""
    return (
        statement.effect == "Deny"
        and _meets(statement, step, itself)
        and all(
            operator.lower().removesuffix("ifexists") in _NEGATED
            and not key.startswith("aws:")
            and not (key == "iam:passedtoservice" and _hands_over(values, step))
            and not (key == _POLICY_ARN and step.attaches and _names_admin_policy(values))
            for operator, key, values in statement.conditions()
        )
    )


def _meets(statement: Statement, step: NeededCall, itself: str) -> bool:
    if not _matches(statement, "Action", lambda pattern: matches(pattern.lower(), step.action.lower())):
        return False
    if _matches(statement, "Resource", lambda pattern: matches(_anywhere(pattern, statement.account), step.resource)):
        return True
    return step.or_itself and _is_itself(statement, step, itself)


def _hands_over(values: Iterable[str], step: NeededCall) -> bool:
    """Whether the globs mean the service that the step hands a role to, as its principal is called in any partition."""
    names = [f"{step.service}.{suffix}" for suffix in DNS_SUFFIXES]
    return any(matches(value.lower(), name) for value in values for name in names)


_EQUAL = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
_NEGATED = frozenset({"stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike"})


def _limited(statement: Statement, step: NeededCall) -> bool:
    """Whether a condition leaves it few resources, or another service to hand a role to.

    Conditions about the caller or the call (MFA, region, address) don't: under them the call is allowed. Those on a
    service's own keys, as `iam:PermissionsBoundary`, are taken to.
    """
    for operator, key, values in statement.conditions():
        bare = operator.lower().rpartition(":")[2]
        if key == "iam:passedtoservice" and bare.removesuffix("ifexists") in _EQUAL:
            if not step.service and not bare.endswith("ifexists"):
                return True
            if step.service and not _hands_over(values, step):
                return True
    return any(
        key != "iam:passedtoservice"
        and not (key == _POLICY_ARN and step.attaches and _names_admin_policy(values))
        and (not key.startswith("aws:") or key.startswith(("aws:resourcetag/", "aws:requesttag/")))
        and all(value.strip("*") for value in values)
        for _, key, values in statement.narrowing()
    )


def _is_itself(statement: Statement, step: NeededCall, itself: str) -> bool:
    """Whether it names the holder, or `${aws:username}`: the user, or a member of the group, that holds the policy."""
    kind = step.resource.rsplit(":", 1)[1].partition("/")[0]
    own, _, name = itself.rpartition(":")[2].partition("/")
    if "NotResource" in statement.raw or not own:
        return False

    def named(pattern: str) -> bool:
        begin, _, last = _anywhere(pattern, statement.account).rpartition("/")
        if not begin.startswith(f"arn:aws:iam:~:~:{kind}"):
            return False
        return (own == kind and matches(last, name)) or (kind == "user" and own != "role" and last == "${aws:username}")

    return _matches(statement, "Resource", named)


def _matches(statement: Statement, element: str, fits: Callable[[str], bool]) -> bool:
    """Of an element that may be turned round, as NotAction."""
    inverted, patterns = statement.names(element)
    return any(map(fits, patterns)) != inverted


def _anywhere(pattern: str, account: str) -> str:
    """A pattern of ARNs without its partition, region and account: each is as good as another, but another account's."""
    if not in_account(pattern, account):
        return ""
    parts = completed(pattern).split(":", 5)
    for at, any_one in ((1, "aws"), (3, "~"), (4, "~")):
        if parts[0] == "arn" and at < len(parts) - 1:
            parts[at] = any_one
    return ":".join(parts)
