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
    """Inline policy that allows decryption with every KMS key.

    A user, role or group may call kms:Decrypt or kms:ReEncryptFrom on all keys. It can read all data whose key policy
    leaves access to IAM, as the default key policy does. Snapback only reports it: only you know which keys are meant.
    Name the keys in Resource.

    Denies in the attached policies and the permissions boundary count. Allowed administrators (`allow.principals`),
    Snapback's own roles and roles that AWS manages are exempt. A policy that makes administrator belongs to
    `iam.inline_policy_escalates`.

    Legitimate look-alikes: `cdk bootstrap`'s deploy role and others that decrypt through one service (`kms:ViaService`)
    or with one encryption context. Such a condition tells them apart. Exempt backup and audit roles.
    """
    return why_inline_is_broad(identity, ALL_KEYS, aws)
