"""What s3.account_public_access_block_weakened and s3.bucket_public_access_block_weakened promise alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.guardrails.s3 import test_account_public_access_block_weakened as account
from tests.guardrails.s3 import test_bucket_public_access_block_weakened as bucket
from tests.guardrails.s3.public_access import ALL_ON, FLAGS

if TYPE_CHECKING:
    from tests.support.world import World

EACH = pytest.mark.parametrize(
    ("of", "it", "its"), [(account, "the account", "the account's"), (bucket, "it", "its")], ids=["account", "bucket"]
)


@EACH
def test_the_fix_turns_on_all_four(of: Any, it: str, its: str, world: World) -> None:
    world.deliver(of.deleted(world), of.ID)
    assert of.flags(world) == ALL_ON


@EACH
@pytest.mark.parametrize("off", [*((flag,) for flag in FLAGS), ("IgnorePublicAcls", "BlockPublicPolicy")])
def test_the_reason_names_what_is_off(of: Any, it: str, its: str, off: tuple[str, ...], world: World) -> None:
    (outcome,) = world.deliver(of.put(*off)(world), of.ID, "alert")
    assert outcome.reason == f"{its} Block Public Access has {', '.join(off)} off"


@EACH
def test_the_reason_says_that_there_is_no_block(of: Any, it: str, its: str, world: World) -> None:
    (outcome,) = world.deliver(of.deleted(world), of.ID, "alert")
    assert outcome.reason == f"{it} has no Block Public Access"
