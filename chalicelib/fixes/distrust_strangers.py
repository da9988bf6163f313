"""Role trust policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.guardrail import Fix, State
from chalicelib.core.policy import drop_principals, strangers

if TYPE_CHECKING:
    from chalicelib.core.ports import Session
    from chalicelib.core.settings import Known
    from chalicelib.resources.iam import Role

NOBODY: dict[str, Any] = {
    "Sid": "SnapbackLetsNobodyIn",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRole",
}
"""What is left of a trust policy that let in strangers alone: AWS takes none without a statement.

Not the old statement turned into a Deny: AWS refuses a principal that has been deleted meanwhile, and this one it
always takes. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""


class DistrustStrangers(Fix["Role"]):
    """Take the strangers out of the role's trust policy, and leave everybody else in it.

    The document is the one that boto3 parsed: its JSON is kept, its spaces and line breaks aren't.
    """

    reads = ("iam:GetRole",)
    writes = ("iam:UpdateAssumeRolePolicy",)

    def read(self, resource: Role, aws: Session) -> State:
        document = resource.described(aws)["AssumeRolePolicyDocument"]
        return {"account": resource.account, "document": document}

    def safe(self, state: State, known: Known) -> State:
        document = state["document"]
        found = strangers(document, known, state["account"])
        if not found:
            return state
        left = drop_principals(json.dumps(document), found)
        return {**state, "document": json.loads(left) if left else {**document, "Statement": [NOBODY]}}

    def write(self, resource: Role, state: State, aws: Session) -> None:
        aws.client("iam").update_assume_role_policy(**resource.name, PolicyDocument=json.dumps(state["document"]))
