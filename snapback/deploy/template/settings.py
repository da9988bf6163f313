"""Settings that change without a deploy: where they are published, what is checked there, who is notified of each change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.aws.settings_source import PATH_VARIABLE
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.settings import Settings
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS
from chalicelib.tripwires.ssm.own_settings_changed import IN_APPCONFIG, IN_SSM
from snapback.deploy.template.parts import alarm, arn, command

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

LARGEST_SCHEMA = 32_768
"""Characters: https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_Validator.html."""
_LEFT_OUT = frozenset({"title", "description", "default", "discriminator", "format", "propertyNames"})
"""What only people read, and what draft 4 doesn't know; who reads the settings checks that too."""
PARAMETER = "/${AWS::StackName}/settings"
"""Of Parameter Store. `snapback settings publish` makes it: in this template, each deployment would put it back."""


def settings(plan: Plan) -> Template:
    in_ssm = {"Fn::Sub": f"ssm:{PARAMETER}"}
    where = _published({"Fn::If": ["SettingsInSsm", in_ssm, {"Ref": "AWS::NoValue"}]})
    functions: Template = {
        name: {"Properties": {"Environment": {"Variables": {PATH_VARIABLE: where}}}} for name in plan.functions
    }
    return {
        "Parameters": {
            "Settings": {
                "Type": "String",
                "Default": "packaged",
                "AllowedValues": ["packaged", "ssm", "appconfig"],
                "Description": (
                    "Where functions read their settings: from their own package, or from where `snapback settings publish` "
                    "writes them: Parameter Store (up to 8 KB) or AppConfig (up to 1 MB, checked by AWS, rolled back)."
                ),
            }
        },
        "Conditions": {
            "SettingsInSsm": {"Fn::Equals": [{"Ref": "Settings"}, "ssm"]},
            "SettingsInAppConfig": {"Fn::Equals": [{"Ref": "Settings"}, "appconfig"]},
            "SettingsLive": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Settings"}, "packaged"]}]},
        },
        "Resources": functions | _appconfig() | _alarm() | _change_notice(),
        "Outputs": {
            "SettingsSource": {
                "Description": f"{PATH_VARIABLE} of the functions, and where `snapback settings publish` writes.",
                "Condition": "SettingsLive",
                "Value": _published(in_ssm),
            },
            "SettingsStrategy": {
                "Description": "How AppConfig deploys settings.",
                "Condition": "SettingsInAppConfig",
                "Value": {"Ref": "SettingsStrategy"},
            },
        },
    }


def _published(other: Any) -> Template:
    there = {"Fn::Sub": "appconfig:${SettingsApplication}/${SettingsEnvironment}/${SettingsProfile}"}
    return {"Fn::If": ["SettingsInAppConfig", there, other]}


def schema() -> Any:
    """The settings' JSON Schema as AppConfig takes it: draft 4, in as few characters as may be."""
    made = msgspec.json.schema(Settings)
    names = {name: f"d{number}" for number, name in enumerate(made["$defs"])}
    definitions = {names[name]: _plain(each, names) for name, each in made["$defs"].items()}
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        **_plain({key: value for key, value in made.items() if key != "$defs"}, names),
        "definitions": definitions,
    }


def _plain(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_plain(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    found: Template = {}
    for key, inner in value.items():
        if key == "properties":
            found[key] = {name: _plain(each, names) for name, each in inner.items()}
        elif key == "const":
            found["enum"] = [inner]
        elif key == "$ref":
            found[key] = f"#/definitions/{names[inner.rpartition('/')[2]]}"
        elif key not in _LEFT_OUT and inner != []:  # JSON Schema draft 4 forbids an empty `required`.
            found[key] = _plain(inner, names)
    return found


def _appconfig() -> Template:
    application = {"ApplicationId": {"Ref": "SettingsApplication"}}
    parts: Template = {
        "SettingsApplication": _part("Application", Name={"Fn::Sub": "${AWS::StackName}"}),
        "SettingsEnvironment": _part(
            "Environment",
            **application,
            Name="live",
            Monitors=[{"AlarmArn": arn("SettingsRefusedAlarm"), "AlarmRoleArn": arn("SettingsMonitorRole")}],
        ),
        "SettingsProfile": _part(
            "ConfigurationProfile",
            **application,
            Name="settings",
            LocationUri="hosted",
            Type="AWS.Freeform",
            Validators=[{"Type": "JSON_SCHEMA", "Content": json.dumps(schema(), separators=(",", ":"))}],
        ),
        "SettingsStrategy": _part(
            "DeploymentStrategy",
            Name={"Fn::Sub": "${AWS::StackName}-settings"},
            DeploymentDurationInMinutes=0,
            GrowthFactor=100,
            FinalBakeTimeInMinutes=15,
            ReplicateTo="NONE",
        ),
        "SettingsMonitorRole": {
            "Type": "AWS::IAM::Role",
            "Condition": "SettingsInAppConfig",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {
                                "Service": "appconfig.amazonaws.com"
                            },  # AppConfig's guide shows no condition for this role.
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "SeeAlarms",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"},
                            ],
                        },
                    }
                ],
            },
        },
    }
    return parts


def _part(kind: str, **properties: Any) -> Template:
    return {"Type": f"AWS::AppConfig::{kind}", "Condition": "SettingsInAppConfig", "Properties": properties}


def _alarm() -> Template:
    refused = alarm(
        "Functions don't use the settings that are published: they can't be read, or can't be used. They keep the "
        "last good ones; one that has just started fixes nothing. See what is wrong: snapback settings check. Publish "
        f"good ones: {command('settings publish')}.",
        Namespace="Snapback",
        MetricName=Metric.SETTINGS_REFUSED,
        Dimensions=[{"Name": "service", "Value": "snapback"}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return {"SettingsRefusedAlarm": refused | {"Condition": "SettingsLive"}}


def _change_notice() -> Template:
    """EventBridge itself reports each change to the alarm topic: new settings can turn off all that functions send."""
    parameter = {"Fn::Sub": PARAMETER}
    application = {"Ref": "SettingsApplication"}
    by_name = _changed("ssm", IN_SSM, [{"name": [parameter]}, {"names": [parameter]}])
    by_id = _changed("appconfig", IN_APPCONFIG, [{"applicationId": [application]}, {"ApplicationId": [application]}])
    return {
        "AlarmsPolicy": _topic_policy(),
        "SettingsChangedInSsm": _rule("SettingsInSsm", by_name),
        "SettingsChangedInAppConfig": _rule("SettingsInAppConfig", by_id),
    }


def _topic_policy() -> Template:
    """A topic without a policy takes alarms; one that EventBridge may use needs both said.

    EventBridge brings no condition key to a topic, so a Condition would shut it out, and with it the notice:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions. Whoever knows
    the topic's ARN can have a rule of theirs send to it: so only while settings are published, and as a notice alone.
    """
    only_ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    rules = {"Fn::If": ["SettingsLive", _may_publish("events"), {"Ref": "AWS::NoValue"}]}
    return {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {
            "Topics": [{"Ref": "Alarms"}],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [_may_publish("cloudwatch") | {"Condition": only_ours}, rules],
            },
        },
    }


def _may_publish(service: str) -> Template:
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Alarms"},
    }


def _changed(source: str, names: tuple[str, ...], asked_for: list[Any]) -> Any:
    pattern = cloudtrail(source, *names, userIdentity=BUT_DEPLOYMENTS)
    pattern["detail"]["$or"] = [{"requestParameters": each} for each in asked_for]
    return pattern


def _rule(condition: str, pattern: Any) -> Template:
    told = (
        "\"Snapback's settings were changed by <who> (<call>, <when>). If nobody of yours did, look at what is live: "
        'snapback settings publish shows the difference to your file before it writes."'
    )
    return {
        "Type": "AWS::Events::Rule",
        "Condition": condition,
        "Properties": {
            "Description": "Reports each change of Snapback's settings, whatever the settings say.",
            "EventPattern": pattern,
            "Targets": [
                {
                    "Id": "Alarms",
                    "Arn": {"Ref": "Alarms"},
                    "DeadLetterConfig": {"Arn": arn("DeadLetters")},
                    "InputTransformer": {
                        "InputPathsMap": {
                            "who": "$.detail.userIdentity.arn",
                            "call": "$.detail.eventName",
                            "when": "$.detail.eventTime",
                        },
                        "InputTemplate": told,
                    },
                }
            ],
        },
    }
