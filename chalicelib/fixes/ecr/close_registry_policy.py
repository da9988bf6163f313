"""The policy of a registry, one in each account and region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.resource import Account
from chalicelib.fixes.policy import ClosePolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.policy import Calls


class CloseRegistryPolicy(ClosePolicy[Account]):
    """Remove unknown principals from the registry's policy, and leave the rest of its text."""

    document = "ecr:registry-policy"
    reads = ("ecr:GetRegistryPolicy",)
    writes = ("ecr:PutRegistryPolicy", "ecr:DeleteRegistryPolicy")
    member = "policyText"
    none = frozenset({"RegistryPolicyNotFoundException"})

    def calls(self, aws: Session) -> Calls:
        ecr = aws.client("ecr")
        return ecr.get_registry_policy, ecr.put_registry_policy, ecr.delete_registry_policy

    def named(self, resource: Account) -> dict[str, str]:
        return {}
