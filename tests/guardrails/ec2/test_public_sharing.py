"""ec2.image_public_access_block_off and ec2.snapshot_public_access_block_off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Baseline
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ec2.block_public_sharing import BlockPublicImages, BlockPublicSnapshots
from tests.guardrails.ec2.test_image_public_access_block_off import IMAGES
from tests.guardrails.ec2.test_snapshot_public_access_block_off import SNAPSHOTS
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from tests.guardrails.ec2.public_sharing import Setting
    from tests.support.world import World

BOTH = pytest.mark.parametrize("setting", [IMAGES, SNAPSHOTS], ids=lambda each: str(each.kind))


def id_of(setting: Setting) -> str:
    return f"ec2.{setting.kind}_public_access_block_off"


@BOTH
def test_the_block_is_put_back(setting: Setting, world: World) -> None:
    world.deliver(setting.opened(world), id_of(setting))
    assert setting.whole(world) == {"image": "block-new-sharing", "snapshot": "block-all-sharing"}[setting.kind]


@BOTH
def test_what_a_declarative_policy_sets_is_only_reported(setting: Setting, world: World) -> None:
    envelope = setting.opened(world)
    from moto.ec2.models import ec2_backends

    vars(ec2_backends[HOME][REGION])["_snapback_settings"]["managed_by"] = "declarative-policy"
    (outcome,) = world.deliver(envelope, id_of(setting))
    assert outcome.status == "alerted"
    assert "by a declarative policy of the organization" in outcome.reason


@pytest.mark.parametrize("fix", [BlockPublicImages(), BlockPublicSnapshots()])
def test_what_is_blocked_stays_as_it_is(fix: Any) -> None:
    state = {"block": "block-new-sharing", "managed_by": "account"}
    assert fix.safe(state, FixContext(Baseline())) == state
