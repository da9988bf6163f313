from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.iam.identities import attach_reading, remove
from tests.guardrails.iam.test_inline_policy_escalates import READS, allow, beside, inline, not_denied, whole, within
from tests.guardrails.iam.test_policy_decrypts_all_keys import OWN_KEY, VIA_S3
from tests.support.cases import Case
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.inline_policy_decrypts_all_keys"
DECRYPTS = allow("kms:Decrypt", "kms:GenerateDataKey")
NO_IAM = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
CDK = {
    "StringNotEquals": {"s3:ResourceAccount": HOME},
    "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
}
"""From the template of `cdk bootstrap`: https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html."""

CASE = Case(
    unsafe=(
        inline("user", READS, DECRYPTS),
        inline("role", allow("kms:*")),
        inline("group", allow("kms:ReEncrypt*", resource=f"arn:aws:kms:*:{HOME}:key/*")),
        within(allow("kms:*", "s3:*"), DECRYPTS),
        beside(NO_IAM, DECRYPTS),
        not_denied("user", DECRYPTS),
    ),
    near_misses=(
        inline("user", allow("kms:Decrypt", resource=OWN_KEY)),
        inline("role", allow("kms:Decrypt", Condition=VIA_S3)),
        inline("role", allow("kms:Decrypt", Condition=CDK)),
        inline("role", allow("*")),
        inline("role", DECRYPTS, path="/aws-service-role/backup.amazonaws.com/"),
        inline("role", DECRYPTS, baseline=(f"arn:aws:iam::{HOME}:role/deploy",)),
        within(allow("s3:*"), DECRYPTS),
        beside({"Effect": "Deny", "Action": "kms:*", "Resource": "*"}, DECRYPTS),
    ),
    whole=whole,
    remove=remove,
    disturb=attach_reading,
)


def test_the_reason_names_policy_statement_and_call(world: World) -> None:
    (outcome,) = world.deliver(inline("role", READS, allow("kms:*"))(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == "work, statement 2 allows kms:Decrypt, kms:ReEncryptFrom"
