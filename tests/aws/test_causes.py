"""Why something can't be judged, in DynamoDB and in the tests' memory alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.core.errors import StepRefused
from chalicelib.core.ports import OTHERS, Standing
from tests.support.memory_ledger import MemoryCauses

if TYPE_CHECKING:
    from chalicelib.core.ports import Causes
    from tests.support.world import World


@pytest.fixture(params=["DynamoDB", "memory"])
def causes(request: pytest.FixtureRequest, world: World) -> Causes:
    return world.application().ledger.causes if request.param == "DynamoDB" else MemoryCauses(lambda: world.clock)


def test_one_record_stands_for_a_cause_until_it_ends(causes: Causes) -> None:
    assert causes.get("s3", "c") is None
    assert causes.begin("s3", "c", "r1", "arn:1") == Standing("r1", "arn:1")
    assert causes.begin("s3", "c", "r2", "arn:2") == Standing("r1", "arn:1")
    assert causes.begin("ec2", "c", "r3", "arn:3") == Standing("r3", "arn:3")
    causes.end("s3", "c", "r2")
    assert causes.begin("s3", "c", "r2", "arn:2").record == "r1"
    causes.end("s3", "c", "r1")
    assert causes.begin("s3", "c", "r2", "arn:2") == Standing("r2", "arn:2")


def test_what_is_counted_is_there_with_its_time_and_actions_until_the_cause_ends(causes: Causes, world: World) -> None:
    causes.begin("s3", "c", "r1", "arn:1")
    causes.count("s3", "c", 3, {"s3:GetBucketAcl"})
    world.later(minutes=1)
    causes.count("s3", "c", 4, {"s3:GetBucketPolicy"})
    actions = ("s3:GetBucketAcl", "s3:GetBucketPolicy")
    assert causes.get("s3", "c") == Standing("r1", "arn:1", None, 7, world.clock, actions)
    causes.end("s3", "c", "r1")
    assert causes.begin("s3", "c", "r2", "arn:2") == Standing("r2", "arn:2")


def test_of_a_service_and_day_eighty_causes_have_a_record_and_twenty_things_have_one_besides(
    causes: Causes, world: World
) -> None:
    for number in range(79):
        causes.begin("s3", f"c{number}", f"r{number}", "arn")
    with pytest.raises(StepRefused, match="capped"):
        causes.begin("s3", "one more", "r80", "arn")
    assert causes.begin("s3", OTHERS, "r80", "arn").record == "r80"
    assert causes.begin("s3", "c3", "r90", "arn").record == "r3", "what has begun goes on"
    assert causes.begin("iam", "c", "r", "arn").record == "r"
    assert [causes.has_room("s3") for _ in range(22)] == [*[True] * 20, False, False]
    world.later(days=1)
    assert causes.begin("s3", "one more", "r80", "arn").record == "r80"
    assert causes.has_room("s3")


def test_an_exempt_cause_has_no_record_until_the_exemption_is_over(causes: Causes, world: World) -> None:
    causes.begin("s3", "c", "r1", "arn:1")
    causes.end("s3", "c", "r1")
    until = (world.clock + timedelta(days=7)).replace(microsecond=0)
    causes.exempt("s3", "c", until)
    standing = causes.begin("s3", "c", "r2", "arn:2")
    assert (standing.record, standing.exempt_until) == ("", until)
    world.later(days=8)
    assert causes.begin("s3", "c", "r2", "arn:2") == Standing("r2", "arn:2")
