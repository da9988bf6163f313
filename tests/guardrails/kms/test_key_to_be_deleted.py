from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.kms.keys import ID as KEY
from tests.guardrails.kms.keys import disturb, key, remove, whole
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.world import World

ID = "kms.key_to_be_deleted"
CASE = Case(
    unsafe=(
        key("ScheduleKeyDeletion", "schedule_key_deletion"),
        key("ScheduleKeyDeletion", "disable_key", "schedule_key_deletion", Origin="EXTERNAL"),
    ),
    near_misses=(
        key("ScheduleKeyDeletion"),
        key("ScheduleKeyDeletion", "schedule_key_deletion", "cancel_key_deletion"),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_a_key_that_waits_for_its_material_is_kept_and_not_enabled(world: World) -> None:
    """AWS then refuses EnableKey, where moto goes on."""
    envelope = CASE.unsafe[1](world)
    (asked,) = world.deliver(envelope, ID)
    assert asked.status == "asking"
    with world.denied("EnableKey", code="KMSInvalidStateException"):
        outcome = world.application("fix", ID).engine.approve(asked.record, "carol")
    assert outcome.status == "fixed"
    assert world.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]["KeyState"] == "Disabled"
