from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.scheduler import GROUP_VARIABLE, QUEUE_VARIABLE, ROLE_VARIABLE
from tests.support.events import HOME, REGION, cloudtrail_event

FUNCTION = f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-GuardS3-1A2B3C4D5E6F"
if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

DUE = datetime(2026, 11, 23, 12, 10, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def application(world: World, monkeypatch: pytest.MonkeyPatch) -> Application:
    world.client("scheduler").create_schedule_group(Name="later")
    monkeypatch.setenv(GROUP_VARIABLE, "later")
    monkeypatch.setenv(ROLE_VARIABLE, f"arn:aws:iam::{HOME}:role/snapback-LaterRole")
    monkeypatch.setenv(QUEUE_VARIABLE, f"arn:aws:sqs:{REGION}:{HOME}:snapback-DeadLetters")
    application = world.application()
    del application.later
    application.function = FUNCTION
    return application


def test_the_event_comes_again_to_the_same_function_with_retries_and_a_dead_letter_queue(
    world: World, application: Application
) -> None:
    event = cloudtrail_event("s3", "CreateBucket", {"bucketName": "app"})
    application.later(event, DUE)
    (listed,) = world.client("scheduler").list_schedules(GroupName="later")["Schedules"]
    found = world.client("scheduler").get_schedule(GroupName="later", Name=listed["Name"])
    assert found["ScheduleExpression"] == "at(2026-11-23T10:10:01)"
    assert found["ActionAfterCompletion"] == "DELETE"
    assert found["Target"]["Arn"] == FUNCTION
    assert found["Target"]["DeadLetterConfig"] == {"Arn": f"arn:aws:sqs:{REGION}:{HOME}:snapback-DeadLetters"}
    assert json.loads(found["Target"]["Input"]) == event


def test_twice_is_once(world: World, application: Application) -> None:
    event = cloudtrail_event("s3", "CreateBucket", {"bucketName": "app"})
    application.later(event, DUE)
    application.later({**event, "id": "another envelope of the same event"}, DUE)
    assert len(world.client("scheduler").list_schedules(GroupName="later")["Schedules"]) == 1


def test_a_schedule_that_cannot_be_made_is_no_secret(world: World, application: Application) -> None:
    with world.denied("CreateSchedule"), pytest.raises(ClientError, match="AccessDenied"):
        application.later(cloudtrail_event("s3", "CreateBucket", {"bucketName": "app"}), DUE)
