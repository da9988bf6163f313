from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.guardrails.iam.test_policy_allows_everything import IAM, READS, disturb, having, remove, text, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION, STRANGER

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World

ID = "iam.policy_decrypts_all_keys"
OWN_KEY = f"arn:aws:kms:{REGION}:{HOME}:key/11111111-2222-4333-8444-555555555555"


def decrypts(resource: Any = "*", action: Any = "kms:Decrypt", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def denies(resource: Any = "*", action: Any = "kms:*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


VIA_S3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
CASE = Case(
    unsafe=(
        having(text(READS, decrypts())),
        having(text(decrypts(action="kms:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
        having(text(decrypts(f"arn:aws:kms:*:{HOME}:key/*", "kms:ReEncrypt*"))),
        having(text({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"})),
        having(text(decrypts()), text(decrypts(), denies(OWN_KEY))),
    ),
    near_misses=(
        having(text(decrypts(OWN_KEY), decrypts(action=["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]))),
        having(text(decrypts(Condition=VIA_S3))),
        having(text(decrypts(f"arn:aws:kms:*:{STRANGER}:key/*"))),
        having(text(decrypts(), denies())),
        having(text({"Effect": "Allow", "Action": "*", "Resource": "*"})),
        having(text(decrypts()), text(READS)),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_reason_names_version_statement_and_call(world: World) -> None:
    (outcome,) = world.deliver(having(text(READS), text(READS, decrypts(action="kms:*")))(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == "in its default version v2, statement 2 allows kms:Decrypt, kms:ReEncryptFrom"


def test_an_administrators_policy_is_another_guardrails(world: World) -> None:
    (outcome,) = world.deliver(having(text(IAM, decrypts()))(world), ID)
    assert outcome.status == "compliant"


def test_a_boundary_gives_nothing_to_anybody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto doesn't count boundaries.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
    """
    from moto.iam.models import ManagedPolicy as Model

    envelope = having(text(decrypts()))(world)
    monkeypatch.setattr(Model, "permissions_boundary_usage_count", 1, raising=False)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
