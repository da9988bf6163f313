"""What the clock does: questions are asked again and closed, events that wait come again, the canary flies.

The rules of one and five minutes fire by themselves; of hourly and daily ones, the function is called with the rule's own input.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.e2e.day import STACK, when
from tests.e2e.emulator import Account, Broken, until
from tests.e2e.pages import question
from tests.support.cases import case_of

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.e2e.day import Day

WAITS = "iam.login_profile_without_mfa"
"""Its event comes again by the Scheduler; a minute later, by the settings of the day."""


def function(day: Day, name: str) -> str:
    """By its logical id."""
    ask = day.emulator.client("cloudformation")
    return str(
        ask.describe_stack_resource(StackName=STACK, LogicalResourceId=name)["StackResourceDetail"][
            "PhysicalResourceId"
        ]
    )


def invoke(day: Day, name: str, event: Any) -> Any:
    """As the clock does, but for an answer."""
    done = day.emulator.client("lambda").invoke(FunctionName=function(day, name), Payload=json.dumps(event))
    said = json.loads(done["Payload"].read() or b"null")
    if done.get("FunctionError"):
        raise Broken(f"{name}: {said}")
    return said


def rules_input(day: Day, name: str, expression: str) -> Any:
    """What the rule with this schedule calls the function with."""
    ask, wanted = day.emulator.client("events"), function(day, name)
    for rule in ask.list_rules(NamePrefix=STACK)["Rules"]:
        if rule.get("ScheduleExpression") == expression:
            for target in ask.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                if target["Arn"].endswith(wanted):
                    return json.loads(target.get("Input") or json.dumps({"source": "aws.events"}))
    raise Broken(f"no rule calls {name} by {expression}")


def begin_to_wait(day: Day) -> None:
    """An event that has to wait; `waited` sees it come."""
    account: Any = Account(day.emulator)
    before = schedules(day)
    day.kept["waits"] = day.emulator.put(case_of(WAITS).unsafe[0](account))
    day.kept["schedules"] = until("a schedule of the event", lambda: schedules(day) - before)
    if WAITS in day.records(WAITS):
        raise Broken(f"{WAITS} did not wait")


def waited(day: Day) -> None:
    record = day.become(WAITS, "asking")
    day.took("a wait of a minute, by the Scheduler", when(record, "asking") - day.kept["waits"])
    until("the event's schedule to be gone", lambda: not schedules(day) & day.kept["schedules"])


def schedules(day: Day) -> set[str]:
    return {each["Name"] for each in day.emulator.client("scheduler").list_schedules()["Schedules"]}


def questions(day: Day) -> None:
    """Asked again after four hours, when the rule of five minutes fires; of more people after a day, closed after three."""
    asked = question(day)
    age(day, asked, 5)
    until(f"{asked.id} to be asked again", lambda: "reminded" in steps(day, asked), patience=600)
    for hours, step in ((25, "escalated"), (73, "expired")):
        age(day, asked, hours)
        invoke(day, "Act", rules_input(day, "Act", "rate(5 minutes)"))
        if step not in steps(day, asked):
            raise Broken(f"{asked.id} is not {step} after {hours} hours: {steps(day, asked)}")
    day.hear(asked.id, 3)


def steps(day: Day, record: Record) -> list[str]:
    return [each.status for each in day.record(record.id).history]


def age(day: Day, record: Record, hours: int) -> None:
    """As if it had been asked so long ago: the emulator's clock can't be put forward, so the record is put back."""
    table, key = day.parts["SNAPBACK_LEDGER"], {"pk": {"S": f"record#{record.id}"}}
    dynamodb, asked = day.emulator.client("dynamodb"), when(record, "asking")
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    history = [json.loads(each["S"]) for each in item["history"]["L"]]
    shift = timedelta(hours=hours)
    for each in history:
        if each["status"] == "asking":
            then = datetime.fromisoformat(each["at"]).fromtimestamp(asked, datetime.fromisoformat(each["at"]).tzinfo)
            each["at"] = (then - shift).isoformat(timespec="milliseconds")
    updated = next(each["at"] for each in history if each["status"] == "asking")
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET history = :history, updated_at = :updated",
        ExpressionAttributeValues={
            ":history": {"L": [{"S": json.dumps(each)} for each in history]},
            ":updated": {"S": updated},
        },
    )


def canary(day: Day) -> None:
    """The hourly rule: the canary's event goes over the bus, and its echo marks it."""
    invoke(day, "Canary", rules_input(day, "Canary", "rate(1 hour)"))
    ledger, dynamodb = day.parts["SNAPBACK_LEDGER"], day.emulator.client("dynamodb")
    until(
        "the canary's echo",
        lambda: any(each["pk"]["S"].startswith("canary") for each in dynamodb.scan(TableName=ledger)["Items"]),
    )
