from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.close_registry_policy import CloseRegistryPolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseRegistryPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("ecr", "PutRegistryPolicy", "PutAccountSetting"),
    reads=FIX.why_reads,
    fix=FIX,
)
def registry_policy_made_public(account: Account, aws: Session) -> str | None:
    """ECR registry open to everyone or an unknown account.

    Outsiders can replicate images of theirs into the registry, or create repositories through a pull-through cache. In
    its second scope (V2), the policy governs every ECR call for all repositories, pulls and pushes included, beside their
    own policies. Snapback judges the policy whatever its scope. ECR has no setting that blocks public policies. The KMS
    key of a repository changes nothing, because ECR itself decrypts. The fix removes the unknown principals, each
    statement that has no other principal, and the policy if no statement is left. The rest of the text stays.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html

    Legitimate look-alikes: registries that replicate within the organization. Snapback asks AWS about the account's
    organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it fixes. Name other accounts
    under `allow.accounts`.
    """
    return FIX.why(account, aws)
