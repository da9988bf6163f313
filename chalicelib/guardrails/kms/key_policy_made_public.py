from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.kms.close_key_policy import CloseKeyPolicy
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseKeyPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Key,
    on=any_of(cloudtrail("kms", "PutKeyPolicy", "CreateKey"), analyzed("AWS::KMS::Key")),
    reads=FIX.why_reads,
    fix=FIX,
    controls=("KMS.5",),
)
def key_policy_made_public(key: Key, aws: Session) -> str | None:
    """KMS key open to everyone or an unknown account.

    Outsiders can decrypt what the key protects, or make grants and change the key. KMS has no setting that blocks public
    policies; its lockout check only asks that the caller can change the policy again. The fix removes the unknown
    principals, and each statement that has no other principal. The rest of the text stays. The fix never removes the
    account itself; if no statement is left, it writes KMS's default policy, which leaves the decision to the account's IAM
    policies. A key policy that allows only named administrators also shuts out Snapback: then the key is unjudged. Grants
    are not part of the policy. What a removed account has already decrypted stays known to it.

    Legitimate look-alikes: AWS managed keys allow everyone who calls through one service (`kms:ViaService`) and belongs
    to the account (`kms:CallerAccount`). Keys for AMIs, snapshots and backups name the organization or its accounts.
    Their conditions and the settings tell them apart. Snapback asks AWS about the account's organization and VPC
    endpoints; where AWS refuses the look-up, Snapback asks before it fixes. `kms:ViaService` alone is no excuse: all
    accounts call through the same service.
    """
    return FIX.why(key, aws)
