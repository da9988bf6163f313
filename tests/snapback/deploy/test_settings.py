"""Where settings are published: what AppConfig checks, and who is told of a change whatever the settings say."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from chalicelib.aws.settings_source import LIVE, PATH_VARIABLE
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import check, matches
from chalicelib.core.settings import Settings
from snapback.deploy.iam_policies import functions, logical_id, policy_of
from snapback.deploy.template.settings import LARGEST_SCHEMA, schema
from snapback.deploy.template.whole import template
from snapback.settings_file import read_settings, to_json
from tests.support.events import alice, cloudtrail_event

TEMPLATE = template()
RESOURCES = TEMPLATE["Resources"]
OF_FUNCTIONS = [logical_id(name) for name in functions()]


def resolved(value: Any, **names: str) -> Any:
    """With parameters and pseudo parameters put in."""
    if isinstance(value, dict):
        if "Ref" in value:
            return names[value["Ref"].replace("::", "")]
        if "Fn::Sub" in value:
            text = value["Fn::Sub"]
            for name, given in names.items():
                text = text.replace("${AWS::StackName}" if name == "AWSStackName" else f"${{{name}}}", given)
            return text
        return {key: resolved(inner, **names) for key, inner in value.items()}
    return [resolved(each, **names) for each in value] if isinstance(value, list) else value


def test_appconfig_checks_what_it_can_by_a_schema_that_it_takes() -> None:
    made = schema()
    jsonschema.Draft4Validator.check_schema(made)
    content = RESOURCES["SettingsProfile"]["Properties"]["Validators"][0]["Content"]
    assert json.loads(content) == made
    assert len(content) <= LARGEST_SCHEMA
    for settings in (Settings(), read_settings("snapback.yaml")):
        jsonschema.Draft4Validator(made).validate(json.loads(to_json(settings)))


@pytest.mark.parametrize(
    "bad",
    [
        {"mode": "fixx"},
        {"nope": 1},
        {"limits": {"fights": 0}},
        {"accounts": ["123"]},
        {"channels": [{"type": "slack", "name": "a", "url": "https://hooks.example.com"}]},
        {"channels": [{"type": "smoke", "name": "a", "url": "ssm:/a"}]},
        {"exemptions": [{"guardrail": "x"}]},
    ],
)
def test_appconfig_takes_no_bad_version(bad: Any) -> None:
    assert list(jsonschema.Draft4Validator(schema()).iter_errors(bad))


def test_every_function_reads_the_same_settings_and_may() -> None:
    for name in OF_FUNCTIONS:
        where = RESOURCES[name]["Properties"]["Environment"]["Variables"][PATH_VARIABLE]["Fn::If"]
        ids = {"SettingsApplication": "abc1234", "SettingsEnvironment": "def5678", "SettingsProfile": "ghi9012"}
        assert LIVE.fullmatch(resolved(where[1], **ids))
        assert resolved(where[2]["Fn::If"][1], AWSStackName="snapback") == "ssm:/snapback/settings"
        assert where[2]["Fn::If"][2] == {"Ref": "AWS::NoValue"}, "packaged settings need no variable"
    for name in functions():
        (rights,) = [each for each in policy_of(name)["Statement"] if each["Sid"] == "Settings"]
        assert len(rights["Action"]) == 3
        assert "*" not in json.dumps(rights["Resource"])


@pytest.mark.parametrize(
    ("rule", "envelope"),
    [
        ("SettingsChangedInSsm", cloudtrail_event("ssm", "PutParameter", {"name": "/snapback/settings"})),
        ("SettingsChangedInSsm", cloudtrail_event("ssm", "DeleteParameters", {"names": ["/a", "/snapback/settings"]})),
        ("SettingsChangedInAppConfig", cloudtrail_event("appconfig", "StartDeployment", {"applicationId": "abc1234"})),
        (
            "SettingsChangedInAppConfig",
            cloudtrail_event("appconfig", "DeleteApplication", {"ApplicationId": "abc1234"}),
        ),
    ],
)
def test_a_change_reaches_the_alarm_topic_past_all_functions(rule: str, envelope: Any) -> None:
    properties = RESOURCES[rule]["Properties"]
    pattern = resolved(properties["EventPattern"], AWSStackName="snapback", SettingsApplication="abc1234")
    check(pattern)
    assert matches(pattern, envelope)
    assert [target["Arn"] for target in properties["Targets"]] == [{"Ref": "Alarms"}]
    deployment = {**alice(), "invokedBy": "cloudformation.amazonaws.com"}
    others = (
        {"requestParameters": {"name": "/snapback/slack"}},
        {"userIdentity": deployment},
        {"errorCode": "AccessDenied"},
    )
    for other in others:
        assert not matches(pattern, {**envelope, "detail": {**envelope["detail"], **other}})


def test_the_alarm_topic_takes_our_alarms_and_whatever_eventbridge_brings() -> None:
    """EventBridge brings no key for a Condition: with one, no change would ever be reported."""
    alarms, rules = RESOURCES["AlarmsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    live, published, otherwise = rules["Fn::If"]
    assert (live, otherwise) == ("SettingsLive", {"Ref": "AWS::NoValue"}), "open only where there is such a rule"
    assert published == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Alarms"},
    }


def test_no_rule_sends_to_a_topic_whose_policy_has_a_condition() -> None:
    """Of all rules and topics of the template."""
    topics = {name for name, each in RESOURCES.items() if each.get("Type") == "AWS::SNS::Topic"}
    sent_to = {
        target["Arn"]["Ref"]
        for each in RESOURCES.values()
        if each.get("Type") == "AWS::Events::Rule"
        for target in each["Properties"]["Targets"]
        if "Ref" in target["Arn"]
    }
    assert sent_to & topics == {"Alarms"}
    for topic in sent_to & topics:
        statements = [
            each["Fn::If"][1] if "Fn::If" in each else each
            for policy in RESOURCES.values()
            if policy.get("Type") == "AWS::SNS::TopicPolicy" and {"Ref": topic} in policy["Properties"]["Topics"]
            for each in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert any(
            each["Principal"] == {"Service": "events.amazonaws.com"} and "Condition" not in each for each in statements
        )


def test_a_bad_version_rings_and_is_rolled_back() -> None:
    alarm = RESOURCES["SettingsRefusedAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Threshold"]) == (Metric.SETTINGS_REFUSED, 0)
    monitors = RESOURCES["SettingsEnvironment"]["Properties"]["Monitors"]
    assert monitors[0]["AlarmArn"] == {"Fn::GetAtt": ["SettingsRefusedAlarm", "Arn"]}
    bake = RESOURCES["SettingsStrategy"]["Properties"]["FinalBakeTimeInMinutes"] * 60
    assert bake > alarm["Period"] * alarm["EvaluationPeriods"]
