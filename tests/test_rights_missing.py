"""A right that Snapback's own policies lack is counted, and its count has an alarm."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.metrics import Metric
from chalicelib.core.types import Status
from snapback.deploy.template.whole import template
from tests.engine.bucket import public, public_event
from tests.guardrails.s3.test_bucket_acl_made_public import ID
from tests.support.moto_gaps import BY_NOBODY, BY_RESOURCE_POLICY, deny

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize(("because", "times"), [(BY_NOBODY, 1), (BY_RESOURCE_POLICY, 0)])
def test_only_a_missing_right_of_our_own_is_counted(
    because: str, times: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    public(world)
    application = world.application("fix", ID)
    counted: Counter[str] = Counter()
    metrics: Any = application.metrics
    monkeypatch.setattr(metrics, "add_metric", lambda name, unit, value: counted.update({name: value}))
    monkeypatch.setattr(metrics, "flush_metrics", lambda: None)
    with deny("GetBucketAcl", because=because):
        (outcome,) = [each for each in application.guard("s3", public_event("mallory")) if each.guardrail == ID]
    assert outcome.status == Status.UNJUDGED
    assert counted[Metric.RIGHTS_MISSING] == times


def test_one_is_enough_for_the_alarm() -> None:
    alarm = template()["Resources"]["RightsMissingAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Statistic"]) == (Metric.RIGHTS_MISSING, 0, "Sum")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
