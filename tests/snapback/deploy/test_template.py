"""What the merge template says, as CloudFormation and the functions will have it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib import catalog
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import EVEN_READS
from snapback import cli, deployed
from snapback.deploy.iam_policies import INLINE, functions, logical_id, policy_of, size
from snapback.deploy.template.parts import TIMEOUT
from snapback.deploy.template.rules import WATCHES_RULES
from tests.support.nested import whole

NAMES = tuple(map(logical_id, functions()))
GUARDS = [name for name in NAMES if name.startswith("Guard")]
TEMPLATE = whole()
RESOURCES = TEMPLATE["Resources"]
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each.get("Type") == "AWS::CloudWatch::Alarm"}


@pytest.mark.parametrize("name", ALARMS)
def test_each_alarm_says_the_command_that_there_is(name: str) -> None:
    said = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    commands = re.findall(r"snapback ([a-z -]+?)(?: --stack \$\{AWS::StackName\})?[.,]", said)
    assert commands, said
    assert len(said) <= 1024
    for command in commands:
        asked = CliRunner().invoke(cli.main, [*command.split(), "--help"])
        assert asked.exit_code == 0, f"{command}: {asked.output}"


def test_all_alarms_go_to_the_topic() -> None:
    assert all(each["AlarmActions"] == [{"Ref": "Alarms"}] for each in ALARMS.values())


def test_a_flood_leaves_the_account_room() -> None:
    reserved = {"Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    for name in NAMES:
        properties = RESOURCES[name]["Properties"]
        if name == "APIHandler":
            assert properties["ReservedConcurrentExecutions"] == {"Fn::If": ["Reserves", 5, {"Ref": "AWS::NoValue"}]}
            continue
        assert ("ReservedConcurrentExecutions" in properties) is name.startswith("Guard")
        assert properties.get("ReservedConcurrentExecutions", reserved) == reserved
    parameter = TEMPLATE["Parameters"]["ReservedConcurrency"]
    guards = sum(name.startswith("Guard") for name in NAMES)
    assert 0 < parameter["Default"] * guards + 5 <= 1000 - 100, "of an account's usual limit, 100 can't be reserved"
    assert parameter["Description"]


def test_what_the_dead_left_is_tended_within_minutes_of_its_lease() -> None:
    event = RESOURCES["Act"]["Properties"]["Events"]["Maintain"]["Properties"]
    assert json.loads(event["Input"]) == {"action": "maintain"}
    assert event["Schedule"] == "rate(5 minutes)"


def test_the_canary_is_sent_each_hour_and_two_hours_of_silence_are_an_alarm() -> None:
    assert RESOURCES["Canary"]["Properties"]["Events"]["Hourly"]["Properties"] == {"Schedule": "rate(1 hour)"}
    alarm = ALARMS["SilentCanaryAlarm"]
    assert alarm["MetricName"] == Metric.HEALTHY
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 2 * 3600


def test_the_canary_s_rule_is_for_its_own_account_and_does_not_try_for_long() -> None:
    rule = RESOURCES["CanaryEcho"]["Properties"]["Events"]["Canary"]["Properties"]
    assert rule["Pattern"]["account"] == [{"Ref": "AWS::AccountId"}]
    assert rule["Pattern"]["source"] == ["snapback.canary"]
    assert rule["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900
    assert TIMEOUT < 900


def test_what_spills_is_encrypted_private_and_kept_as_long_as_the_records() -> None:
    bucket = RESOURCES["Spill"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "VersioningConfiguration" not in properties
    assert properties["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 400
    (statement,) = RESOURCES["SpillPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_each_function_knows_the_bucket_and_those_may_use_it_that_do() -> None:
    may: dict[str, list[str]] = {}
    for name in functions():
        variables = RESOURCES[logical_id(name)]["Properties"]["Environment"]["Variables"]
        assert variables["SNAPBACK_SPILL"] == {"Ref": "Spill"}
        own = f"records/{name.removeprefix('guard_')}." if name.startswith("guard_") else ""
        may[name] = [
            action
            for statement in policy_of(name)["Statement"]
            if statement["Resource"] == [{"Fn::Sub": f"${{Spill.Arn}}/{own}*"}]
            for action in statement["Action"]
        ]
    for name, actions in may.items():
        writes = name.startswith("guard_") or name in {"act", "sweep_worker"}
        wanted = (
            ["s3:GetObject", "s3:PutObject"]
            if writes
            else ["s3:GetObject"]
            if name in {"notify", "exports", "api_handler"}
            else []
        )
        assert actions == wanted, name


def test_the_canary_may_touch_its_marker_and_no_record() -> None:
    for name, actions in {"canary": ["UpdateItem"], "canary_echo": ["GetItem", "UpdateItem"]}.items():
        (marker,) = [each for each in policy_of(name)["Statement"] if each["Sid"] == "Marker"]
        assert marker["Action"] == [f"dynamodb:{action}" for action in actions]
        assert marker["Condition"] == {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["canary#sign"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
    (bus,) = [each for each in policy_of("canary")["Statement"] if each["Sid"] == "Bus"]
    assert bus["Condition"] == {"StringEquals": {"events:source": "snapback.canary"}}


def test_the_command_line_finds_what_it_needs_in_the_outputs() -> None:
    values: Any = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items()}
    refs = {
        name: value.get("Ref", "a value") if isinstance(value, dict) else "a value" for name, value in values.items()
    }
    assert {name: refs[name] for name in deployed.VARIABLES} == {
        deployed.LEDGER: "Ledger",
        deployed.SPILL: "Spill",
        deployed.DEAD_LETTERS: "DeadLetters",
        deployed.FAILED_MESSAGES: "FailedMessages",
        deployed.SECOND_LOOKS: "SecondLooks",
        deployed.SETTINGS: "a value",
        deployed.STRATEGY: "SettingsStrategy",
    }
    variables = RESOURCES["GuardS3"]["Properties"]["Environment"]["Variables"]
    assert {deployed.VARIABLES[name] for name in (deployed.LEDGER, deployed.SPILL)} <= variables.keys()


def rules(function: str) -> list[dict[str, Any]]:
    """Those that call it, without their names and targets."""
    calls = {"Fn::GetAtt": [function, "Arn"]}
    found = [each["Properties"] for each in RESOURCES.values() if each.get("Type") == "AWS::Events::Rule"]
    return [
        {key: value for key, value in rule.items() if key not in {"Name", "Targets"}}
        for rule in found
        if rule["Targets"][0]["Arn"] == calls
    ]


@pytest.mark.parametrize("function", NAMES)
def test_each_function_knows_the_stack(function: str) -> None:
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    assert variables["SNAPBACK_STACK"] == {"Ref": "AWS::StackId"}


@pytest.mark.parametrize("function", GUARDS)
def test_only_the_rule_about_sts_sees_calls_that_only_read(function: str) -> None:
    states = {rule["State"] for rule in rules(function)}
    assert states == {EVEN_READS if function == "GuardSts" else "ENABLED"}


def test_what_watches_the_rules_has_a_twin() -> None:
    assert logical_id("guard_events") == WATCHES_RULES
    one, twin, of_members = rules(WATCHES_RULES)
    assert one == twin
    assert of_members == {**one, "EventBusName": {"Ref": "Members"}}


@pytest.mark.parametrize("service", catalog.services())
def test_who_has_events_come_again_may_and_nobody_else(service: str) -> None:
    function = f"guard_{service}"
    properties = RESOURCES[logical_id(function)]["Properties"]
    statements = {each["Sid"]: each for each in policy_of(function)["Statement"]}
    has_grace = catalog.has_grace(service)
    assert ("SNAPBACK_LATER" in properties["Environment"]["Variables"]) is has_grace
    assert ("Later" in statements) is has_grace
    if has_grace:
        assert statements["LaterRole"]["Condition"] == {
            "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
        }
        assert statements["LaterRole"]["Resource"] == [{"Fn::GetAtt": ["LaterRole", "Arn"]}]


def test_what_brings_events_again_may_call_guards_only_and_only_for_our_schedules() -> None:
    role = RESOURCES["LaterRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert {*trust["Condition"]} == {"StringEquals", "ArnEquals"}
    invoke, send = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert invoke["Resource"]["Fn::Sub"].endswith(":function:${AWS::StackName}-Guard*")
    assert send["Resource"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


@pytest.mark.parametrize("function", functions())
def test_a_policy_fits_into_its_role(function: str) -> None:
    assert size(policy_of(function)) <= INLINE


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_each_parameter_says_what_it_is_for_and_what_it_takes(name: str) -> None:
    parameter = TEMPLATE["Parameters"][name]
    assert 20 < len(parameter["Description"]) < 4000
    assert parameter.keys() & {"AllowedPattern", "AllowedValues", "MinValue"}
    if "AllowedPattern" in parameter:
        assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


def test_each_output_says_what_it_is() -> None:
    assert all(output["Description"] for output in TEMPLATE["Outputs"].values())


def test_all_that_holds_data_is_under_a_key_of_ones_own_if_there_is_one() -> None:
    keys = {
        "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
        "AWS::SQS::Queue": ("KmsMasterKeyId",),
        "AWS::SNS::Topic": ("KmsMasterKeyId",),
        "AWS::Logs::LogGroup": ("KmsKeyId",),
        "AWS::Serverless::Function": ("KmsKeyArn",),
    }
    given = {"Fn::If": ["OwnKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    for name, resource in RESOURCES.items():
        found: Any = resource.get("Properties")
        for key in keys.get(resource.get("Type", ""), ()):
            found = found[key]
        assert resource.get("Type") not in keys or found == given, name
    for name in NAMES:
        assert RESOURCES[name]["Properties"]["KmsKeyArn"] == given
