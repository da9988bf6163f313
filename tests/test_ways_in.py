"""Every call that changes something is heard by a rule, or the table says why not: a newer botocore's too."""

from __future__ import annotations

import pytest

from chalicelib import catalog
from tools import ways_in_table
from tools.ways_in_table import Table, members, noun, operations, tables

TABLES = tables()
KINDS = {"heard", "harmless", "sweep", "data"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_call_is_classed(table: Table) -> None:
    assert not table.faults()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_row_says_why(table: Table) -> None:
    for row in table.rows():
        assert row.kind in KINDS
        assert row.why, f"{row.event} is in [events] as heard, and no rule hears it"
        assert row.kind == "heard" or (row.why.endswith(".") and len(row.why.split()) > 3), row
        assert not row.source or row.source.startswith("https://docs.aws.amazon.com/"), row


def test_every_service_whose_calls_are_heard_has_a_table() -> None:
    sources = {
        source.removesuffix(".amazonaws.com")
        for rule in catalog.all_rules()
        for one in rule.on.get("$or", [rule.on])
        for source in one.get("detail", {}).get("eventSource", ())
    }
    told = {each["source"] for table in TABLES for each in table.read.get("events", {}).values() if "source" in each}
    assert sources <= {table.source for table in TABLES} | told


def test_a_new_call_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_in_table, "sentence", lambda *_: "Opens a door")
    monkeypatch.setattr(ways_in_table, "operations", lambda service: (*operations(service), "OpenDoor"))
    assert Table("sqs").faults() == ["sqs.toml: OpenDoor is unclassed. Opens a door"]


def test_a_call_that_is_no_more_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ways_in_table, "operations", lambda service: tuple({*operations(service)} - {"CancelMessageMoveTask"})
    )
    assert Table("sqs").faults() == ["sqs.toml: botocore knows no CancelMessageMoveTask that changes something"]


@pytest.mark.parametrize(("operation", "why"), [("UpdateContinuousBackups", "heard"), ("CreateTable", "a candidate")])
def test_a_new_member_is_a_fault(operation: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RecoveryPeriodInDays` came to an old call."""

    def more(service: str, name: str) -> list[str]:
        return [*members(service, name), *(["Door"] if name == operation else [])]

    monkeypatch.setattr(ways_in_table, "members", more)
    (fault,) = Table("dynamodb").faults()
    assert f"{operation} has new members Door" in fault, why


def test_a_row_that_a_rule_has_come_to_hear_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ways_in_table, "heard_by", lambda _, event: ("sqs.x",) if event == "CancelMessageMoveTask" else ("sqs.y",)
    )
    assert "sqs.toml: CancelMessageMoveTask is heard by sqs.x; take its row out" in Table("sqs").faults()


def test_a_candidate_has_a_row_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_in_table, "nouns_read", lambda _: frozenset({"EventSource"}))
    faults = [fault for fault in Table("events").faults() if "candidate" in fault]
    assert len(faults) == 2
    assert "ActivateEventSource" in faults[0]


def test_members_are_those_of_nested_shapes_too() -> None:
    assert "RecoveryPeriodInDays" in members("dynamodb", "UpdateContinuousBackups")


@pytest.mark.parametrize(
    ("operation", "thing"),
    [
        ("DescribeSecurityGroups", "SecurityGroup"),
        ("BatchGetImage", "Image"),
        ("CreateAlias", "Alias"),
        ("ListPolicies", "Policy"),
        ("Query", ""),
    ],
)
def test_an_operation_s_noun(operation: str, thing: str) -> None:
    assert noun(operation) == thing


def test_what_the_reference_says_writes_is_a_row_though_its_name_reads() -> None:
    """GetWebIdentityToken hands out a token; ExportTableToPointInTime copies a table; DiscoverPollEndpoint writes."""
    assert "GetWebIdentityToken" in operations("sts")
    assert "ExportTableToPointInTime" in operations("dynamodb")
    assert "DiscoverPollEndpoint" in operations("ecs")
    assert "DescribeInstances" not in operations("ec2")
