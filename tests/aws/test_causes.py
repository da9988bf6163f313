"""Why something can't be judged, in DynamoDB and in the tests' memory alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chalicelib.core.errors import StepRefused
from chalicelib.core.ports import OTHERS, Standing
from chalicelib.core.types import Severity
from tests.support.memory_ledger import MemoryCauses

if TYPE_CHECKING:
    from chalicelib.core.ports import Causes
    from tests.support.world import World


@pytest.fixture(params=["DynamoDB", "memory"])
def causes(request: pytest.FixtureRequest, world: World) -> Causes:
    return world.application().ledger.causes if request.param == "DynamoDB" else MemoryCauses(lambda: world.clock)


def test_one_record_stands_for_a_cause_until_it_ends(causes: Causes) -> None:
    assert causes.get("s3", "c") is None
    assert causes.begin("s3", "c", "r1", "arn:1", Severity.HIGH) == Standing("r1", "arn:1", Severity.HIGH)
    assert causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH) == Standing("r1", "arn:1", Severity.HIGH)
    assert causes.begin("ec2", "c", "r3", "arn:3", Severity.HIGH) == Standing("r3", "arn:3", Severity.HIGH)
    causes.end("s3", "c", "r2")
    assert causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH).record == "r1"
    causes.end("s3", "c", "r1")
    assert causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH) == Standing("r2", "arn:2", Severity.HIGH)


def test_what_is_counted_is_there_with_its_time_and_actions_until_the_cause_ends(causes: Causes, world: World) -> None:
    causes.begin("s3", "c", "r1", "arn:1", Severity.HIGH)
    causes.count("s3", "c", 3, {"s3:GetBucketAcl"}, ["arn:2"])
    world.later(minutes=1)
    causes.count("s3", "c", 4, {"s3:GetBucketPolicy"}, ["arn:3", "arn:2"])
    actions, first = ("s3:GetBucketAcl", "s3:GetBucketPolicy"), ("arn:2", "arn:3")
    assert causes.get("s3", "c") == Standing("r1", "arn:1", Severity.HIGH, None, 7, world.clock, actions, first)
    causes.end("s3", "c", "r1")
    assert causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH) == Standing("r2", "arn:2", Severity.HIGH)


def test_of_a_service_and_day_seventy_seven_causes_have_a_record_and_twenty_things_have_one_besides(
    causes: Causes, world: World
) -> None:
    for number in range(76):
        causes.begin("s3", f"c{number}", f"r{number}", "arn", Severity.HIGH)
    with pytest.raises(StepRefused, match="capped"):
        causes.begin("s3", "one more", "r80", "arn", Severity.HIGH)
    assert causes.begin("s3", OTHERS, "r80", "arn", Severity.HIGH).record == "r80"
    assert causes.begin("s3", "c3", "r90", "arn", Severity.HIGH).record == "r3", "what has begun goes on"
    assert causes.begin("iam", "c", "r", "arn", Severity.HIGH).record == "r"
    assert [causes.has_room("s3", f"own{number}") for number in range(22)] == [*[True] * 20, False, False]
    world.later(days=1)
    assert causes.begin("s3", "one more", "r80", "arn", Severity.HIGH).record == "r80"
    assert causes.has_room("s3", "own21")


def test_a_record_that_is_asked_about_again_takes_no_more_room(causes: Causes) -> None:
    """EventBridge and Lambda deliver an event more than once."""
    assert [causes.has_room("s3", "own0") for _ in range(50)] == [True] * 50
    assert [causes.has_room("s3", f"own{number}") for number in range(21)] == [*[True] * 20, False]
    assert causes.has_room("s3", "own19"), "also when it is full"
    for _ in range(100):
        causes.begin("s3", "c", "r", "arn", Severity.HIGH)
        causes.end("s3", "c", "r")
    for number in range(75):
        causes.begin("s3", f"c{number}", f"r{number}", "arn", Severity.HIGH)
    with pytest.raises(StepRefused, match="capped"):
        causes.begin("s3", "one more", "r80", "arn", Severity.HIGH)


def test_an_exempt_cause_has_no_record_until_the_exemption_is_over(causes: Causes, world: World) -> None:
    causes.begin("s3", "c", "r1", "arn:1", Severity.HIGH)
    causes.end("s3", "c", "r1")
    until = (world.clock + timedelta(days=7)).replace(microsecond=0)
    causes.exempt("s3", "c", until)
    standing = causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH)
    assert (standing.record, standing.exempt_until) == ("", until)
    world.later(days=8)
    assert causes.begin("s3", "c", "r2", "arn:2", Severity.HIGH) == Standing("r2", "arn:2", Severity.HIGH)


def test_a_worse_one_stands_for_the_cause_and_a_lesser_one_does_not(causes: Causes) -> None:
    causes.begin("s3", "c", "low", "arn:1", Severity.LOW)
    causes.begin("s3", "c", "critical", "arn:2", Severity.CRITICAL)
    assert causes.begin("s3", "c", "high", "arn:3", Severity.HIGH) == Standing("critical", "arn:2", Severity.CRITICAL)
    causes.end("s3", "c", "low")
    assert causes.begin("s3", "c", "medium", "arn:4", Severity.MEDIUM).record == "critical"
    causes.end("s3", "c", "critical")
    assert causes.begin("s3", "c", "medium", "arn:4", Severity.MEDIUM).record == "medium"
