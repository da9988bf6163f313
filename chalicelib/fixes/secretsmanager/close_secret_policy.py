"""Resource policies of secrets."""

from __future__ import annotations

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.secretsmanager import Secret


class CloseSecretPolicy(ClosePolicy[Secret]):
    """Remove unknown principals from the secret's policy, and leave the rest of its text."""

    document = "secretsmanager:secret-policy"
    client = "secretsmanager"
    reads = ("secretsmanager:GetResourcePolicy",)
    writes = ("secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy")
    member = "ResourcePolicy"
    none = frozenset({"InvalidRequestException"})
    """Of a secret that is to be deleted, which nobody can read. A restored secret has its policy again."""

    def named(self, resource: Secret) -> dict[str, str]:
        return {"SecretId": resource.arn}
