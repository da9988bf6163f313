"""What watches Snapback watches what there is: each metric is one that code or AWS emits."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Metrics

from chalicelib.core.metrics import Metric, findings
from chalicelib.core.types import Status
from snapback.deploy.template.parts import merged
from tests.guardrails.s3.test_bucket_acl_made_public import CASE
from tests.support.nested import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

ROOT = Path(__file__).parents[3]
RESOURCES = whole()["Resources"]
AWS = {
    "AWS/Lambda": {"Errors", "Throttles", "AsyncEventAge", "IteratorAge", "Duration", "Invocations"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/ApiGateway": {"4XXError", "5XXError", "Count", "Latency"},
}
"""https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html, and so on."""


def body() -> Any:
    return json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def watched() -> Iterator[tuple[str, str]]:
    """Namespaces and names of the metrics on the dashboard and in alarms."""
    for each in RESOURCES.values():
        if each.get("Type") == "AWS::CloudWatch::Alarm":
            yield each["Properties"]["Namespace"], each["Properties"]["MetricName"]
    for widget in body()["widgets"]:
        for namespace, *rest in widget["properties"]["metrics"]:
            if isinstance(namespace, str):  # And no expression, which is of the others.
                yield namespace, rest[0]


def code() -> Iterator[ast.AST]:
    for path in (ROOT / "chalicelib").rglob("*.py"):
        yield from ast.walk(ast.parse(path.read_text()))


def test_each_metric_is_emitted_and_no_other() -> None:
    nodes = list(code())
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Metric"}
    assert used == set(Metric.__members__)
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".add_metric")]
    assert calls
    assert not [call.args[0] for call in calls if isinstance(call.args[0], ast.Constant | ast.JoinedStr)]


def test_docs_name_metrics_that_there_are() -> None:
    docs = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    found = set(re.findall(r"(?:metric|counts|counted) \(?`(\w+)`", docs))
    assert {Metric.HEALTHY, Metric.SETTINGS_REFUSED} <= found <= set(Metric)


@pytest.mark.parametrize(("namespace", "metric"), sorted(set(watched())))
def test_every_metric_that_is_watched_is_emitted(namespace: str, metric: str) -> None:
    ours = {*Metric, *map(findings, Status)}
    assert metric in (ours if namespace == "Snapback" else AWS[namespace])


ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each.get("Type") == "AWS::CloudWatch::Alarm"}


def state(alarm: Any, points: list[float | None], before: str) -> str:
    """What an alarm becomes that needs all its points to breach, by the table of
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
    """
    assert alarm["ComparisonOperator"] in {"LessThanThreshold", "GreaterThanThreshold"}
    less, most = alarm["ComparisonOperator"] == "LessThanThreshold", alarm["Threshold"]
    breaching = [each < most if less else each > most for each in points if each is not None]
    if not breaching:
        missing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before, "missing": "INSUFFICIENT_DATA"}
        return missing[alarm["TreatMissingData"]]
    return "ALARM" if all(breaching) else "OK"


def rings(alarm: Any, points: list[float | None], before: str) -> bool:
    """Whether somebody is told: an alarm acts when its state changes, and a new one is without sufficient data."""
    after = state(alarm, points, before)
    kinds = {"ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions", "OK": "OKActions"}
    return after != before and bool(alarm.get(kinds[after]))


@pytest.mark.parametrize("name", ALARMS)
def test_no_alarm_rings_on_a_stack_that_was_just_made(name: str) -> None:
    """It has no data yet, then its first in the last period."""
    alarm = ALARMS[name]
    nothing: list[float | None] = [None] * alarm["EvaluationPeriods"]
    assert not rings(alarm, nothing, "INSUFFICIENT_DATA")
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        assert not rings(alarm, [*nothing[1:], 1], "INSUFFICIENT_DATA")


@pytest.mark.parametrize(
    "name", [name for name, each in ALARMS.items() if each["Threshold"] >= 1 and "Less" in each["ComparisonOperator"]]
)
def test_silence_rings_after_a_first_sign_of_life(name: str) -> None:
    alarm = ALARMS[name]
    silence: list[float | None] = [None] * alarm["EvaluationPeriods"]
    assert state(alarm, [*silence[1:], 1], "INSUFFICIENT_DATA") == "OK"
    assert rings(alarm, silence, "OK")


def test_there_are_alarms_on_silence() -> None:
    assert {name for name, each in ALARMS.items() if each["TreatMissingData"] == "missing"} == {
        "SilentCanaryAlarm",
        "NotifyDrainAlarm",
    }


def test_the_dashboard_draws_each_metric_once() -> None:
    drawn = [
        json.dumps([part for part in each if isinstance(part, str)] + [each[-1].get("stat")])
        for widget in body()["widgets"]
        for each in widget["properties"]["metrics"]
        if isinstance(each[0], str) and each[-1].get("visible", True)
    ]
    assert sorted(set(drawn)) == sorted(drawn)


def test_the_dashboard_fits_into_its_grid() -> None:
    places = [(each["x"], each["y"]) for each in body()["widgets"]]
    assert len(set(places)) == len(places)
    assert all(each["x"] + each["width"] <= 24 for each in body()["widgets"])


def test_what_two_parts_say_alike_is_refused() -> None:
    def one(_: Any) -> Any:
        return {"Resources": {"Queue": {"Properties": {"Name": "a"}}}}

    def more(_: Any) -> Any:
        return {"Resources": {"Queue": {"Properties": {"Days": 1}}}}

    plan: Any = None
    assert merged([one, more], plan)["Resources"]["Queue"]["Properties"] == {"Name": "a", "Days": 1}
    with pytest.raises(ValueError, match="Resources: Queue: Properties: Name is in the template already"):
        merged([one, one], plan)


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """What was emitted, the last of each name."""
    found: dict[str, float] = {}
    for line in capsys.readouterr().out.splitlines():
        if '"_aws"' in line:
            said = json.loads(line)
            (spec,) = said["_aws"]["CloudWatchMetrics"]
            found |= {each["Name"]: said[each["Name"]][-1] for each in spec["Metrics"]}
    return found


def test_fixes_their_time_and_undos_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chalicelib import wiring
    from tests.test_app import Context

    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    application = world.application()
    application.metrics = Metrics(namespace="Snapback", service="snapback")
    monkeypatch.setattr(wiring, "_APPLICATION", {application.home: application})
    outcomes = application.guard("s3", CASE.unsafe[0](world))
    (fixed,) = [each for each in outcomes if each.status == Status.FIXED]
    told = metrics(capsys)
    assert told[findings(Status.FIXED)] == 1
    assert told[Metric.EVENT_TO_FIX] == 2000
    wiring.act({"action": "undo", "record": fixed.record, "by": "bob"}, Context())
    assert metrics(capsys) == {findings(Status.UNDONE): 1}
