"""The core of the day: deploy, ten changes put right, told and proved, one of them undone, destroy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.day import BUCKET, EXTERNAL_ID, SECRETS, STACK, Clock, when
from tests.e2e.emulator import Account, Broken
from tests.support.cases import case_of
from tests.support.evaluator import ORGANIZATION

if TYPE_CHECKING:
    from tests.e2e.day import Day

CHANGES = (
    "s3.bucket_acl_made_public",
    "s3.bucket_public_access_block_weakened",
    "s3.bucket_policy_trusts_unknown_account",
    "iam.role_trusts_unknown_account",
    "iam.password_policy_weakened",
    "ec2.security_group_opened_to_internet",
    "ec2.subnet_assigns_public_addresses",
    "ec2.snapshot_shared",
    "awslambda.function_policy_made_public",
    "cloudtrail.trail_stopped_or_weakened",
)
"""Each as the guardrail's own test has it, by the API, and then its CloudTrail event. No guardrail is about SQS."""
UNDONE = "ec2.security_group_opened_to_internet"
_LEFT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}


def deploy(day: Day) -> None:
    """As docs/deploy.md has it: a bucket for the code, the secrets, `make deploy`."""
    day.emulator.client("s3").create_bucket(Bucket=BUCKET)
    ssm = day.emulator.client("ssm")
    for name, value in {**SECRETS, "/snapback/slack": day.slack.url}.items():
        ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    with Clock(day, "package and deploy"):
        make_deploy(day)
    day.learn_parts()


def publish_settings(day: Day) -> None:
    """An update of the stack, after which settings change without a deploy."""
    with Clock(day, "update of the stack"):
        make_deploy(day, "Settings=ssm")
    day.snapback("settings", "publish", str(day.write_settings()), "--yes")
    day.emulator.forgive("the published settings are not in use")  # Between the update and the first publishing.


def make_deploy(day: Day, *parameters: str, **settings: Any) -> str:
    path = day.write_settings(**settings)
    given = [f"ExternalId={EXTERNAL_ID}", f"OrganizationId={ORGANIZATION}", *parameters]
    return day.make(
        "deploy", "STAGE=e2e", f"BUCKET={BUCKET}", f"SETTINGS={path}", "UNCOMMITTED=1", "EMULATOR=1",
        f"PARAMETERS={' '.join(given)}",
    )  # fmt: skip


def ten_changes(day: Day) -> None:
    """Each service's first at once, each by a function that starts for it; then the others, one after the other."""
    account: Any = Account(day.emulator)
    firsts = {each.partition(".")[0]: each for each in reversed(CHANGES)}.values()
    unsafe = {each: change(day, account, each) for each in firsts}
    for each in firsts:
        put_right(day, account, each, *unsafe[each], "event to fix, cold, five at once")
    for each in CHANGES:
        if each not in unsafe:
            put_right(day, account, each, *change(day, account, each), "event to fix, warm")
    undo(day, account, unsafe[UNDONE][0])


def change(day: Day, account: Any, guardrail: str) -> tuple[Any, float]:
    """Make it unsafe and put the event on the bus; answers the state, and when that was."""
    case = case_of(guardrail)
    event = case.unsafe[0](account)
    return plain(case.whole(account)), day.emulator.put(event)


def put_right(day: Day, account: Any, guardrail: str, unsafe: Any, put: float, timed: str) -> None:
    record = day.become(guardrail, "fixed")
    day.took(timed, when(record, "fixed") - put)
    if plain(case_of(guardrail).whole(account)) == unsafe:
        raise Broken(f"{guardrail}: the record says fixed, and nothing has changed")


def undo(day: Day, account: Any, unsafe: Any) -> None:
    """By the command line: all of it is as it was, and the chat is told of both."""
    record = day.become(UNDONE, "fixed")
    with Clock(day, "undo, by the command line"):
        day.snapback("undo", record.id)
    if plain(case_of(UNDONE).whole(account)) != unsafe:
        raise Broken(f"{UNDONE}: undone, and not as it was")


def messages(day: Day) -> None:
    """The chat has a message about each fix, and another about the undo."""
    records = day.records(*CHANGES)
    for guardrail, record in records.items():
        wanted = 2 if guardrail == UNDONE else 1
        day.hear(record.id, wanted)
    if day.slack.refused:
        raise Broken(f"messages that Slack would not take: {day.slack.refused[:2]}")


def destroy(day: Day) -> None:
    """Only what the records are in is left."""
    with Clock(day, "destroy"):
        said = day.make("destroy", "STAGE=e2e", "YES=1", f"STACK={STACK}")
    kept = {line.split()[0] for line in said.splitlines() if line.startswith("  ")}
    if kept != _LEFT:
        raise Broken(f"destroy says that it keeps {kept}")
    found = sorted(left(day))
    if found != sorted((day.parts["SNAPBACK_LEDGER"], day.parts["SNAPBACK_SPILL"])):
        raise Broken(f"destroy has left {found}")


def left(day: Day) -> list[str]:
    """The names of all of Snapback's that is still there."""
    ask = day.emulator.client
    names = [
        *(
            each["FunctionName"]
            for each in ask("lambda").get_paginator("list_functions").paginate().build_full_result()["Functions"]
        ),
        *(each["RoleName"] for each in ask("iam").list_roles(MaxItems=1000)["Roles"]),
        *(each["PolicyName"] for each in ask("iam").list_policies(Scope="Local", MaxItems=1000)["Policies"]),
        *(each["Name"] for each in ask("events").list_rules()["Rules"]),
        *(each["Name"] for each in ask("events").list_event_buses()["EventBuses"]),
        *(each.rpartition("/")[2] for each in ask("sqs").list_queues().get("QueueUrls", ())),
        *(each["TopicArn"].rpartition(":")[2] for each in ask("sns").list_topics()["Topics"]),
        *(each["logGroupName"].rpartition("/")[2] for each in ask("logs").describe_log_groups()["logGroups"]),
        *(each["name"] for each in ask("apigateway").get_rest_apis()["items"]),
        *(each["Name"] for each in ask("scheduler").list_schedule_groups()["ScheduleGroups"]),
        *(
            each["FunctionArn"].rpartition(":")[2]
            for each in ask("lambda").list_event_source_mappings()["EventSourceMappings"]
        ),
        *(each["AlarmName"] for each in ask("cloudwatch").describe_alarms()["MetricAlarms"]),
        *ask("dynamodb").list_tables()["TableNames"],
        *(each["Name"] for each in ask("s3").list_buckets()["Buckets"]),
    ]
    return [each for each in names if each.startswith("snapback")]


def plain(state: Any) -> Any:
    return json.loads(json.dumps(state, default=str))
