"""Resource policies of secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.secretsmanager import Secret

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.policy import Calls


class CloseSecretPolicy(ClosePolicy[Secret]):
    """Remove unknown principals from the secret's policy, and leave the rest of its text."""

    document = "secretsmanager:secret-policy"
    reads = ("secretsmanager:GetResourcePolicy",)
    writes = ("secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy")
    member = "ResourcePolicy"
    none = frozenset({"InvalidRequestException"})
    """Of a secret that is to be deleted, which nobody can read. A restored secret has its policy again."""

    def calls(self, aws: Session) -> Calls:
        secrets = aws.client("secretsmanager")
        return secrets.get_resource_policy, secrets.put_resource_policy, secrets.delete_resource_policy

    def named(self, resource: Secret) -> dict[str, str]:
        return {"SecretId": resource.arn}
