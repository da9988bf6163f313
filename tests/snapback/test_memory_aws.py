from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Baseline
from chalicelib.core.errors import StepRefused
from chalicelib.core.settings import Settings
from chalicelib.wiring import Application
from snapback.errors import OutOfMemory
from snapback.memory_aws.memory import MemoryAws
from snapback.memory_aws.table import StreamedTable
from tests.support.events import cloudtrail_event

HOME, OTHER = "111122223333", "444455556666"


def test_snapback_is_at_home_and_the_actor_wherever_the_record_says() -> None:
    with MemoryAws(HOME) as aws:
        assert boto3.client("sts").get_caller_identity()["Account"] == HOME
        assert aws.actor("sts", OTHER, "eu-west-1").get_caller_identity()["Account"] == OTHER


def test_snapback_reaches_other_accounts_by_its_roles() -> None:
    with MemoryAws(HOME) as aws:
        aws.actor("iam", OTHER, "us-east-1").create_user(UserName="bob")
        sessions = AwsSessions(HOME, Baseline())
        there = sessions.reader(OTHER, "us-east-1").client("iam").list_users()["Users"]
        here = sessions.reader(HOME, "us-east-1").client("iam").list_users()["Users"]
    assert [user["UserName"] for user in there] == ["bob"]
    assert here == []


@pytest.mark.parametrize("name", ["logs", "ec2", "events", "iam.data", "dynamodb-backup"])
def test_a_bucket_may_be_called_like_a_service(name: str) -> None:
    with MemoryAws(HOME) as aws:
        s3 = aws.actor("s3", HOME, "us-east-1")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="a/b", Body=b"")
        assert s3.get_bucket_acl(Bucket=name)["Grants"]
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [name]


def test_nothing_gets_out() -> None:
    with MemoryAws(HOME):
        away = boto3.client("s3", endpoint_url="http://198.51.100.1:9")
        with pytest.raises(OutOfMemory, match="not sent"):
            away.list_buckets()


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    monkeypatch.delenv("AWS_REGION", raising=False)
    before = dict(os.environ)
    with MemoryAws(HOME):
        assert "AWS_PROFILE" not in os.environ
        assert "AWS_ENDPOINT_URL" not in os.environ
    assert dict(os.environ) == before


def test_one_memory_knows_nothing_of_an_earlier_one() -> None:
    with MemoryAws(HOME) as aws:
        aws.actor("s3", HOME, "us-east-1").create_bucket(Bucket="left-over")
    with MemoryAws(HOME) as aws:
        assert aws.actor("s3", HOME, "us-east-1").list_buckets()["Buckets"] == []


def test_the_event_history_is_what_was_replayed() -> None:
    first = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "acme"}, account=HOME)
    other = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "acme-2"}, account=HOME)
    with MemoryAws(HOME) as aws:
        for envelope in (first, other, {"detail": None}):
            aws.remember(envelope)
        trail = boto3.client("cloudtrail")
        wanted: Any = [{"AttributeKey": "ResourceName", "AttributeValue": "acme"}]
        (found,) = trail.lookup_events(LookupAttributes=wanted)["Events"]
        assert (found["EventName"], found["ReadOnly"]) == ("PutBucketAcl", "false")
        later = datetime(2026, 11, 23, 10, 0, 1, tzinfo=UTC)
        assert trail.lookup_events(LookupAttributes=wanted, StartTime=later)["Events"] == []


def test_the_ledgers_stream_is_handed_over_once_and_whole_also_after_a_refusal() -> None:
    table = StreamedTable("ledger", "us-east-1")
    with MemoryAws(HOME):
        now = datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC)
        application = Application(HOME, settings=Settings(), now=lambda: now, table="ledger")
        application.__dict__["dynamodb"] = table
        event = cloudtrail_event("organizations", "LeaveOrganization", account=HOME, errorCode="AccessDenied")
        application.guard("organizations", event)
        first = table.take(100)
        (record,) = application.ledger.records()
        with pytest.raises(StepRefused):
            application.ledger.open(record, record.event_time, application.settings.limits)
        again = cloudtrail_event("organizations", "LeaveOrganization", {"accountId": "7"}, account=HOME)
        application.guard("organizations", again)
        second, third = table.take(100), table.take(100)
    seen = [each["dynamodb"]["Keys"]["pk"]["S"].split("#")[0] for each in [*first, *second]]
    assert seen.count("record") == 2
    assert third == []
    assert first[0]["eventName"] == "INSERT"
    assert set(first[0]["dynamodb"]) >= {"Keys", "NewImage", "SequenceNumber"}


def test_a_quick_request_is_the_one_that_moto_would_make() -> None:
    from moto.core.request import Request

    slow, compared = Request.from_primitives, list[str]()
    with MemoryAws(HOME):
        quick = Request.from_primitives

        def both(method: str, url: str, headers: Any, body: Any = None) -> Request:
            one, other = quick(method, url, headers, body), slow(method, url, headers, body)
            for what in ("method", "url", "raw_url", "raw_path", "path", "host", "data", "args", "form", "values"):
                assert getattr(one, what) == getattr(other, what), f"{what} of {url}"
            assert sorted(one.headers) == sorted(other.headers)
            compared.append(url)
            return quick(method, url, headers, body)

        with patch.object(Request, "from_primitives", both):
            s3 = boto3.client("s3")
            s3.create_bucket(Bucket="acme.logs")
            s3.delete_object(Bucket="acme.logs", Key="a b/ü%2F?=&#/é")
            s3.put_bucket_policy(Bucket="acme.logs", Policy='{"Statement": []}')
            assert not s3.list_objects_v2(Bucket="acme.logs", Prefix="a b/ü&")["KeyCount"]
            boto3.client("iam").create_user(UserName="ana", Path="/a+b/")
            boto3.client("sqs").create_queue(QueueName="jobs")
            boto3.client("ec2").describe_instances(Filters=[{"Name": "tag:a b", "Values": ["ü&="]}])
            assert not boto3.client("lambda").list_functions()["Functions"]
    assert len(compared) == 8
