from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.secretsmanager.close_secret_policy import CloseSecretPolicy
from chalicelib.resources.secretsmanager import Secret

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseSecretPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Secret,
    on=any_of(
        cloudtrail("secretsmanager", "PutResourcePolicy", "RestoreSecret"), analyzed("AWS::SecretsManager::Secret")
    ),
    reads=FIX.why_reads,
    fix=FIX,
)
def secret_policy_made_public(secret: Secret, aws: Session) -> str | None:
    """Secrets Manager secret open to everyone or an unknown account.

    Outsiders can read the secret, or overwrite it. `BlockPublicPolicy` is no setting: it holds for the one call that has
    it, so it protects only callers who use it. An unknown account can read the value only if it may use the KMS key too.
    The AWS managed key `aws/secretsmanager` is for the account alone. Snapback still reports the policy, because a change
    of the key opens the secret. The fix removes the unknown principals, each statement that has no other principal, and
    the policy if no statement is left. The rest of the text stays. Rotate the secret if somebody may have read it.

    Legitimate look-alikes: policies that deny everyone outside a VPC endpoint, and policies that allow accounts of the
    organization. Only Allow statements count, after their conditions and the Deny statements. Snapback asks AWS about
    the account's organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it fixes.
    """
    return FIX.why(secret, aws)
