"""What runs the sweep: the clock, the queues, and what they may."""

from __future__ import annotations

from snapback.deploy.iam_policies import policy_of
from snapback.deploy.template.parts import TIMEOUT, TIMEOUTS
from snapback.deploy.template.whole import nested_templates, template

RESOURCES = template()["Resources"]


def test_the_clock_starts_it_and_the_queues_spread_it_politely() -> None:
    sweep, worker = (RESOURCES[name]["Properties"]["Events"] for name in ("Sweep", "SweepWorker"))
    assert sweep["Daily"]["Properties"]["Schedule"].startswith("cron(")
    sources = {"SweepPlaces": sweep["FromPlaces"], "SweepResources": worker["Resources"]}
    for queue, source in sources.items():
        properties = source["Properties"]
        assert properties["Queue"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert properties["BatchSize"] == 1
        assert 2 <= properties["ScalingConfig"]["MaximumConcurrency"] <= 50


def test_what_is_given_up_is_a_dead_letter_and_none_is_given_twice_at_once() -> None:
    for queue, function in (("SweepPlaces", "Sweep"), ("SweepResources", "SweepWorker")):
        properties = RESOURCES[queue]["Properties"]
        assert properties["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
        assert properties["VisibilityTimeout"] >= 6 * RESOURCES[function]["Properties"]["Timeout"]


def test_only_what_never_writes_may_run_for_longer_than_a_lease() -> None:
    assert {name: each for name, each in TIMEOUTS.items() if each > TIMEOUT} == {"Sweep": 900}
    assert RESOURCES["SweepWorker"]["Properties"]["Timeout"] == TIMEOUT
    assumed = next(each for each in policy_of("sweep")["Statement"] if each["Sid"] == "Assume")["Resource"]
    assert [each["Fn::Sub"].rpartition("/")[2] for each in assumed] == ["snapback-reader"]


def test_no_guard_has_a_schedule_of_its_own() -> None:
    rules = [
        each["Properties"]
        for each in nested_templates()["rules.json"]["Resources"].values()
        if "Targets" in each["Properties"]
    ]
    assert rules
    assert not [rule for rule in rules if "ScheduleExpression" in rule]
    assert not [name for name, each in RESOURCES.items() if name.startswith("Guard") and "Events" in each["Properties"]]
