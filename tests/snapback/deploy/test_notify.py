from __future__ import annotations

import json

from chalicelib.core.metrics import Metric
from chalicelib.notify.drain import _LEASE
from chalicelib.notify.outbox import QUEUE_VARIABLE
from snapback.deploy.iam_policies import policy_of
from snapback.deploy.template.parts import TIMEOUT
from tests.snapback.deploy.test_template import TEMPLATE

NOTIFY = TEMPLATE["Resources"]["Notify"]["Properties"]


def test_what_is_held_is_sent_each_minute() -> None:
    drain = NOTIFY["Events"]["Drain"]
    assert drain["Type"] == "Schedule"
    assert drain["Properties"]["Schedule"] == "rate(1 minute)"
    assert json.loads(drain["Properties"]["Input"]) == {"drain": True}
    assert NOTIFY["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_a_drain_s_lease_is_longer_than_it_may_run() -> None:
    assert _LEASE.total_seconds() > TIMEOUT


def test_a_drain_that_does_not_run_is_an_alarm() -> None:
    """The stream invokes the same function: only a drain counts as one."""
    alarm = TEMPLATE["Resources"]["NotifyDrainAlarm"]["Properties"]
    assert alarm["MetricName"] == Metric.DRAINS
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 15 * 60


def test_what_no_channel_takes_goes_into_the_queue_that_has_an_alarm() -> None:
    assert NOTIFY["Environment"]["Variables"][QUEUE_VARIABLE] == {"Ref": "FailedMessages"}
    allowed = {each["Sid"]: each for each in policy_of("notify")["Statement"]}
    assert allowed["FailedMessages"]["Resource"] == [{"Fn::GetAtt": ["FailedMessages", "Arn"]}]
    assert allowed["Held"]["Action"] == ["dynamodb:Query"]
    alarm = TEMPLATE["Resources"]["FailedMessagesAlarm"]["Properties"]
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["FailedMessages", "QueueName"]}
