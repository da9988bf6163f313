"""Resource policies of secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.absent import absent
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of
from chalicelib.resources.secretsmanager import Secret

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class CloseSecretPolicy(DropPrincipals[Secret]):
    """Remove unknown principals from the secret's policy, and leave the rest of its text."""

    document = "secretsmanager:secret-policy"
    reads = ("secretsmanager:GetResourcePolicy",)
    writes = ("secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy")
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def get_policy(self, resource: Secret, aws: Session) -> str | None:
        """None too of a secret that is to be deleted: nobody can read it. A restored secret has its policy again."""
        with absent("InvalidRequestException"):
            text: str | None = (
                aws.client("secretsmanager").get_resource_policy(SecretId=resource.arn).get("ResourcePolicy")
            )
            return text
        return None

    def put_policy(self, resource: Secret, text: str, aws: Session) -> None:
        aws.client("secretsmanager").put_resource_policy(SecretId=resource.arn, ResourcePolicy=text)

    def delete_policy(self, resource: Secret, aws: Session) -> None:
        aws.client("secretsmanager").delete_resource_policy(SecretId=resource.arn)
