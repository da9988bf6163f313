"""The daily sweep, through its queues to the end, with one place besides that can't be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib import catalog
from chalicelib.sweep.queues import places_of
from tests.e2e.clock import function, invoke, rules_input
from tests.e2e.day import BAD, Clock
from tests.e2e.emulator import Broken, until
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from tests.e2e.day import Day

UNREADABLE = f"sweep#{HOME}#{REGION}#ec2.TransitGateway"
"""ministack doesn't know DescribeTransitGateways."""
_QUEUES = ("SweepPlaces", "SweepResources")
_VISIBLE_AFTER, _TRIES = 45, 2
"""Seconds until a message that failed comes again, and how often it comes: the stack's own are hours."""


def sweep(day: Day) -> None:
    """Each place but one is gone through; that one is told at once, and is a dead letter in the end."""
    shorten(day)
    before = bad(day)
    wanted = {place.key for place in places_of(day.application.settings, catalog.guardrails(), [HOME], REGION)}
    with Clock(day, f"sweep of {len(wanted)} places"):
        sent = invoke(day, "Sweep", rules_input(day, "Sweep", "cron(17 4 * * ? *)"))["sent"]
        if sent != len(wanted) or UNREADABLE not in wanted:
            raise Broken(f"the sweep has {sent} places, not these {len(wanted)}: {wanted}")
        until("the sweep's end", lambda: not waiting(day) and wanted - marked(day) == {UNREADABLE}, patience=600)
    if wrong := bad(day) - before:
        raise Broken(f"after the sweep, these are wrong: {wrong}")
    (letter,) = until("the unreadable place's dead letter", day.given_up)
    if letter["what"] != f"sweep of ec2.TransitGateway {HOME} {REGION}":
        raise Broken(f"the dead letter doesn't say what can't be read: {letter}")
    told = {each["kind"] for each in day.emulator.logged("ERROR") if each["message"] == "sweep: could not list"}
    if told != {"ec2.TransitGateway"}:
        raise Broken(f"these could not be listed: {told}")
    day.snapback("dlq", "drop", letter["id"], "--yes")
    day.emulator.forgive("sweep: could not list")


def bad(day: Day) -> set[tuple[str, str, str]]:
    return {of for _, of in day.rows() if of[1] in BAD}


def shorten(day: Day) -> None:
    """The queues' times, and to two functions at once, as the machine is small."""
    sqs, ask = day.emulator.client("sqs"), day.emulator.client("lambda")
    for name in _QUEUES:
        url = function(day, name)
        policy = json.loads(
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
        )
        changed = {
            "VisibilityTimeout": str(_VISIBLE_AFTER),
            "RedrivePolicy": json.dumps({**policy, "maxReceiveCount": _TRIES}),
        }
        sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    for each in ask.list_event_source_mappings()["EventSourceMappings"]:
        if any(name in each["EventSourceArn"] for name in _QUEUES):
            ask.update_event_source_mapping(UUID=each["UUID"], ScalingConfig={"MaximumConcurrency": 2})


def waiting(day: Day) -> int:
    """Messages in the sweep's queues, and being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = day.emulator.client("sqs")
    found = [
        sqs.get_queue_attributes(QueueUrl=function(day, name), AttributeNames=names)["Attributes"] for name in _QUEUES
    ]
    return sum(int(each[name]) for each in found for name in names)


def marked(day: Day) -> set[str]:
    """The places that were gone through."""
    table = day.emulator.client("dynamodb").get_paginator("scan")
    pages = table.paginate(
        TableName=day.parts["SNAPBACK_LEDGER"],
        FilterExpression="begins_with(pk, :sweep)",
        ExpressionAttributeValues={":sweep": {"S": "sweep#"}},
    )
    return {each["pk"]["S"] for page in pages for each in page["Items"]}
