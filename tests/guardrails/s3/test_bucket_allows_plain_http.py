from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_document import drop
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.s3.refuse_plain_http import MOST_BYTES, RefusePlainHttp, refused
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World, settings_with, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_allows_plain_http"
NAME = "app-pictures"
ARN = f"arn:aws:s3:::{NAME}"
BOTH = [ARN, f"{ARN}/*"]
DENIAL: dict[str, Any] = {
    "Sid": "RefusePlainHttp",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": BOTH,
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
ADDED = json.dumps(DENIAL, separators=(",", ":"))
READ: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
    "Action": "s3:GetObject",
    "Resource": f"{ARN}/*",
}


def text(*statements: Any) -> str:
    listed = " ,\n\t".join(json.dumps(each, separators=(" , ", " :")) for each in statements)
    return f'{{ "Version":"2012-10-17",\n "Id" : "pâté" , "Statement": [ {listed}\n ] }}'


def put(policy: str | None, name: str = "PutBucketPolicy") -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=NAME)
        if policy:
            s3.put_bucket_policy(Bucket=NAME, Policy=policy)
        return cloudtrail_event("s3", name, {"bucketName": NAME, "Host": f"{NAME}.s3.amazonaws.com", "policy": ""})

    return made


def whole(world: World) -> Any:
    s3 = world.client("s3")
    try:
        policy = s3.get_bucket_policy(Bucket=NAME)["Policy"]
    except ClientError:
        policy = None
    return policy, s3.get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(
        put(None, "CreateBucket"),
        put(text(READ)),
        put(None, "DeleteBucketPolicy"),
        put(json.dumps({"Version": "2012-10-17", "Statement": READ})),
        put(text({**DENIAL, "Action": "s3:GetObject"}, READ)),
    ),
    near_misses=(
        put(text(READ, DENIAL)),
        put(text({**DENIAL, "Principal": {"AWS": ["*"]}, "Action": "*", "Resource": "*"})),
        put(text({**DENIAL, "Resource": ARN}, {**DENIAL, "Sid": "Objects", "Resource": f"{ARN}/*"})),
        put(text({**DENIAL, "Condition": {"BoolIfExists": {"AWS:securetransport": ["False"]}}})),
        put(text({**DENIAL, "Condition": {}})),
        put(text({**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": ["true", "false"]}}})),
        put(text({**DENIAL, "Condition": {**DENIAL["Condition"], "Null": {"aws:SecureTransport": "false"}}})),
    ),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


@pytest.mark.parametrize(
    "denial",
    [
        {**DENIAL, "Effect": "Allow"},
        {**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {**DENIAL, "Condition": {**DENIAL["Condition"], "StringNotEquals": {"aws:SourceVpce": "vpce-1"}}},
        {**DENIAL, "Condition": {"Null": {"aws:SecureTransport": "true"}}},
        {**DENIAL, "Condition": {**DENIAL["Condition"], "Null": {"aws:PrincipalArn": "false"}}},
        {**DENIAL, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
        {**DENIAL, "Principal": {"AWS": HOME}},
        {**DENIAL, "Resource": f"{ARN}/*"},
        {**DENIAL, "Resource": ARN},
        {**DENIAL, "Resource": [ARN, f"{ARN}/public/*"]},
        {**DENIAL, "Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]},
        {**{key: value for key, value in DENIAL.items() if key != "Action"}, "NotAction": "s3:GetObject"},
        {**{key: value for key, value in DENIAL.items() if key != "Principal"}, "NotPrincipal": {"AWS": HOME}},
    ],
)
def test_a_denial_with_holes_is_none(denial: dict[str, Any], world: World) -> None:
    (outcome,) = world.deliver(put(text(READ, denial))(world), ID)
    assert outcome.status == Status.FIXED
    assert outcome.reason == "its policy doesn't deny all requests without TLS"


def test_the_statement_is_added_and_the_rest_is_left_to_the_byte(world: World) -> None:
    world.deliver(put(text(READ))(world), ID)
    assert whole(world)[0] == text(READ).replace("\n ] }", f",{ADDED}\n ] }}")


def test_a_lone_statement_becomes_the_first_of_a_list(world: World) -> None:
    lone = json.dumps({"Statement": READ, "Version": "2012-10-17"})
    world.deliver(put(lone)(world), ID)
    assert whole(world)[0] == f'{{"Statement": [{json.dumps(READ)},{ADDED}], "Version": "2012-10-17"}}'


def test_a_bucket_without_a_policy_gets_one_and_an_undo_deletes_it(world: World) -> None:
    (outcome,) = world.deliver(put(None, "CreateBucket")(world), ID)
    assert outcome.reason == "it has no policy that denies requests without TLS"
    assert json.loads(whole(world)[0]) == {"Version": "2012-10-17", "Statement": [DENIAL]}
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world)[0] is None


def test_a_sid_that_is_taken_is_not_given_twice(world: World) -> None:
    world.deliver(put(text({**READ, "Sid": "RefusePlainHttp"}))(world), ID)
    *_, added = json.loads(whole(world)[0])["Statement"]
    assert added == {key: value for key, value in DENIAL.items() if key != "Sid"}


def test_a_policy_without_room_is_only_reported(world: World) -> None:
    full = text({**READ, "Sid": "x" * (MOST_BYTES - len(text(READ)) - 100)})
    assert MOST_BYTES - len(ADDED) < len(full.encode()) <= MOST_BYTES
    (outcome,) = world.deliver(put(full)(world), ID)
    assert outcome.status == Status.ALERTED
    assert whole(world)[0] == full


def test_for_a_website_a_person_is_asked_first(world: World) -> None:
    envelope = put(text(READ))(world)
    website = {"IndexDocument": {"Suffix": "index.html"}}
    world.client("s3").put_bucket_website(Bucket=NAME, WebsiteConfiguration=website)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    assert "the site would stop" in world.record(outcome.record).history[-1].note
    approved = world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert approved.status == Status.FIXED


def test_a_pipeline_has_ten_minutes_to_do_it_itself(world: World) -> None:
    world.settings = settings_with(KNOWN)
    envelope = put(None, "CreateBucket")(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "waiting"
    assert whole(world)[0] is None
    world.clock += timedelta(minutes=11)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED


layouts = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r\n ")])


@given(
    st.lists(st.tuples(st.text(max_size=5), layouts), min_size=1, max_size=5), st.booleans(), st.sampled_from(",\t ")
)
def test_what_was_there_survives_to_the_byte(made: list[Any], lone: bool, end: str) -> None:
    written = [json.dumps({**READ, "Sid": sid}, separators=layout, ensure_ascii=False) for sid, layout in made]
    listed = written[0] if lone else f"[{' ,'.join(written)}{end.strip(',')}]"
    policy = f'{{"Version" : "2012-10-17","Statement":\n{listed}\n, "Id":"x"}}'
    fix, before = RefusePlainHttp(), {"account": HOME, "bucket": ARN, "policy": policy}
    after = fix.safe(before, FixContext(KNOWN))
    assert refused(after)
    assert fix.safe(after, FixContext(KNOWN)) == after
    without = drop(after["policy"], [1 if lone else len(made)])
    assert without == (policy.replace(written[0], f"[{written[0]}]") if lone else policy)
