"""Finding records: filters, short ids, CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest

from chalicelib.core.event import Actor
from chalicelib.core.types import Severity, Status
from snapback.record_filters import COLUMNS, Filters, moment
from tests.notify.test_message import record_of
from tests.snapback.command import complaint, objects, run, unwrapped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
AT = datetime(2026, 3, 20, 10, tzinfo=UTC)
RECORD = record_of(
    Status.ALERTED,
    guardrail="s3.bucket_acl_made_public",
    account="111122223333",
    region="eu-west-3",
    severity=Severity.CRITICAL,
    arn="arn:aws:s3:::app-logs",
    resource="app-logs",
    event_time=AT,
    actor=Actor("IAMUser", "arn:aws:iam::111122223333:user/Dana", "111122223333", tool="Terraform"),
)


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, True),
        ({"guardrails": ("s3.*", "iam.*")}, True),
        ({"guardrails": ("iam.*",)}, False),
        ({"services": ("s3",)}, True),
        ({"services": ("ec2",)}, False),
        ({"accounts": ("111122223333",)}, True),
        ({"accounts": ("1111",)}, False),
        ({"regions": ("eu-west-3",)}, True),
        ({"regions": ("us-east-1",)}, False),
        ({"severities": ("critical",)}, True),
        ({"severities": ("low",)}, False),
        ({"resources": ("APP",)}, True),
        ({"resources": ("arn:aws:s3:::app-*",)}, True),
        ({"resources": ("*-data",)}, False),
        ({"actors": ("dana",)}, True),
        ({"actors": ("erin",)}, False),
        ({"tools": ("terraform",)}, True),
        ({"tools": ("pulumi",)}, False),
        ({"since": AT}, True),
        ({"since": AT + timedelta(seconds=1)}, False),
        ({"until": AT}, False),
        ({"until": AT + timedelta(seconds=1)}, True),
        ({"services": ("s3",), "accounts": ("999988887777",)}, False),
    ],
    ids=str,
)
def test_a_filter_fits(filters: dict[str, Any], fits: bool) -> None:
    assert Filters(**filters).fit(RECORD) is fits


def test_times_are_dates_or_how_long_ago() -> None:
    assert moment("2026-03-20") == datetime(2026, 3, 20, tzinfo=UTC)
    assert moment("2026-03-20T10:00+02:00") == datetime(2026, 3, 20, 8, tzinfo=UTC)
    ago = datetime.now(UTC) - moment("36h")
    assert timedelta(hours=35) < ago < timedelta(hours=37)
    with pytest.raises(click.BadParameter, match="'yesterday' is no time; write 2026-03-20"):
        moment("yesterday")


def _two(world: World) -> list[str]:
    ledger = world.application().ledger
    found = []
    for number, each in enumerate(("s3.abcd000000000001", "s3.abcd100000000002")):
        at, arn = AT + timedelta(hours=number), f"arn:aws:s3:::b{number}"
        one = replace(
            RECORD, id=each, arn=arn, resource=f"b{number}", guardrail=f"s3.x{number}", event_time=at, history=()
        )
        ledger.open(one.stepped(Status.ALERTED, at, "snapback"), at, world.settings.limits)
        found.append(each)
    return found


def test_filters_choose_and_the_rest_is_counted(world: World) -> None:
    first, second = _two(world)
    shown = unwrapped(run("records", "--guardrail", "*1"))
    assert second in shown
    assert first not in shown
    assert "s3.x1 · 111122223333 · eu-west-3 · critical · " in shown
    assert "The latest 1 of 2; --limit 2 shows all." in run("records", "--tool", "terraform", "--limit", 1).stdout
    assert run("records", "--account", "999988887777").stdout == "No records fit these filters.\n"
    quiet = run("records", "--tool", "terraform", "--limit", 1, "--json")
    assert [each["id"] for each in objects(quiet)] == [second]
    assert "The latest 1 of 2" in quiet.stderr


@pytest.mark.parametrize("command", ["records", "replay"])
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("--guardrail iam.nope", "--guardrail iam.nope: no guardrail matches"),
        ("--service nope", "--service nope: no such service; one of "),
        ("--account 999", "--account 999: not an account"),
        ("--region mars-1", "--region mars-1: not a region"),
        ("--since 2026-03-21 --until 2026-03-20", "--since 2026-03-21T00:00 is not before --until 2026-03-20T00:00"),
    ],
)
def test_a_filter_that_can_fit_nothing_is_refused(
    command: str, filters: str, said: str, world: World, tmp_path: Path
) -> None:
    world.application()
    (tmp_path / "empty.jsonl").touch()
    files = [tmp_path / "empty.jsonl"] if command == "replay" else []
    assert complaint(command, *files, *filters.split()).startswith(said)


def test_csv_has_a_header_and_no_formulas(world: World) -> None:
    ledger = world.application().ledger
    at = datetime(2026, 3, 20, 10, tzinfo=UTC)
    hostile = replace(RECORD, reason='=HYPERLINK("https://x","\x1b[2J")', history=()).stepped(Status.ALERTED, at, "s")
    ledger.open(replace(hostile, id="s3.0000000000000001"), at, world.settings.limits)
    header, row = csv.reader(io.StringIO(run("records", "--csv").stdout))
    assert tuple(header) == COLUMNS
    told = dict(zip(header, row, strict=True))
    assert told["reason"].startswith("'=HYPERLINK")
    assert "\x1b" not in told["reason"]
    assert told["account"] == "111122223333"
    assert "exclude each other" in complaint("records", "--csv", "--json")


def test_a_short_id_is_enough_where_it_is_the_only_one(world: World) -> None:
    first, second = _two(world)
    assert first in run("show", "s3.abcd0").stdout
    assert second in run("show", "abcd1…").stdout
    assert complaint("show", "abcd") == f"'abcd' stands for {first}, {second}; type more of the id"
    assert second in run("show", "S3.ABCD1").stdout
    assert complaint("show", "ab") == "'ab' is too short for an id: type at least 4 characters of it"
    assert "no record 's3.ffff' in the ledger" in complaint("undo", "s3.ffff")


def test_a_sweeps_finding_names_nobody(world: World) -> None:
    at = datetime(2026, 3, 20, 10, tzinfo=UTC)
    swept = replace(RECORD, found_by="sweep", actor=Actor("Unknown", "", ""), history=(), id="s3.0000000000000001")
    world.application().ledger.open(swept.stepped(Status.ALERTED, at, "s"), at, world.settings.limits)
    for command in (("records",), ("records", "--csv"), ("show", swept.id)):
        said = unwrapped(run(*command))
        assert "found by a sweep; who did it isn't known" in said
        assert "Unknown" not in said
    assert run("show", swept.id).stdout.splitlines()[1].split()[0] == "resource"
