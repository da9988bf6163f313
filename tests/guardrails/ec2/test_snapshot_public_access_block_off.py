from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Baseline
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ec2.block_public_sharing import BlockPublicSnapshots
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.snapshot_public_access_block_off"


def opened(world: World) -> Envelope:
    world.client("ec2").disable_snapshot_block_public_access()
    name = "DisableSnapshotBlockPublicAccess"
    return cloudtrail_event("ec2", name, {f"{name}Request": {}}, {f"{name}Response": {"state": "unblocked"}})


def closed(world: World) -> Envelope:
    envelope = opened(world)
    world.client("ec2").enable_snapshot_block_public_access(State="block-new-sharing")
    return envelope


def whole(world: World) -> Any:
    ec2 = world.client("ec2")
    return ec2.get_snapshot_block_public_access_state()["State"]


CASE = Case(unsafe=(opened,), near_misses=(closed,), whole=whole)


def test_the_block_is_put_back(world: World) -> None:
    world.deliver(opened(world), ID)
    assert whole(world) == "block-all-sharing"


def test_what_a_declarative_policy_sets_is_told_only(world: World) -> None:
    envelope = opened(world)
    from moto.ec2.models import ec2_backends

    vars(ec2_backends["123456789012"]["us-east-1"])["_snapback_settings"]["managed_by"] = "declarative-policy"
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"
    assert "by a declarative policy of the organization" in outcome.reason


def test_what_is_blocked_stays_as_it_is() -> None:
    state = {"block": "block-new-sharing", "managed_by": "account"}
    assert BlockPublicSnapshots().safe(state, FixContext(Baseline())) == state
