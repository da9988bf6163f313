from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from snapback.errors import BadEvents
from snapback.replay.kept import DAWN
from snapback.replay.logs import as_envelope, read
from snapback.replay.sources import sources

if TYPE_CHECKING:
    from pathlib import Path


def record(name: str = "CreateUser", at: str = "2025-11-18T09:00:00Z", **more: Any) -> dict[str, Any]:
    return {
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "eventTime": at,
        "eventID": f"id-{name}-{at}",
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
        "eventType": "AwsApiCall",
        **more,
    }


def envelope(name: str, at: str) -> dict[str, Any]:
    return as_envelope(record(name, at))[0]


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def names(*paths: Path) -> list[str]:
    return [entry.envelope["detail"]["eventName"] for entry in read(paths)]


@pytest.mark.parametrize("name", ["log.json", "log.json.gz"])
def test_a_log_files_records_are_sorted_by_time(tmp_path: Path, name: str) -> None:
    log = {"Records": [record("B", "2025-11-18T09:00:02Z"), record("A", "2025-11-18T09:00:01Z")]}
    assert names(write(tmp_path / name, json.dumps(log))) == ["A", "B"]


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.json"])
def test_json_lines_of_records_are_sorted_by_time(tmp_path: Path, name: str) -> None:
    text = lines(record("B", "2025-11-18T09:00:02Z"), record("A", "2025-11-18T09:00:01Z"))
    assert names(write(tmp_path / name, text)) == ["A", "B"]


def test_envelopes_keep_the_order_in_which_they_were_delivered(tmp_path: Path) -> None:
    text = lines(envelope("B", "2025-11-18T09:00:02Z"), envelope("A", "2025-11-18T09:00:01Z"))
    assert names(write(tmp_path / "events.jsonl", text)) == ["B", "A"]


def test_two_files_of_envelopes_are_woven_together_by_when_they_were_delivered(tmp_path: Path) -> None:
    one = lines(envelope("A", "2025-11-18T09:00:01Z"), envelope("D", "2025-11-18T09:00:04Z"))
    other = lines(envelope("C", "2025-11-18T09:00:03Z"), envelope("late", "2025-11-18T09:00:00Z"))
    paths = write(tmp_path / "one.jsonl", one), write(tmp_path / "other.jsonl", other)
    assert names(*paths) == ["A", "C", "late", "D"]


def test_a_pretty_printed_event_is_one_event(tmp_path: Path) -> None:
    assert names(write(tmp_path / "event.json", json.dumps(envelope("A", "2025-11-18T09:00:01Z"), indent=2))) == ["A"]


def test_a_folder_is_read_through_but_for_digests(tmp_path: Path) -> None:
    deep = tmp_path / "AWSLogs" / "111122223333" / "CloudTrail" / "us-east-1"
    digests = tmp_path / "AWSLogs" / "111122223333" / "CloudTrail-Digest"
    deep.mkdir(parents=True)
    digests.mkdir()
    write(deep / "a.json.gz", json.dumps({"Records": [record("A")]}))
    write(digests / "digest.json.gz", json.dumps({"digestStartTime": "2025-11-18T09:00:00Z"}))
    write(tmp_path / "README.md", "not a log")
    assert names(tmp_path) == ["A"]
    assert sum(each.size for each in sources([tmp_path])) == (deep / "a.json.gz").stat().st_size


def test_a_record_is_wrapped_as_eventbridge_does(tmp_path: Path) -> None:
    (entry,) = read([write(tmp_path / "log.jsonl", lines(record()))])
    assert entry.recorded
    assert {key: value for key, value in entry.envelope.items() if key != "detail"} == {
        "version": "0",
        "id": "id-CreateUser-2025-11-18T09:00:00Z",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": "111122223333",
        "time": "2025-11-18T09:00:00Z",
        "region": "us-east-1",
        "resources": [],
    }
    assert entry.envelope["detail"] == record()


def test_what_was_no_call_gets_the_detail_type_of_its_kind() -> None:
    assert as_envelope(record(eventType="AwsConsoleSignIn"))[0]["detail-type"] == "AWS Console Sign In via CloudTrail"
    assert as_envelope(record(eventType="AwsServiceEvent"))[0]["detail-type"] == "AWS Service Event via CloudTrail"


def test_the_callers_account_stands_in_for_a_missing_recipient() -> None:
    called = record(userIdentity={"accountId": "444455556666"})
    del called["recipientAccountId"]
    assert as_envelope(called)[0]["account"] == "444455556666"


@pytest.mark.parametrize("odd", [7, None, [], {}, "text", {"eventName": None}, {"userIdentity": 3, "eventTime": []}])
def test_a_record_that_is_none_is_passed_on(tmp_path: Path, odd: Any) -> None:
    log = write(tmp_path / "log.json", json.dumps({"Records": [odd, record("A")]}))
    entries = list(read([log]))
    assert len(entries) == 2
    assert odd in [entry.envelope["detail"] for entry in entries]


def test_progress_is_told_in_bytes_and_adds_up(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", lines(record()))
    write(tmp_path / "b.jsonl.gz", lines(record()))
    told: list[int] = []
    list(read([tmp_path], told.append))
    assert sum(told) == sum(each.size for each in sources([tmp_path]))


BAD = {
    "is empty": ("empty.json", b""),
    "empty.jsonl: is empty": ("empty.jsonl", b"\n\n"),
    "cut off": ("cut.json.gz", gzip.compress(json.dumps({"Records": [record()] * 50}).encode())[:-20]),
    "gzip data": ("no.json.gz", b"not gzip at all"),
    "not JSON": ("text.json", b"hello"),
    "lines.jsonl:1: not JSON": ("lines.jsonl", b"{half"),
    "no CloudTrail records": ("package.json", b'{"name": "web", "version": "1.0.0"}'),
    "`Records` is no list": ("odd.json", b'{"Records": {"a": 1}}'),
    "utf.json: not JSON": ("utf.json", b'{"Records": ["\xff"]}'),
    "deep.jsonl:1: ": ("deep.jsonl", b"[" * 100_000),
}


@pytest.mark.parametrize("says", BAD)
def test_bad_input_is_told_in_one_line(tmp_path: Path, says: str) -> None:
    name, content = BAD[says]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadEvents) as raised:
        list(read([tmp_path / name]))
    assert says in str(raised.value)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_folder_without_logs_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadEvents, match="there is no such file"):
        list(read([tmp_path / "none.json"]))
    with pytest.raises(BadEvents, match="no log files in this folder"):
        list(read([tmp_path]))
    with pytest.raises(BadEvents, match="no input"):
        list(read([]))


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    assert list(read([write(tmp_path / "log.json", '{"Records": []}')])) == []


def test_what_has_no_time_comes_first(tmp_path: Path) -> None:
    entry, _ = read([write(tmp_path / "log.jsonl", lines(record("B"), record("A", at=None)))])  # type: ignore[arg-type]
    assert entry.time == DAWN
