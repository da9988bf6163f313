"""A first look leaves out nothing that a whole decoding would take, and counts the same."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapback.errors import Refused
from snapback.replay import glance, kept, logs
from snapback.replay.choose import Choice
from snapback.replay.logs import read
from tests.snapback.replay.test_logs import envelope, lines, record

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["PutBucketAcl", "GetObject", "AssumeRole", "ConsoleLogin", "CreateRole", "DescribeInstances", "StopLogging"]
SOURCES = [f"{each}.amazonaws.com" for each in ("s3", "iam", "sts", "signin", "cloudtrail", "ec2", "logs")]
ODD = st.sampled_from([None, "", 7, True, [], ["AwsApiCall"], {}, {"eventName": "PutBucketAcl"}, "é\u2028", '"}],{"'])
HOSTILE = st.recursive(
    ODD | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["eventName", "eventSource", "readOnly", "detail", "Records", "x"]), inner)
    ),
    max_leaves=5,
)
VALUES: dict[str, Any] = {
    "eventSource": st.sampled_from(SOURCES),
    "eventName": st.sampled_from(NAMES),
    "eventTime": st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-02T00:00:00+01:00", "2026-11-02"]),
    "eventType": st.sampled_from(["AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent"]),
    "eventCategory": st.sampled_from(["Management", "Data", "Insight"]),
    "awsRegion": st.sampled_from(["us-east-1", "eu-west-1"]),
    "recipientAccountId": st.sampled_from(["111122223333", "444455556666"]),
    "errorCode": st.sampled_from(["AccessDenied"]),
    "readOnly": st.booleans(),
    "userIdentity": st.fixed_dictionaries({"type": st.sampled_from(["Root", "IAMUser"]), "accountId": st.just("1")}),
    "requestParameters": HOSTILE,
}


@st.composite
def records(draw: st.DrawFn) -> str:
    """A record as JSON, of which any field may be missing or odd, or stand there twice."""
    fields = [(name, draw(values)) for name, values in VALUES.items() if draw(st.integers(0, 9))]
    odd = st.sampled_from([*VALUES, "detail", "@timestamp", "message"])
    fields += draw(st.lists(st.tuples(odd, HOSTILE | ODD), max_size=1))
    escaped = draw(st.booleans())
    keys = [json.dumps(name).replace("e", "\\u0065") if escaped else json.dumps(name) for name, _ in fields]
    pairs = ", ".join(f"{key}: {json.dumps(value)}" for key, (_, value) in zip(keys, fields, strict=True))
    return "{" + pairs + "}"


CHOICES = st.builds(
    Choice,
    since=st.sampled_from([None, datetime(2026, 11, 1, 12, tzinfo=UTC)]),
    until=st.sampled_from([None, datetime(2026, 11, 2, tzinfo=UTC)]),
    accounts=st.sampled_from([frozenset(), frozenset({"111122223333"})]),
    regions=st.sampled_from([frozenset(), frozenset({"us-east-1"})]),
    services=st.sampled_from([frozenset(), frozenset({"s3", "sts"})]),
    guardrails=st.sampled_from([frozenset(), frozenset({"s3.*"}), frozenset({"iam.root_*", "cloudtrail.*"})]),
    everything=st.booleans(),
)


@settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(records(), min_size=1, max_size=6), CHOICES, st.booleans())
def test_it_takes_what_a_whole_decoding_takes(
    tmp_path_factory: pytest.TempPathFactory, found: list[str], choice: Choice, in_lines: bool
) -> None:
    path = tmp_path_factory.mktemp("logs") / ("log.jsonl" if in_lines else "log.json")
    path.write_text("\n".join(found) if in_lines else '{"Records": [' + ",".join(found) + "]}")
    taken = []
    for whole in (True, False):
        counted = replace(choice, left_out=type(choice.left_out)())
        with pytest.MonkeyPatch.context() as patch:
            if whole:
                patch.setattr(glance, "records", lambda *_: None)
                patch.setattr(glance, "is_left_out", lambda *_: False)
            taken.append((list(read([path], choice=counted)), counted.read, counted.left_out))
    assert taken[0] == taken[1]


@pytest.mark.parametrize("broken", [b'{"Records": [{"a": 01}]}', b'{"Records": [{"a": "\xff"}]}', b'{"Records": ['])
def test_what_is_skipped_must_still_be_json(tmp_path: Path, broken: bytes) -> None:
    good = tmp_path / "good.json"
    good.write_text(json.dumps({"Records": [record()]}))
    (tmp_path / "bad.json").write_bytes(broken)
    said: list[str] = []
    assert list(read([tmp_path], choice=Choice(everything=False), skipped=said.append))
    assert ["bad.json" in each for each in said] == [True]


def test_several_processes_read_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        found = {"Records": [record(at=f"2026-11-0{3 - number}T00:00:00Z"), record("ListUsers", readOnly=True)]}
        (tmp_path / f"{number}.json.gz").write_bytes(gzip.compress(json.dumps(found).encode()))
    (tmp_path / "bad.json").write_text("no")
    choices = [Choice(everything=False) for _ in range(2)]
    said: list[list[str]] = [[], []]
    alone = list(read([tmp_path], choice=choices[0], skipped=said[0].append))
    monkeypatch.setattr(logs, "WORTH_WORKERS", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert list(read([tmp_path], choice=choices[1], skipped=said[1].append)) == alone
    assert len(alone) == 3
    assert choices[0] == choices[1]
    assert said[0] == said[1]


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "IN_MEMORY", 4000)
    monkeypatch.setattr(kept, "_BLOCK", 900)
    monkeypatch.setattr(kept, "_RUNS", 3)


@pytest.mark.usefixtures("_tiny")
def test_files_in_any_order_are_sorted_on_disk(tmp_path: Path) -> None:
    for number in range(60):
        found = [record("A", f"2026-11-01T00:{(number * 37 + more) % 60:02}:00Z") for more in (0, 7)]
        (tmp_path / f"{number:02}.json").write_text(json.dumps({"Records": found}))
    times = [entry.time for entry in read([tmp_path])]
    assert len(times) == 120
    assert times == sorted(times)


@pytest.mark.usefixtures("_tiny")
def test_late_deliveries_are_kept_in_both_orders(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(lines(*(envelope("A", f"2026-11-01T00:{number * 37 % 60:02}:00Z") for number in range(60))))
    log = kept.Log(read([path]))
    delivered, by_time = list(log), list(log.by_time())
    assert [entry.where.partition(":")[2] for entry in delivered] == [str(number) for number in range(1, 61)]
    assert by_time == sorted(delivered, key=lambda entry: entry.time)
    assert log.count == 60
    assert log.first == min(entry.time for entry in delivered)


@pytest.mark.usefixtures("_tiny")
def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.json").write_text(json.dumps({"Records": [record() for _ in range(60)]}))

    def full(**_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(Refused, match="No space left on device; make room there, or set TMPDIR"):
        list(read([tmp_path]))
