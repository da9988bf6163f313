"""Policies of Lambda functions, which are made and taken apart by the statement only."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.analysis.policy_access import Grant, Outsider, let_in, why_undecided
from chalicelib.analysis.policy_document import Statement, statements
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.look_ups import ORGANIZATION, LookUp, reads_of, why_unsure, with_own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.awslambda import Qualified

DOCUMENT = "lambda:function-policy"
_REPLICATES = "replicator.lambda.amazonaws.com"
"""Lambda@Edge's: it copies versions to the edge, on behalf of whoever owns the function.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-edge-permissions.html
"""
_CONDITIONS = {
    ("arnlike", "aws:sourcearn"): "SourceArn",
    ("stringequals", "aws:sourceaccount"): "SourceAccount",
    ("stringequals", "aws:principalorgid"): "PrincipalOrgID",
    ("stringequals", "lambda:eventsourcetoken"): "EventSourceToken",
    ("stringequals", "lambda:functionurlauthtype"): "FunctionUrlAuthType",
    ("bool", "lambda:invokedviafunctionurl"): "InvokedViaFunctionUrl",
}
"""What AddPermission makes of its parameters: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html."""
_PARTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


class RemovePermissions(Fix["Qualified"]):
    """Remove the statements that allow outsiders, and no other.

    `statements` are those, as the policy has them; the others are no part of the state. One that AddPermission couldn't
    make again stays.
    """

    document = DOCUMENT
    look_ups: ClassVar[tuple[LookUp, ...]] = (ORGANIZATION,)
    reads = ("lambda:GetPolicy", *reads_of(*look_ups))
    writes = ("lambda:GetPolicy", "lambda:RemovePermission", "lambda:AddPermission")
    undo_writes = ("lambda:AddPermission",)

    def found(self, policy: str | None, baseline: Baseline, account: str) -> list[tuple[Statement, Grant]]:
        """Who gets in that isn't known, and by which statement."""
        by_index = {each.index: each for each in statements(policy)}
        grants = ((by_index[each.statement], each) for each in let_in(policy, baseline, account))
        return [
            (statement, each)
            for statement, each in grants
            if not (_vouched(statement, each) or lacks_account(statement, each))
        ]

    def unknown(self, policy: str | None, account: str, aws: Session) -> list[tuple[Statement, Grant]]:
        """As `found`, once AWS was asked what is the account's own."""
        return with_own(lambda baseline: self.found(policy, baseline, account), policy or "", self.look_ups, aws)

    def read(self, resource: Qualified, aws: Session) -> State:
        found = self.unknown(resource.policy(aws), resource.account, aws)
        return {"statements": list({each.index: dict(each.raw) for each, _ in found}.values())}

    def safe(self, state: State, context: FixContext) -> State:
        return {"statements": [each for each in state["statements"] if permission(each) is None]}

    def write(self, resource: Qualified, state: State, aws: Session) -> None:
        client = aws.client("lambda")
        policy: str | None = None
        with absent("ResourceNotFoundException"):
            policy = client.get_policy(**resource.asked)["Policy"]
        wanted = {each.get("Sid"): each for each in state["statements"]}
        there = {each.raw.get("Sid"): each.raw for each in statements(policy)}
        unsafe = [each.raw for each, _ in self.found(policy, aws.baseline, resource.account)]
        others = {sid: raw for sid, raw in there.items() if raw not in unsafe}
        for sid in {each.get("Sid") for each in unsafe} | (wanted.keys() & others.keys()):
            if there[sid] != wanted.get(sid) and permission(there[sid]):
                with absent("ResourceNotFoundException"):
                    client.remove_permission(**resource.asked, StatementId=sid)
        for sid, each in wanted.items():
            asked = permission(each)
            if asked and there.get(sid) != each:
                client.add_permission(**resource.asked, **asked)

    def needs_approval(
        self, resource: Qualified, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        found = self.found(resource.policy(aws), aws.baseline, resource.account)
        unsure = why_unsure(json.dumps(before["statements"]), self.look_ups, aws)
        return unsure or why_undecided(each for _, each in found)


def permission(statement: Mapping[str, Any]) -> dict[str, Any] | None:
    """What AddPermission takes to make this statement; None of one that it couldn't have made."""
    sid, action, principal = (statement.get(part) for part in ("Sid", "Action", "Principal"))
    if isinstance(principal, dict) and len(principal) == 1 and principal.keys() <= {"AWS", "Service"}:
        (principal,) = principal.values()
    texts = all(isinstance(each, str) for each in (sid, action, principal))
    if not texts or statement.get("Effect") != "Allow" or not statement.keys() <= _PARTS:
        return None
    asked: dict[str, Any] = {"StatementId": sid, "Action": action, "Principal": principal}
    for operator, key, values in Statement(0, statement).conditions():
        name = _CONDITIONS.get((operator.lower(), key))
        if name is None or name in asked or len(values) != 1:
            return None
        asked[name] = values[0].lower() == "true" if name == "InvokedViaFunctionUrl" else values[0]
    return asked


def lacks_account(statement: Statement, grant: Grant) -> bool:
    """Whether it is a service for one thing that is ours as things are, though no account is fixed.

    The ARN of a bucket has no account in it: it is somebody else's once the bucket is deleted. Secrets Manager rotates
    secrets of the function's own account only.
    https://docs.aws.amazon.com/lambda/latest/dg/services-s3.html
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
    """
    if grant.who is not Outsider.SERVICE:
        return False
    sources = [value for each in statement.narrowing() if each.key == "aws:sourcearn" for value in each.values]
    of_bucket = bool(sources) and all(re.fullmatch(r"arn:[a-z-]+:s3:::[a-z0-9.-]+", value) for value in sources)
    return of_bucket or (grant.principal.startswith("secretsmanager.") and not sources)


def _vouched(statement: Statement, grant: Grant) -> bool:
    """Whether it is a service that only does so for one thing of ours: an Alexa skill, or Lambda@Edge."""
    if grant.who is not Outsider.SERVICE:
        return False
    tokens = [each for each in statement.narrowing() if each.key == "lambda:eventsourcetoken"]
    return grant.principal == _REPLICATES or any(all(value for value in each.values) for each in tokens)
