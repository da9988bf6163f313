from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_reach import ALL_KEYS
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.reach import POLICY_READS, why_policy_is_broad
from chalicelib.resources.iam.managed_policies import ManagedPolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=ManagedPolicy,
    on=cloudtrail("iam", "CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion"),
    reads=POLICY_READS,
)
def policy_decrypts_all_keys(policy: ManagedPolicy, aws: Session) -> str | None:
    """Customer managed policy that allows decryption with every KMS key.

    Its default version allows kms:Decrypt or kms:ReEncryptFrom on all keys. Anyone with it can read all data whose key
    policy leaves access to IAM, as the default key policy does. Snapback only reports it: only you know which keys are
    meant. Name the keys in Resource. A policy used only as a permissions boundary is exempt. A policy that makes
    administrator belongs to `iam.policy_allows_everything`.

    Legitimate look-alikes: policies that decrypt through one service (`kms:ViaService`), with one alias
    (`kms:ResourceAliases`) or one encryption context, or with another account's keys. Such a condition or ARN tells
    them apart. Exempt audit and backup policies that need all keys.
    """
    return why_policy_is_broad(policy, ALL_KEYS, aws)
