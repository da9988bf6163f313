from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_access import public
from chalicelib.core.errors import FixFailed
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.s3.drop_public_statements import DropPublicStatements
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World

Make = Callable[[World], Envelope]

ID = "s3.bucket_policy_made_public"
NAME = "app-pictures"
ALL = f"arn:aws:s3:::{NAME}/*"

READ = {"Sid": "PublicRead", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ALL}
TLS = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [f"arn:aws:s3:::{NAME}", ALL],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
FRIENDS = {**READ, "Sid": "Friends", "Principal": {"AWS": f"arn:aws:iam::{FRIEND}:root"}}


def narrowed(**condition: Any) -> dict[str, Any]:
    return {**READ, "Condition": condition}


def text(*statements: Any) -> str:
    """Laid out by hand, as people do: nothing that json.dumps would write again."""
    listed = " ,\n\t".join(json.dumps(each, separators=(" , ", " :")) for each in statements)
    return f'{{ "Version":"2012-10-17",\n "Id" : "pâté" , "Statement": [ {listed}\n ] }}'


def put(policy: str) -> Make:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=NAME)
        s3.put_bucket_policy(Bucket=NAME, Policy=policy)
        parameters = {"bucketName": NAME, "Host": f"{NAME}.s3.amazonaws.com", "policy": ""}
        return cloudtrail_event("s3", "PutBucketPolicy", {**parameters, "bucketPolicy": json.loads(policy)})

    return made


def without_any(world: World) -> Envelope:
    envelope = put(text(READ))(world)
    world.client("s3").delete_bucket_policy(Bucket=NAME)
    return envelope


def whole(world: World) -> Any:
    s3 = world.client("s3")
    try:
        policy = s3.get_bucket_policy(Bucket=NAME)["Policy"]
    except ClientError:
        policy = None
    return policy, s3.get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(
        put(text(READ)),
        put(text(READ, TLS, {**READ, "Sid": "Again", "Principal": {"AWS": "*"}}, FRIENDS)),
        put(json.dumps({"Version": "2012-10-17", "Statement": READ})),
    ),
    near_misses=(
        without_any,
        put(text(TLS)),
        put(text(FRIENDS, {**READ, "Effect": "Deny"})),
        put(text(narrowed(StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}))),
        put(text(narrowed(IpAddress={"aws:SourceIp": "198.51.100.0/24"}))),
    ),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotPrincipal": {"AWS": FRIEND}, "Action": "s3:*", "Resource": ALL},
        narrowed(StringLike={"aws:Referer": "https://www.example.com/*"}),
        narrowed(Bool={"aws:SecureTransport": "true"}),
        narrowed(IpAddress={"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}),
        narrowed(StringEqualsIfExists={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        narrowed(StringNotEquals={"aws:PrincipalAccount": FRIEND}),
        narrowed(StringLike={"aws:PrincipalArn": "*"}),
    ],
)
def test_a_condition_that_keeps_nobody_out_is_no_excuse(statement: dict[str, Any], world: World) -> None:
    (outcome,) = world.deliver(put(text(TLS, statement))(world), ID)
    assert outcome.status == Status.FIXED
    assert whole(world)[0] == text(TLS)


@pytest.mark.parametrize(
    "statement",
    [
        narrowed(StringEquals={"AWS:sourcevpce": "vpce-1a2b3c4d"}),
        narrowed(StringEquals={"aws:PrincipalAccount": [HOME, FRIEND]}),
        narrowed(StringEquals={"aws:PrincipalAccount": "${aws:ResourceAccount}"}),
        narrowed(ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{FRIEND}:role/*"}),
        narrowed(ArnLike={"aws:PrincipalArn": "arn:aws:iam::${aws:ResourceAccount}:role/*"}),
        {**narrowed(StringEquals={"aws:SourceAccount": HOME}), "Principal": {"Service": "cloudfront.amazonaws.com"}},
    ],
)
def test_a_condition_that_says_who_makes_it_private(statement: dict[str, Any], world: World) -> None:
    (outcome,) = world.deliver(put(text(statement, TLS))(world), ID)
    assert outcome.status == "compliant"


def test_the_rest_of_the_text_is_left_to_the_byte(world: World) -> None:
    world.deliver(put(text(TLS, READ, FRIENDS))(world), ID)
    assert whole(world)[0] == text(TLS, FRIENDS)


def test_whoever_else_a_public_statement_names_stays_in_it(world: World) -> None:
    world.deliver(put(text({**FRIENDS, "Principal": {"AWS": ["*", FRIEND]}}, TLS))(world), ID)
    assert whole(world)[0] == text({**FRIENDS, "Principal": {"AWS": [FRIEND]}}, TLS)


def test_a_deny_of_all_others_makes_it_private(world: World) -> None:
    others = {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}
    closed = {**TLS, "Sid": "Vpce", "Condition": others}
    (outcome,) = world.deliver(put(text(READ, closed))(world), ID)
    assert outcome.status == "compliant"


def test_a_policy_of_which_nothing_is_left_is_deleted_and_comes_back_to_the_byte(world: World) -> None:
    (outcome,) = world.deliver(put(text(READ))(world), ID)
    assert whole(world)[0] is None
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world)[0] == text(READ)


def test_the_reason_names_the_statements_and_what_they_allow(world: World) -> None:
    more = {**READ, "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"]}
    del more["Sid"]
    (outcome,) = world.deliver(put(text(TLS, READ, more))(world), ID, "alert")
    assert outcome.reason == (
        "its policy gives anyone access: statement 2 (PublicRead), s3:GetObject; "
        "statement 3, s3:GetObject, s3:PutObject, s3:ListBucket and 1 more; its Deny statements still allow "
        "s3:getobject on arn:aws:s3:::app-pictures/*, with another aws:securetransport"
    )


def test_an_undo_that_block_public_access_refuses_is_a_failure_loudly(world: World) -> None:
    (outcome,) = world.deliver(put(text(READ, TLS))(world), ID)
    with world.denied("PutBucketPolicy"), pytest.raises(FixFailed, match="undo: AccessDenied"):
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world)[0] == text(TLS)
    assert world.record(outcome.record).status == Status.FAILED


unrelated = st.sampled_from(
    [
        TLS,
        FRIENDS,
        {**READ, "Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceVpce": 'vpce-1", "Principal": "*'}}},
        narrowed(StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        {**READ, "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Sid": "]}, {"},
    ]
)
opening = st.sampled_from([READ, {**READ, "Principal": {"AWS": ["*"]}, "Action": "*"}, narrowed(Bool={"a:b": "true"})])
layouts = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r\n ")])


@given(
    st.lists(st.tuples(st.booleans(), unrelated, opening, layouts, st.text(max_size=5)), max_size=8),
    st.sampled_from([",", " ,\n", "\t,  "]),
)
def test_statements_that_let_in_nobody_survive_to_the_byte_whatever_stands_beside_them(
    made: list[tuple[bool, Any, Any, tuple[str, str], str]], separator: str
) -> None:
    kept, written = [], []
    for is_open, closed, opened, layout, sid in made:
        statement = json.dumps({**(opened if is_open else closed), "Sid": sid}, separators=layout, ensure_ascii=False)
        written.append(statement)
        if not is_open:
            kept.append(statement)
    policy = '{"Version" : "2012-10-17","Statement":\n[' + separator.join(written) + "]\n}"
    before = {"account": HOME, "policy": policy}
    after = DropPublicStatements().safe(before, FixContext(KNOWN))["policy"]
    if len(kept) == len(written):
        assert after == policy
    elif not kept:
        assert after is None
    else:
        assert after == '{"Version" : "2012-10-17","Statement":\n[' + separator.join(kept) + "]\n}"
        assert not public(after, KNOWN, HOME)
