"""The dashboard: what Snapback finds and does, how fast, whether it is heard, and whether it is well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.metrics import Metric, findings
from chalicelib.core.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snapback.deploy.template.parts import Plan, Template

_WIDE, _HIGH = 8, 6
"""Of the 24 columns, and in rows."""
_FOUND = (
    Status.ALERTED,
    Status.ASKING,
    Status.FIXED,
    Status.STILL_UNSAFE,
    Status.FAILED,
    Status.FIGHTING,
    Status.UNJUDGED,
)


_NAME = "${AWS::StackName}-${AWS::Region}"
"""A dashboard's name is one of all regions'."""


def dashboard(plan: Plan) -> Template:
    body = {"widgets": [_at(number, widget) for number, widget in enumerate(_widgets(plan))]}
    return {
        "Resources": {
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {
                    "DashboardName": {"Fn::Sub": _NAME},
                    "DashboardBody": {"Fn::Sub": json.dumps(body, separators=(",", ":"))},
                },
            }
        },
        "Outputs": {
            "DashboardUrl": {
                "Description": "Findings, fixes, undo rate, time from event to fix, delivery, health.",
                "Value": {
                    "Fn::Sub": "https://console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
                    f"#dashboards/dashboard/{_NAME}"
                },
            }
        },
    }


def _widgets(plan: Plan) -> list[Any]:
    found = [_own(findings(status), label=status) for status in _FOUND]
    # The first graph shows this metric; here it is hidden, for the rate.
    fixed = _own(findings(Status.FIXED), id=Status.FIXED, visible=False)
    undone = _own(findings(Status.UNDONE), id=Status.UNDONE, label=Status.UNDONE)
    rate = [{"expression": "100 * undone / fixed", "label": "% undone", "yAxis": "right"}]
    return [
        _graph("Findings by outcome", found, stacked=True),
        _graph("Undone fixes, and their share", [fixed, undone, rate]),
        _graph(
            "Time from event to fix (milliseconds)",
            [_own(Metric.EVENT_TO_FIX, stat=stat, label=stat) for stat in ("p50", "p90", "Maximum")],
        ),
        _graph(
            "Messages",
            [
                _own(Metric.MESSAGES_SENT, label="sent"),
                _own(Metric.MESSAGES_HELD, label="held"),
                _own(Metric.MESSAGES_ELSEWHERE, label="elsewhere"),
                _own(Metric.MESSAGES_QUEUED, label="queued"),
            ],
        ),
        _graph(
            "Evaluated and refused",
            [
                _own(Metric.EVALUATIONS, label="resources evaluated"),
                _own(Metric.EVENTS_REFUSED, label="events refused"),
                _own(Metric.MISSED_BY_EVENTS, label="found only by a sweep"),
                _own(Metric.PLACES_NOT_LISTED, label="not listed by a sweep"),
            ],
        ),
        _graph("Canary", [_own(Metric.HEALTHY, label="answers an hour")], period=3600),
        _graph("Function errors", _functions("Errors", plan.functions)),
        _graph("Function throttles", _functions("Throttles", plan.functions)),
        _graph(
            "Wait of events and records (milliseconds)",
            [
                *_functions("AsyncEventAge", plan.patterns, stat="Maximum"),
                ["AWS/Lambda", "IteratorAge", "FunctionName", "${Notify}", {"stat": "Maximum", "label": "records"}],
            ],
        ),
        _graph(
            "Dead-letter queues",
            [
                [
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "QueueName",
                    f"${{{queue}.QueueName}}",
                    {"label": queue},
                ]
                for queue in ("DeadLetters", "FailedMessages")
            ],
            stat="Maximum",
        ),
    ]


def _own(metric: str, **options: str | bool) -> list[Any]:
    return ["Snapback", metric, "service", "snapback", options]


def _functions(metric: str, names: Iterable[str], **options: str) -> list[Any]:
    return [["AWS/Lambda", metric, "FunctionName", f"${{{name}}}", {"label": name, **options}] for name in names]


def _graph(title: str, metrics: list[Any], *, stat: str = "Sum", period: int = 300, stacked: bool = False) -> Any:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "metrics": metrics,
            "stat": stat,
            "period": period,
            "stacked": stacked,
            "view": "timeSeries",
            "region": "${AWS::Region}",
        },
    }


def _at(number: int, widget: Any) -> Any:
    row, column = divmod(number, 24 // _WIDE)
    return {"x": column * _WIDE, "y": row * _HIGH, "width": _WIDE, "height": _HIGH, **widget}
