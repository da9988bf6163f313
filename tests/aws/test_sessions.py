from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from chalicelib.aws.sessions import AwsSession, AwsSessions, send
from chalicelib.core.errors import ReadOnly
from tests.support.events import FRIEND, HOME, REGION
from tests.support.world import KNOWN, World


@pytest.fixture
def sessions(world: World) -> AwsSessions:
    return AwsSessions(HOME, KNOWN)


def test_a_look_cannot_write_and_nothing_is_sent(world: World, sessions: AwsSessions) -> None:
    reader = sessions.reader(HOME, REGION)
    with pytest.raises(ReadOnly, match="s3:CreateBucket isn't a read"):
        reader.client("s3").create_bucket(Bucket="made-by-a-look")
    with pytest.raises(ReadOnly):
        reader.client("iam").create_user(UserName="made-by-a-look")
    assert not world.client("s3").list_buckets()["Buckets"]
    assert not world.client("iam").list_users()["Users"]


def test_a_hand_can_write(world: World, sessions: AwsSessions) -> None:
    sessions.writer(HOME, REGION, "record", "iam").client("s3").create_bucket(Bucket="made-by-a-hand")
    assert world.client("s3").list_buckets()["Buckets"]


def test_a_look_asks_once_and_a_fresh_look_asks_anew(world: World, sessions: AwsSessions) -> None:
    world.client("iam").create_user(UserName="alice")
    reader = sessions.reader(HOME, REGION)
    assert len(reader.client("iam").list_users()["Users"]) == 1
    world.client("iam").create_user(UserName="bob")
    assert len(reader.client("iam").list_users()["Users"]) == 1
    assert len(sessions.reader(HOME, REGION).client("iam").list_users()["Users"]) == 2


def test_a_look_remembers_by_parameters(world: World, sessions: AwsSessions) -> None:
    for name in ("alice", "bob"):
        world.client("iam").create_user(UserName=name)
    iam = sessions.reader(HOME, REGION).client("iam")
    assert iam.get_user(UserName="alice")["User"]["UserName"] == "alice"
    assert iam.get_user(UserName="bob")["User"]["UserName"] == "bob"


def test_errors_are_remembered_as_errors(world: World, sessions: AwsSessions) -> None:
    s3 = sessions.reader(HOME, REGION).client("s3")
    for _ in range(2):
        with pytest.raises(s3.exceptions.NoSuchBucket):
            s3.get_bucket_acl(Bucket="no-such-bucket-anywhere")


def test_another_account_is_reached_through_its_roles(world: World, sessions: AwsSessions) -> None:
    sessions.writer(FRIEND, REGION, "record", "iam").client("iam").create_user(UserName="there")
    found = sessions.reader(FRIEND, REGION).client("iam").list_users()["Users"]
    assert [user["Arn"] for user in found] == [f"arn:aws:iam::{FRIEND}:user/there"]
    assert not world.client("iam").list_users()["Users"]


def test_a_write_in_another_account_is_named_after_its_record(world: World, sessions: AwsSessions) -> None:
    writer = sessions.writer(FRIEND, REGION, "0123456789abcdef", "iam")
    arn = writer.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith("assumed-role/snapback-fixer-iam/snapback-0123456789abcdef")


def test_a_hand_starts_from_what_was_judged_and_forgets_it_with_its_first_write(
    world: World, sessions: AwsSessions
) -> None:
    world.client("iam").create_user(UserName="alice")
    assert len(sessions.reader(HOME, REGION).client("iam").list_users()["Users"]) == 1
    world.client("iam").create_user(UserName="bob")
    writer = sessions.writer(HOME, REGION, "record", "iam").client("iam")
    assert len(writer.list_users()["Users"]) == 1
    writer.create_user(UserName="carol")
    assert len(writer.list_users()["Users"]) == 3
    world.client("iam").create_user(UserName="dave")
    assert len(writer.list_users()["Users"]) == 4


def test_a_look_tells_buckets_apart_though_only_the_host_names_them(world: World, sessions: AwsSessions) -> None:
    for name, status in (("app-one", "Enabled"), ("app-two", "Suspended")):
        world.client("s3").create_bucket(Bucket=name)
        world.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    s3 = sessions.reader(HOME, REGION).client("s3")
    assert s3.get_bucket_versioning(Bucket="app-one")["Status"] == "Enabled"
    assert s3.get_bucket_versioning(Bucket="app-two")["Status"] == "Suspended"


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[AwsSessions, list[dict[str, Any]]]:
    """As in a function, and what STS is asked for."""
    monkeypatch.setenv("SNAPBACK_ROLES", "1")
    monkeypatch.setenv("SNAPBACK_EXTERNAL_ID", "a-long-word-that-both-know")
    sessions, asked = AwsSessions(HOME, KNOWN), []
    sessions.source.events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_: asked.append({**params})
    )
    return sessions, asked


def who(session: AwsSession) -> str:
    arn: str = session.client("sts").get_caller_identity()["Arn"]
    return arn.rpartition("assumed-role/")[2]


def test_in_a_function_the_home_account_too_is_looked_at_and_written_to_by_roles(deployed: Any) -> None:
    sessions, asked = deployed
    assert who(sessions.writer(HOME, REGION, "0123456789abcdef", "s3")) == "snapback-fixer-s3/snapback-0123456789abcdef"
    assert who(sessions.reader(HOME, REGION)) == "snapback-reader/snapback-look"
    assert [call["RoleArn"] for call in asked] == [
        f"arn:aws:iam::{HOME}:role/{name}" for name in ("snapback-fixer-s3", "snapback-reader")
    ]
    assert "SourceIdentity" not in asked[1]
    assert asked[0]["SourceIdentity"] == asked[0]["RoleSessionName"] == "snapback-0123456789abcdef"
    assert not [call for call in asked if "ExternalId" in call], "which only member accounts ask for"


def test_a_member_account_is_told_the_external_id(deployed: Any) -> None:
    sessions, asked = deployed
    who(sessions.reader(FRIEND, REGION))
    who(sessions.writer(FRIEND, REGION, "0123456789abcdef", "iam"))
    assert {call["ExternalId"] for call in asked} == {"a-long-word-that-both-know"}


def test_the_reader_is_assumed_once_a_container_and_a_fixer_once_a_record(deployed: Any) -> None:
    sessions, asked = deployed
    for _ in range(3):
        sessions.reader(HOME, REGION).client("iam").list_users()
        sessions.reader(HOME, "eu-west-1").client("s3").list_buckets()
    assert len(asked) == 1
    for record in ("0123456789abcdef", "fedcba9876543210"):
        writer = sessions.writer(HOME, REGION, record, "iam")
        for name in ("alice", "bob", "carol"):
            writer.client("iam").create_user(UserName=f"{name}-{record}")
        writer.client("s3").create_bucket(Bucket=f"of-{record}")
    assert [call["RoleSessionName"] for call in asked[1:]] == ["snapback-0123456789abcdef", "snapback-fedcba9876543210"]


def test_sts_is_asked_in_the_functions_own_region(deployed: Any) -> None:
    sessions, _ = deployed
    hosts: list[str] = []
    sessions.source.events.register("request-created.sts", lambda request, **_: hosts.append(request.url))
    sessions.reader(HOME, "eu-west-1").client("iam").list_users()
    assert hosts == [f"https://sts.{REGION}.amazonaws.com/"]


def test_what_botocore_asks_on_its_own_is_no_answer_to_what_was_asked(world: World, sessions: AwsSessions) -> None:
    """As S3's HeadBucket for a bucket's region, within another call that then fails."""
    world.client("s3").create_bucket(Bucket="app")
    s3 = sessions.reader(HOME, REGION).client("s3")

    def within(**_: object) -> None:
        send(s3, "HeadBucket", {"Bucket": "app"})
        raise ConnectionClosedError(endpoint_url="https://app.s3.amazonaws.com")

    s3.meta.events.register("before-call.s3.GetBucketAcl", within)
    with pytest.raises(ConnectionClosedError):
        s3.get_bucket_acl(Bucket="app")
    s3.meta.events.unregister("before-call.s3.GetBucketAcl", within)
    assert s3.get_bucket_acl(Bucket="app")["Grants"]


def test_a_repeated_error_is_of_the_class_that_botocore_chose(world: World, sessions: AwsSessions) -> None:
    sqs = sessions.reader(HOME, REGION).client("sqs")
    for _ in range(2):
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            sqs.get_queue_url(QueueName="gone")


def test_a_sweep_slows_down_at_the_limits_of_aws(world: World, sessions: AwsSessions) -> None:
    def mode(made: AwsSession) -> str:
        return str(made.client("iam").meta.config.retries["mode"])

    assert mode(sessions.reader(HOME, REGION)) == "standard"
    swept = AwsSessions(HOME, KNOWN)
    swept.retries = "adaptive"
    assert mode(swept.reader(HOME, REGION)) == "adaptive"
