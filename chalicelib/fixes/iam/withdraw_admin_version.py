"""Customer managed policies whose default version makes administrator."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import drop
from chalicelib.analysis.policy_escalation import administering
from chalicelib.core.errors import CannotJudge
from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam.detach_admin_policies import last_administrator

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.managed_policies import ManagedPolicy

MOST_VERSIONS = 5
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html"""
ALLOWS_NOTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "SnapbackAllowsNothing", "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
        ],
    }
)
"""What is left of a policy that did nothing else: AWS takes none without a statement, and everybody may do this.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""


class WithdrawAdminVersion(Fix["ManagedPolicy"]):
    """Return to the newest version without administrator rights, or create one without those statements.

    The state is `{"account": whose it is, "default": its text, "others": the other versions' texts, sorted, "fallback":
    the newest harmless text or None}`. Where five versions leave no room for another, one goes; an undo brings it back, under a new id.
    """

    document = "iam:policy-versions"
    reads = ("iam:ListPolicyVersions", "iam:GetPolicyVersion")
    writes = (
        *reads,
        "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:DeletePolicyVersion",
    )
    approval_reads = ("iam:GetPolicy", "iam:ListEntitiesForPolicy", "iam:GetGroup")

    def read(self, resource: ManagedPolicy, aws: Session) -> State:
        versions = resource.versions(aws)
        harmless = [version.text for version in versions if _is_harmless(version.text, resource.account)]
        return {
            "account": resource.account,
            "default": next(version.text for version in versions if version.default),
            "others": sorted(version.text for version in versions if not version.default),
            "fallback": harmless[-1] if harmless else None,
        }

    def safe(self, state: State, context: FixContext) -> State:
        unsafe, others = state["default"], list(state["others"])
        if not (fault := administering(unsafe, state["account"])):
            return state
        if state["fallback"] is not None:
            others.remove(state["fallback"])
            return {**state, "default": state["fallback"], "others": sorted([*others, unsafe])}
        left = drop(unsafe, fault) or ALLOWS_NOTHING
        others = others[1:] if len(others) + 1 == MOST_VERSIONS else others
        return {**state, "default": left, "others": sorted([*others, unsafe]), "fallback": left}

    def write(self, resource: ManagedPolicy, state: State, aws: Session) -> None:
        """Versions that somebody else made since stay, unless there is no room."""
        iam, versions = aws.client("iam"), resource.versions(aws)
        arn, ours = resource.arn, self.safe(state, FixContext(aws.baseline))["default"]
        missing = Counter([state["default"], *state["others"]])
        surplus, crowded = [], False
        for version in sorted(versions, key=lambda version: not version.default):  # The default can't be deleted.
            if missing[version.text]:
                missing[version.text] -= 1
            else:
                surplus.append(version)
        there = [version for version in versions if version.text == state["default"]]
        if not there:
            if len(versions) == MOST_VERSIONS:
                gone = next(version for version in (*surplus, *versions) if not version.default)
                iam.delete_policy_version(PolicyArn=arn, VersionId=gone.id)
                if gone in surplus:
                    surplus.remove(gone)
                else:
                    missing[gone.text], crowded = missing[gone.text] + 1, True
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=state["default"], SetAsDefault=True)
            missing[state["default"]] -= 1
        elif not any(version.default for version in there):
            iam.set_default_policy_version(PolicyArn=arn, VersionId=there[-1].id)
        for version in surplus:
            if version.text == ours or crowded:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version.id)
        for text in missing.elements():
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=False)

    def needs_approval(
        self, resource: ManagedPolicy, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        return last_administrator(aws) if resource.described(aws)["AttachmentCount"] else None


def _is_harmless(text: str, account: str) -> bool:
    """Not so where that can't be judged."""
    try:
        return not administering(text, account)
    except CannotJudge:
        return False
