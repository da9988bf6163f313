"""Records in the forms that people have them in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from snapback.errors import BadEvents
from snapback.known import event_services
from snapback.replay.choose import Choice
from snapback.replay.logs import as_entry, as_envelope, read
from tests.security.mutation import example_of
from tests.snapback.replay.test_logs import lines, names, record

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.core.rule import Rule

WHO = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/dana", "accountId": "111122223333", "userName": "dana"}
ONE = record("A", userIdentity=WHO, requestParameters={"bucketName": "acme"}, readOnly=False)
TEXT = json.dumps(ONE)
TIMELESS = {key: value for key, value in ONE.items() if key != "eventTime"}
FORMS: dict[str, Any] = {
    "lookup-events": {"Events": [{"EventId": "1", "EventName": "A", "CloudTrailEvent": TEXT}]},
    "Lake's query": {"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventJson": TEXT}]]},
    "Athena's query": {
        "ResultSet": {"Rows": [{"Data": [{"VarCharValue": "eventjson"}]}, {"Data": [{"VarCharValue": TEXT}]}]}
    },
    "Logstash": {**TIMELESS, "@timestamp": "2025-11-18T09:00:00.000Z", "@version": "1"},
    "Elasticsearch": {"hits": {"hits": [{"_index": "x", "_source": ONE}]}},
    "CloudWatch Logs": {"events": [{"timestamp": 1, "message": TEXT}]},
    "Lake's query, by columns": {
        "QueryResultRows": [[{key: each if isinstance(each, str) else json.dumps(each)} for key, each in ONE.items()]]
    },
    "Logs Insights": {"results": [[{"field": "@ptr", "value": "x"}, {"field": "@message", "value": TEXT}]]},
    "Filebeat": {"@timestamp": "2025-11-18T09:00:00.000Z", "event": {"original": TEXT}, "aws": {}},
    "SQS": {"Messages": [{"Body": json.dumps({"Type": "Notification", "Message": TEXT})}]},
    "a list of lists": [[ONE]],
    "an envelope in a list": [as_envelope(ONE)[0]],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["json", "jsonl", "json.gz"])
def test_a_record_is_found_in_it(tmp_path: Path, form: str, ending: str) -> None:
    path, data = tmp_path / f"log.{ending}", json.dumps(FORMS[form]).encode()
    path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    (entry,) = read([path])
    assert entry.envelope["detail"]["eventName"] == "A"
    assert f"{entry.time:%H:%M}" == "09:00"


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


COLUMNS = {
    **{key.lower(): str(value) for key, value in ONE.items()},
    "requestparameters": '{"bucketName":"acme"}',
    "readonly": "false",
    "errorcode": "",
}


@pytest.mark.parametrize(
    "who",
    [
        json.dumps(WHO),
        "{type=IAMUser, principalid=null, arn=arn:aws:iam::111122223333:user/dana, accountid=111122223333, sessioncontext={attributes={mfaauthenticated=false}}, username=dana}",
    ],
)
def test_athenas_columns_make_a_record(tmp_path: Path, who: str) -> None:
    path = tmp_path / "athena.csv"
    path.write_bytes(b"\xef\xbb\xbf" + table({**COLUMNS, "useridentity": who}))
    (entry,) = read([path])
    detail = entry.envelope["detail"]
    assert (detail["eventName"], detail["userIdentity"]["userName"], detail["readOnly"]) == ("A", "dana", False)
    assert detail["requestParameters"] == {"bucketName": "acme"}
    assert "errorCode" not in detail
    assert entry.envelope["account"] == "111122223333"


def test_lakes_export_holds_records_as_text(tmp_path: Path) -> None:
    path = tmp_path / "lake.csv.gz"
    path.write_bytes(gzip.compress(table({"eventJson": TEXT}, {"eventJson": "{cut"})))
    told: list[str] = []
    assert len(list(read([path], skipped=told.append))) == 1
    (said,) = told
    assert "lake.csv.gz:3: this row holds no CloudTrail record" in said


def test_byte_order_marks_are_no_part_of_json(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    (tmp_path / "two.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(ONE, ONE).encode())
    (tmp_path / "three.json").write_bytes(json.dumps({"Records": [ONE]}).encode("utf-16"))
    (tmp_path / "four.jsonl").write_bytes(lines(ONE, ONE).encode("utf-16"))
    assert names(tmp_path) == ["A"] * 6


@pytest.mark.parametrize("between", ["", " ", ",\n", "\r\n\r\n"])
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_objects_side_by_side_are_one_event_each(tmp_path: Path, between: str, ending: str) -> None:
    """As Firehose delivers the events of a bus; its last one may be cut off."""
    told: list[str] = []
    (tmp_path / f"log.{ending}").write_text(between.join([TEXT, TEXT, TEXT[:50]]))
    assert [entry.envelope["detail"]["eventName"] for entry in read([tmp_path], skipped=told.append)] == ["A", "A"]
    assert len(told) == 1


def test_a_last_line_that_is_cut_off_is_skipped(tmp_path: Path) -> None:
    path, told = tmp_path / "log.jsonl", list[str]()
    path.write_text(lines(ONE) + TEXT[:50])
    assert len(list(read([path], skipped=told.append))) == 1
    assert "log.jsonl:2: not JSON" in told[0]
    with pytest.raises(BadEvents, match=r"log\.jsonl:2: not JSON"):
        list(read([path], strict=True))


FOREIGN = {
    "policy.json": b'{"Version": "2012-10-17", "Statement": []}',
    "config.json": b'{"fileVersion": "1.0", "configurationItems": [{"resourceType": "AWS::S3::Bucket"}]}',
    "digest.json.gz": gzip.compress(b'{"digestStartTime": "2025-11-18T09:00:00Z", "logFiles": []}'),
    "cut.json.gz": gzip.compress(json.dumps({"Records": [ONE] * 50}).encode())[:-20],
    "empty.json.gz": b"",
    "list.json": b"[1, 2, {}]",
}


def test_foreign_files_are_skipped_and_told(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps({"Records": [ONE]}))
    for name, data in FOREIGN.items():
        (tmp_path / name).write_bytes(data)
    told: list[str] = []
    found = [entry for entry in read([tmp_path], skipped=told.append) if entry.envelope["source"]]
    assert len(found) == 1
    for name in FOREIGN.keys() - {"list.json"}:
        assert any(name in each for each in told), name


def test_the_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(lines(ONE).encode()))))
    (entry,) = read(["-"])
    assert entry.where.startswith("standard input")


def test_a_prefix_in_s3_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="acme-logs")
        body = gzip.compress(json.dumps({"Records": [ONE]}).encode())
        for key in ("AWSLogs/1/CloudTrail/a.json.gz", "AWSLogs/1/CloudTrail/b.json.gz"):
            s3.put_object(Bucket="acme-logs", Key=key, Body=body)
        s3.put_object(Bucket="acme-logs", Key="AWSLogs/1/CloudTrail-Digest/d.json.gz", Body=b"{}")
        assert len(list(read(["s3://acme-logs/AWSLogs/"]))) == 2
        with pytest.raises(BadEvents, match="no log files under this prefix"):
            list(read(["s3://acme-logs/nothing/"]))


class TestChoice:
    @pytest.mark.parametrize(
        ("choice", "why"),
        [
            (Choice(since=datetime(2025, 11, 19, tzinfo=UTC)), "before --since"),
            (Choice(until=datetime(2025, 11, 18, 9, tzinfo=UTC)), "after --until"),
            (Choice(accounts=frozenset({"444455556666"})), "of another account"),
            (Choice(regions=frozenset({"eu-west-1"})), "of another region"),
            (Choice(services=frozenset({"s3"})), "of another service"),
            (Choice(guardrails=frozenset({"s3.*"})), "of no guardrail"),
        ],
    )
    def test_what_doesnt_fit_is_left_out_and_counted(self, choice: Choice, why: str) -> None:
        assert not choice.takes(as_entry(ONE, "").envelope)
        assert (dict(choice.left_out), choice.read, choice.taken) == ({why: 1}, 1, 0)
        fitting = Choice(services=frozenset({"iam"}), guardrails=frozenset({"iam.*"}), everything=False)
        assert fitting.takes(as_entry(ONE, "").envelope)

    def test_what_only_reads_and_what_no_guardrail_rests_on_is_left_out(self) -> None:
        choice = Choice(everything=False)
        assert not choice.takes(as_entry({**ONE, "readOnly": True}, "").envelope)
        assert not choice.takes(as_entry({**ONE, "eventSource": "example.amazonaws.com"}, "").envelope)
        root = {**ONE, "eventSource": "example.amazonaws.com", "userIdentity": {"type": "Root"}}
        assert choice.takes(as_entry(root, "").envelope), "a tripwire hears it"

    @pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
    def test_the_service_of_each_event_that_rules_hear_can_be_asked_for(self, rule: Rule) -> None:
        choice = Choice(services=event_services())
        for pattern in rule.on.get("$or", [rule.on]):
            event = example_of(pattern)
            if "eventSource" not in pattern.get(
                "detail", {}
            ):  # Not a call: only the event itself says where it is from.
                del event["detail"]["eventSource"]
            assert choice.takes(event), pattern
