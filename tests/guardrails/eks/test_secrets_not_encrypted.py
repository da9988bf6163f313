from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.baseline import Baseline, Require
from chalicelib.core.types import Status
from snapback.memory_aws.containers import over
from tests.guardrails.eks.clusters import ENCRYPTED, KEY, cluster, disturb, in_moto, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER

if TYPE_CHECKING:
    from tests.support.world import World

ID = "eks.secrets_not_encrypted"
ELSEWHERE = f"arn:aws:kms:eu-west-1:{HOME}:key/12345678-1234-4234-8234-123456789012"
KNOWN = Baseline(require=Require(kms_keys=(ELSEWHERE, KEY.replace(HOME, STRANGER), KEY, f"{KEY}0")))
RENAMED = {"resourcesVpcConfig": {"endpointPublicAccess": True}}

CASE = Case(
    unsafe=(
        cluster(encryption=None, baseline=KNOWN),
        cluster(encryption=None, baseline=KNOWN, then=RENAMED),
    ),
    near_misses=(
        cluster(),
        cluster(encryption=None, baseline=KNOWN, then={"encryptionConfig": ENCRYPTED}),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_key_of_the_same_account_and_region_is_taken(world: World) -> None:
    (outcome,) = world.deliver(cluster(encryption=None, baseline=KNOWN)(world), ID)
    assert outcome.status == Status.ASKING
    world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert in_moto().encryption_config == ENCRYPTED


def test_without_such_a_key_it_is_only_reported(world: World) -> None:
    (outcome,) = world.deliver(
        cluster(encryption=None, baseline=Baseline(require=Require(kms_keys=(ELSEWHERE,))))(world), ID
    )
    assert outcome.status == Status.ALERTED


def test_it_is_fixed_once_eks_has_encrypted_them(world: World) -> None:
    (outcome,) = world.deliver(cluster(encryption=None, baseline=KNOWN)(world), ID)
    in_moto().snapback_slow = True
    approved = world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert approved.status == Status.FIXING
    over(in_moto())
    world.later(minutes=5)
    world.application("fix", ID).maintain()
    assert world.record(outcome.record).status == Status.FIXED
