"""ECR repository policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.resources.ecr.repositories import Repository


class CloseRepositoryPolicy(DropPrincipals["Repository"]):
    """Remove unknown principals from the repository policy, and leave the rest of its text."""

    document = "ecr:repository-policy"
    reads = ("ecr:GetRepositoryPolicy",)
    writes = ("ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy")

    def get_policy(self, resource: Repository, aws: Session) -> str | None:
        with absent("RepositoryPolicyNotFoundException"):
            return aws.client("ecr").get_repository_policy(repositoryName=resource.id)["policyText"]
        return None

    def put_policy(self, resource: Repository, text: str, aws: Session) -> None:
        # Without force, ECR refuses a policy that locks out its caller. This policy may, as the one before it did.
        aws.client("ecr").set_repository_policy(repositoryName=resource.id, policyText=text, force=True)

    def delete_policy(self, resource: Repository, aws: Session) -> None:
        with absent("RepositoryPolicyNotFoundException"):
            aws.client("ecr").delete_repository_policy(repositoryName=resource.id)
