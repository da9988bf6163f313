"""Inline policies by which a user, role or group makes itself more than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import drop, judged
from chalicelib.analysis.policy_escalation import administrators, at_fault
from chalicelib.analysis.policy_merge import take_back_text
from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam.detach_admin_policies import attached, last_administrator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.analysis.escalation_paths import Path
    from chalicelib.analysis.policy_document import Policy
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import Identity

_EVERYTHING: Policy = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


class DropEscalatingStatements(Fix["Identity"]):
    """Remove inline policy statements that allow privilege escalation, and leave the rest.

    The state is `{"policies": the inline policies' texts by name, "at_fault": the statements to drop, by policy}`.
    """

    document = "iam:identity"
    reads = (
        "iam:ListAttachedUserPolicies",
        "iam:ListAttachedRolePolicies",
        "iam:ListAttachedGroupPolicies",
        "iam:ListUserPolicies",
        "iam:ListRolePolicies",
        "iam:ListGroupPolicies",
        "iam:GetUserPolicy",
        "iam:GetRolePolicy",
        "iam:GetGroupPolicy",
        "iam:GetUser",
        "iam:GetRole",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
    )
    writes = (
        *reads,
        "iam:PutUserPolicy",
        "iam:PutRolePolicy",
        "iam:PutGroupPolicy",
        "iam:DeleteUserPolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteGroupPolicy",
    )
    approval_reads = ("iam:ListEntitiesForPolicy", "iam:GetGroup")

    def found(self, resource: Identity, aws: Session) -> dict[str, dict[int, list[Path]]]:
        """The statements at fault, by policy and index, and the paths they open. Raises CannotJudge, as `judged` does."""
        inline = resource.inline(aws)
        found, others = self._found(resource, inline, aws)
        return judged(found, *inline.values(), *others)

    def _found(
        self, resource: Identity, inline: Mapping[str, Policy], aws: Session
    ) -> tuple[dict[str, dict[int, list[Path]]], Iterable[Policy]]:
        """And the attached policies that count.

        They and the boundary are read only where with any others there would be a path. Those that
        make administrator by themselves don't count: the holder is up already.
        """
        if (
            not inline.keys()
            & at_fault({**inline, "": _EVERYTHING}, itself=resource.arn, account=resource.account).keys()
        ):
            return {}, ()
        others = attached(resource, aws)
        for arn in administrators(others, account=resource.account):
            del others[arn]
        faults = at_fault({**others, **inline}, resource.boundary(aws), resource.arn, resource.account)
        return {name: faults[name] for name in inline if name in faults}, others.values()

    def read(self, resource: Identity, aws: Session) -> State:
        inline = resource.inline(aws)
        found, _ = self._found(resource, inline, aws)
        return {"policies": inline, "at_fault": {name: list(opened) for name, opened in found.items()}}

    def safe(self, state: State, context: FixContext) -> State:
        policies = {name: drop(text, state["at_fault"].get(name, ())) for name, text in state["policies"].items()}
        return {"policies": {name: text for name, text in policies.items() if text is not None}, "at_fault": {}}

    def write(self, resource: Identity, state: State, aws: Session) -> None:
        """A policy that came since and isn't at fault stays."""
        iam, now = aws.client("iam"), self.read(resource, aws)
        emptied = now["policies"].keys() - self.safe(now, FixContext(aws.baseline))["policies"].keys()
        for name, text in sorted(state["policies"].items()):
            if now["policies"].get(name) != text:
                put = getattr(iam, f"put_{resource.what}_policy")
                put(**resource.name, PolicyName=name, PolicyDocument=text)
        for name in sorted(emptied - state["policies"].keys()):
            getattr(iam, f"delete_{resource.what}_policy")(**resource.name, PolicyName=name)

    def take_back(self, before: State, after: State, now: State) -> State | None:
        """A policy at a time, by its name."""
        policies = dict(now["policies"])
        for name, text in before["policies"].items():
            if after["policies"].get(name) == text:
                continue
            taken = take_back_text(text, after["policies"].get(name), policies.get(name))
            if taken is None or taken[0] is None:
                return None
            policies[name] = taken[0]
        return {"policies": policies, "at_fault": before["at_fault"]}

    def needs_approval(self, resource: Identity, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        administrator = administrators(before["policies"], account=resource.account)
        return last_administrator(aws, resource) if administrator else None
