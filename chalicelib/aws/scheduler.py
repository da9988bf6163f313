"""Events that come again later, by EventBridge Scheduler: it holds each until its time and retries as EventBridge does.

Unlike a delayed SQS message it may wait longer than 15 minutes, and calls the function itself, as an event does.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

GROUP_VARIABLE, ROLE_VARIABLE, QUEUE_VARIABLE = "SNAPBACK_LATER", "SNAPBACK_LATER_ROLE", "SNAPBACK_DEAD_LETTERS"
ACTIONS = ("scheduler:CreateSchedule",)
MARGIN = timedelta(seconds=1)
"""Past the moment itself, so that the event isn't early when it comes."""


class Later:
    """Has `function` (an ARN) called with an event again, once. https://docs.aws.amazon.com/scheduler/latest/UserGuide/"""

    def __init__(self, client: Any, *, group: str, role: str, queue: str, function: str) -> None:
        self._client, self._group, self._role, self._queue, self._function = client, group, role, queue, function

    def __call__(self, envelope: Mapping[str, Any], due: datetime) -> None:
        """Twice the same is once. Raises what boto3 does, so that Lambda delivers the event again."""
        body = json.dumps(envelope, separators=(",", ":"))
        at = (due + MARGIN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        whose = text(envelope, "detail", "eventID") or text(envelope, "id")
        which = f"{self._function} {envelope.get('evaluate')} {whose} {at}"
        name = hashlib.sha256(which.encode()).hexdigest()
        with suppress(self._client.exceptions.ConflictException):  # It is there already.
            self._client.create_schedule(
                Name=name,
                GroupName=self._group,
                ScheduleExpression=f"at({at})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._function,
                    "RoleArn": self._role,
                    "Input": body,
                    "DeadLetterConfig": {"Arn": self._queue},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
                },
            )
