"""ECR repository policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import unknown_principals
from chalicelib.analysis.policy_document import drop_principals, without_deleted_principals
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecr.repositories import Repository


class CloseRepositoryPolicy(Fix["Repository"]):
    """Take unknown principals out of the repository's policy, and leave the rest of its text.

    `policy` is the text, or None where there is no policy; without principals that have been deleted, since AWS takes
    no policy with them. What is known depends on `account`, ours.
    """

    reads = ("ecr:GetRepositoryPolicy",)
    writes = ("ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy")

    def read(self, resource: Repository, aws: Session) -> State:
        policy: str | None = None
        with absent("RepositoryPolicyNotFoundException"):
            policy = aws.client("ecr").get_repository_policy(repositoryName=resource.id)["policyText"]
        return {"account": resource.account, "policy": without_deleted_principals(policy) if policy else policy}

    def safe(self, state: State, context: FixContext) -> State:
        unknown = unknown_principals(state["policy"], context.baseline, state["account"])
        return {**state, "policy": drop_principals(state["policy"], unknown)} if unknown else state

    def write(self, resource: Repository, state: State, aws: Session) -> None:
        ecr = aws.client("ecr")
        if state["policy"] is None:
            with absent("RepositoryPolicyNotFoundException"):
                ecr.delete_repository_policy(repositoryName=resource.id)
        else:
            # Without force, ECR refuses a policy that denies its caller to set the next one; this one was there before.
            ecr.set_repository_policy(repositoryName=resource.id, policyText=state["policy"], force=True)
