from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_reach import ALL_KEYS
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.reach import INLINE_READS, why_inline_is_broad
from chalicelib.resources.iam.identities import LESS_HELD_BACK, Identity

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Identity,
    on=cloudtrail("iam", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy", *LESS_HELD_BACK),
    reads=INLINE_READS,
)
def inline_policy_decrypts_all_keys(identity: Identity, aws: Session) -> str | None:
    """Inline policy that decrypts with every KMS key.

    A user, role or group is allowed kms:Decrypt or kms:ReEncryptFrom on all keys, and reads whatever is encrypted, wherever
    the key's policy leaves the choice to IAM, as the default one does. It is reported, never fixed: only you know which keys
    are meant. Name the keys in Resource.

    It counts what the attached policies and the permissions boundary deny. Whoever may be administrator
    (`allow.principals`), Snapback's own roles and those that AWS keeps are exempt; a policy that makes administrator is
    `iam.inline_policy_escalates`'s.

    Legitimate look-alikes: `cdk bootstrap`'s deploy role and others that decrypt through one service
    (`kms:ViaService`) or with one encryption context: such a condition tells them apart. Exempt backup and audit roles.
    """
    return why_inline_is_broad(identity, ALL_KEYS, aws)
