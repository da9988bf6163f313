"""Role trust policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.analysis.policy_access import Grant, Outsider, by_statement, let_in, why_undecided
from chalicelib.analysis.policy_document import drop_principals, statements, without_deleted_principals
from chalicelib.analysis.policy_merge import take_back
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.look_ups import ORGANIZATION, LookUp, reads_of, why_unsure, with_own

if TYPE_CHECKING:
    from chalicelib.analysis.policy_document import Policy
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import Role

NOBODY: dict[str, Any] = {
    "Sid": "SnapbackLetsNobodyIn",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRole",
}
"""What is left of a trust policy that trusted strangers only: AWS takes none without a statement.

Not the old statement turned into a Deny: AWS refuses a principal that has been deleted meanwhile, and this one it
always takes. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""


class DistrustUnknownPrincipals(Fix["Role"]):
    """Remove unknown principals from the role's trust policy, and leave all others.

    The document is the one that boto3 parsed: its JSON is kept, its spaces and line breaks aren't, nor are principals
    that have been deleted, since AWS takes no policy with them. Web identities are
    another fix's, so that no two guardrails are about one principal; services get into roles by being passed them.
    """

    document = "iam:trust-policy"
    reads = ("iam:GetRole",)
    writes = ("iam:UpdateAssumeRolePolicy",)
    whom: ClassVar[frozenset[Outsider]] = frozenset(
        {Outsider.ANYONE, Outsider.ORGANIZATION, Outsider.ACCOUNT, Outsider.VENDOR}
    )

    look_ups: ClassVar[tuple[LookUp, ...]] = (ORGANIZATION,)
    approval_reads = reads_of(*look_ups)

    def found(self, document: Policy, baseline: Baseline, account: str) -> list[Grant]:
        """Those whom this fix takes out."""
        return [each for each in let_in(document, baseline, account) if each.who in self.whom]

    def unknown(self, document: Policy, account: str, aws: Session) -> list[Grant]:
        """As `found`, once AWS was asked what is the account's own."""
        return with_own(
            lambda baseline: self.found(document, baseline, account), json.dumps(document), self.look_ups, aws
        )

    def read(self, resource: Role, aws: Session) -> State:
        document = resource.described(aws)["AssumeRolePolicyDocument"]
        left = without_deleted_principals(json.dumps(document))
        return {"account": resource.account, "document": json.loads(left) if left else document}

    def safe(self, state: State, context: FixContext) -> State:
        document = state["document"]
        found = self.found(document, context.baseline, state["account"])
        if not found:
            return state
        left = drop_principals(json.dumps(document), by_statement(found))
        return {**state, "document": json.loads(left) if left else {**document, "Statement": [NOBODY]}}

    def write(self, resource: Role, state: State, aws: Session) -> None:
        aws.client("iam").update_assume_role_policy(**resource.name, PolicyDocument=json.dumps(state["document"]))

    def take_back(self, before: State, after: State, now: State) -> State | None:
        merged = take_back(before["document"], after["document"], now["document"])
        return {**now, "document": merged.document} if merged and merged.document else None

    def needs_approval(self, resource: Role, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        """Whoever is in a session of the role that they changed may have no other way in than the one that goes.

        Everybody else who can change a trust policy is in the role's account by other means, and keeps them.
        """
        if unsure := why_unsure(json.dumps(before["document"]), self.look_ups, aws):
            return unsure
        in_this_role = actor.principal.startswith("arn:") and actor.principal.split(":")[4:][:1] == [resource.account]
        in_this_role = in_this_role and actor.principal.split(":", 5)[5].startswith(f"assumed-{resource.id}/")
        if not in_this_role or _ways_in(after["document"]):
            return why_undecided(self.found(before["document"], aws.baseline, resource.account))
        return "a session of this role made the change, and nobody could assume the role after the fix"


def _ways_in(document: Policy) -> bool:
    """Whether anybody but AWS services can assume it still."""
    allows = (each for each in statements(document) if each.effect == "Allow")
    return any(kind != "Service" for statement in allows for kind, _ in statement.principals())
