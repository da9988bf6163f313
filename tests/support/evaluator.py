"""IAM's decision about a request, by an evaluator that nobody here wrote: ministack's (MIT), the one of its kind that is right about most.

tests/security/test_evaluator.py pins what it gets wrong, so that an update that mends or breaks it is noticed; what Snapback's
policies need of that is done here, before it is asked.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

try:
    from ministack.core import iam_evaluator
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "ministack, whose IAM evaluator tests use, is missing: run `make .venv/.ready`"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALLOW = "Allow"
_OURS = {"aws:ResourceAccount": "request:ResourceAccount"}
"""Keys that it works out by itself, and wrongly where an ARN names no account: they are asked for by another name."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What AWS is asked. `principal` is the role's ARN, as `aws:PrincipalArn` has it, and not the session's.

    `context` are the condition keys' values, by the keys in lower case.
    """

    principal: str
    action: str
    arn: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return self.principal.split(":")[4]


def decide(
    request: Request,
    identity: Iterable[str],
    boundary: str | None = None,
    resource: str | None = None,
    *,
    owner: str = "",
    required: bool = False,
) -> str:
    """`Allow`, `Deny` or `ImplicitDeny`; policies are JSON texts, without intrinsics.

    `resource` is the policy of what is asked for, and `owner` its account; `required` is whether that policy has to
    allow it even in its own account, as a key's and a role's trust.
    """
    given = (request.principal, request.action, request.arn, repr(sorted(request.context.items())))
    key = (*given, tuple(identity), boundary, resource, owner, required)
    if key not in _DECIDED:
        _DECIDED[key] = _decided(request, key[4], boundary, resource, owner, required=required)
    return _DECIDED[key]


_DECIDED: dict[tuple[Any, ...], str] = {}
"""Most combinations of a template's parameters leave a role as it was."""


def _decided(
    request: Request, identity: Iterable[str], boundary: str | None, resource: str | None, owner: str, *, required: bool
) -> str:
    context = _context(request, owner)
    limits = [[_parsed(boundary, request.account)]] if boundary else []
    found = iam_evaluator.evaluate(context, [_parsed(each, request.account) for each in identity], *limits)
    if resource is not None:
        found = iam_evaluator.combine_resource_policy(
            found, context, json.loads(_ours(resource)), owner or request.account, required, tuple(limits)
        )
    return str(found.decision)


def admits(policy: str, service: str, request: Request) -> bool:
    """Whether a resource's policy, or a role's trust, allows it to a service of AWS's (`events.amazonaws.com`)."""
    context = _context(request, "")
    return bool(iam_evaluator.evaluate_resource_policy(_ours(policy), context, service).decision == ALLOW)


def trusts(trust: str, request: Request) -> bool:
    """Whether a role's trust policy lets the caller assume it; whether the caller may ask is its own policies' matter."""
    return bool(iam_evaluator.evaluate_trust_policy(_ours(trust), request.principal, _context(request, "")))


def _context(request: Request, owner: str) -> Any:
    named = request.arn.split(":")[4] if request.arn.startswith("arn:") else ""
    return iam_evaluator.EvalContext(
        principal_arn=request.principal,
        principal_type="AssumedRole",
        principal_account=request.account,
        action=request.action,
        resource_arn=request.arn,
        region="us-east-1",
        source_ip=request.context.get("aws:sourceip"),
        secure_transport=str(request.context.get("aws:securetransport", True)).lower() == "true",
        service_context={"request:resourceaccount": named or owner or request.account, **request.context},
    )


@cache
def _parsed(text: str, account: str) -> Any:
    return iam_evaluator.parse_policy_document(_ours(text))


def _ours(text: str) -> str:
    for theirs, ours in _OURS.items():
        text = text.replace(f'"{theirs}"', f'"{ours}"')
    # It knows no variables; there is one in Snapback's policies, and all its accounts are in one organization.
    return text.replace("${aws:PrincipalOrgID}", ORGANIZATION)


ORGANIZATION = "o-exampleorg11"
