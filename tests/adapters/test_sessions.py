from __future__ import annotations

import pytest

from chalicelib.adapters.sessions import AwsSessions, ReadOnly
from tests.support import FRIEND, HOME, KNOWN, REGION, World


@pytest.fixture
def sessions(world: World) -> AwsSessions:
    return AwsSessions(HOME, KNOWN)


def test_a_look_cannot_write_and_nothing_is_sent(world: World, sessions: AwsSessions) -> None:
    look = sessions.look(HOME, REGION)
    with pytest.raises(ReadOnly, match="s3:CreateBucket is no read"):
        look.client("s3").create_bucket(Bucket="made-by-a-look")
    with pytest.raises(ReadOnly):
        look.client("iam").create_user(UserName="made-by-a-look")
    assert not world.client("s3").list_buckets()["Buckets"]
    assert not world.client("iam").list_users()["Users"]


def test_a_hand_can_write(world: World, sessions: AwsSessions) -> None:
    sessions.hand(HOME, REGION, "record").client("s3").create_bucket(Bucket="made-by-a-hand")
    assert world.client("s3").list_buckets()["Buckets"]


def test_a_look_asks_once_and_a_fresh_look_asks_anew(world: World, sessions: AwsSessions) -> None:
    world.client("iam").create_user(UserName="alice")
    look = sessions.look(HOME, REGION)
    assert len(look.client("iam").list_users()["Users"]) == 1
    world.client("iam").create_user(UserName="bob")
    assert len(look.client("iam").list_users()["Users"]) == 1
    assert len(sessions.look(HOME, REGION).client("iam").list_users()["Users"]) == 2


def test_a_look_remembers_by_parameters(world: World, sessions: AwsSessions) -> None:
    for name in ("alice", "bob"):
        world.client("iam").create_user(UserName=name)
    iam = sessions.look(HOME, REGION).client("iam")
    assert iam.get_user(UserName="alice")["User"]["UserName"] == "alice"
    assert iam.get_user(UserName="bob")["User"]["UserName"] == "bob"


def test_errors_are_remembered_as_errors(world: World, sessions: AwsSessions) -> None:
    s3 = sessions.look(HOME, REGION).client("s3")
    for _ in range(2):
        with pytest.raises(s3.exceptions.NoSuchBucket):
            s3.get_bucket_acl(Bucket="no-such-bucket-anywhere")


def test_another_account_is_reached_through_its_roles(world: World, sessions: AwsSessions) -> None:
    sessions.hand(FRIEND, REGION, "record").client("iam").create_user(UserName="there")
    found = sessions.look(FRIEND, REGION).client("iam").list_users()["Users"]
    assert [user["Arn"] for user in found] == [f"arn:aws:iam::{FRIEND}:user/there"]
    assert not world.client("iam").list_users()["Users"]


def test_a_write_in_another_account_is_named_after_its_record(world: World, sessions: AwsSessions) -> None:
    hand = sessions.hand(FRIEND, REGION, "0123456789abcdef")
    arn = hand.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith("assumed-role/snapback-fixer/snapback-0123456789abcdef")


def test_a_hand_starts_from_what_was_judged_and_forgets_it_with_its_first_write(
    world: World, sessions: AwsSessions
) -> None:
    world.client("iam").create_user(UserName="alice")
    assert len(sessions.look(HOME, REGION).client("iam").list_users()["Users"]) == 1
    world.client("iam").create_user(UserName="bob")
    hand = sessions.hand(HOME, REGION, "record").client("iam")
    assert len(hand.list_users()["Users"]) == 1
    hand.create_user(UserName="carol")
    assert len(hand.list_users()["Users"]) == 3
    world.client("iam").create_user(UserName="dave")
    assert len(hand.list_users()["Users"]) == 4


def test_a_look_tells_buckets_apart_though_only_the_host_names_them(world: World, sessions: AwsSessions) -> None:
    for name, status in (("app-one", "Enabled"), ("app-two", "Suspended")):
        world.client("s3").create_bucket(Bucket=name)
        world.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    s3 = sessions.look(HOME, REGION).client("s3")
    assert s3.get_bucket_versioning(Bucket="app-one")["Status"] == "Enabled"
    assert s3.get_bucket_versioning(Bucket="app-two")["Status"] == "Suspended"
