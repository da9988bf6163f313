from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_access import unknown_principals
from chalicelib.core.baseline import Allow
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.s3.drop_unknown_principals import DropUnknownPrincipals
from tests.guardrails.s3.test_bucket_policy_made_public import ALL, NAME, READ, TLS, put, text, whole
from tests.support.belongings import access_identity, endpoint, naming, organization
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, analyzer_finding, macie_finding
from tests.support.moto_gaps import deleted_principals_refused
from tests.support.world import KNOWN, World, tag_bucket

Make = Callable[[World], Envelope]

ID = "s3.bucket_policy_trusts_unknown_account"
PUBLIC = "s3.bucket_policy_made_public"
ORGANIZATION = "o-exampleorg1"
UNKNOWN = f"arn:aws:iam::{STRANGER}:root"


def allow(principal: Any, **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": ALL}
    return statement | ({"Condition": condition} if condition else {})


OWN = allow({"AWS": f"arn:aws:iam::{HOME}:role/app"})
DELIVERY = allow({"Service": "cloudtrail.amazonaws.com"}, StringEquals={"aws:SourceAccount": HOME})


def baseline(make: Make, **lists: Any) -> Make:
    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(**lists))
        return make(world)

    return made


def with_finding(make: Make, finding: Envelope) -> Make:
    def made(world: World) -> Envelope:
        make(world)
        return finding

    return made


CASE = Case(
    unsafe=(
        put(text(allow({"AWS": UNKNOWN}))),
        put(text(TLS, allow({"AWS": [UNKNOWN, FRIEND]}), OWN)),
        put(text(OWN, allow({"AWS": f"arn:aws:iam::{STRANGER}:user/eve", "Service": "cloudtrail.amazonaws.com"}))),
        put(text(allow("*", StringEquals={"aws:PrincipalOrgID": "o-strangers99"}), DELIVERY)),
        put(text(allow("*", StringEquals={"aws:SourceVpce": "vpce-0fedcba9876543210"}), TLS)),
        put(json.dumps({"Version": "2012-10-17", "Statement": allow({"AWS": STRANGER})})),
        with_finding(put(text(allow({"AWS": UNKNOWN}), TLS)), analyzer_finding(f"arn:aws:s3:::{NAME}")),
        with_finding(put(text(allow({"AWS": UNKNOWN}))), macie_finding(NAME, "S3BucketSharedExternally")),
    ),
    near_misses=(
        put(text(OWN, DELIVERY, TLS)),
        put(text(allow({"AWS": [FRIEND, f"arn:aws:iam::{FRIEND}:role/ci"]}))),
        put(text(READ)),
        put(text({**allow({"AWS": UNKNOWN}), "Effect": "Deny"})),
        put(text(allow({"AWS": UNKNOWN}), {**READ, "Effect": "Deny", "Action": "s3:*"})),
        put(text(allow({"AWS": "AROAEXAMPLEROLEID123"}))),
        baseline(put(text(allow({"AWS": UNKNOWN}))), principals=(UNKNOWN,)),
        baseline(
            put(text(allow("*", StringEquals={"aws:PrincipalOrgID": ORGANIZATION}))),
            organizations=frozenset({ORGANIZATION}),
        ),
        baseline(
            put(text(allow({"AWS": UNKNOWN}, StringEquals={"aws:PrincipalOrgID": ORGANIZATION}))),
            organizations=frozenset({ORGANIZATION}),
        ),
        naming(lambda name: put(text(allow("*", StringEquals={"aws:PrincipalOrgID": name}))), lambda _: organization()),
        naming(lambda name: put(text(allow("*", StringEquals={"aws:SourceVpce": name}), TLS)), endpoint),
        naming(lambda name: put(text(allow({"AWS": name["user"]}))), access_identity),
        naming(lambda name: put(text(allow({"CanonicalUser": name["canonical"]}))), access_identity),
        put(text({**allow({"AWS": "arn:aws:iam::127311923021:root"}), "Action": "s3:PutObject"})),
    ),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


def test_just_the_stranger_goes_and_every_other_byte_stays(world: World) -> None:
    world.deliver(put(text(TLS, allow({"AWS": [UNKNOWN, FRIEND]}), OWN))(world), ID)
    assert whole(world)[0] == text(TLS, allow({"AWS": [FRIEND]}), OWN)


def test_a_policy_of_which_nothing_is_left_is_deleted_and_comes_back_to_the_byte(world: World) -> None:
    (outcome,) = world.deliver(put(text(allow({"AWS": UNKNOWN})))(world), ID)
    assert whole(world)[0] is None
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world)[0] == text(allow({"AWS": UNKNOWN}))


def test_deleted_principals_are_in_the_way_of_neither_fix_nor_undo(world: World) -> None:
    dead = allow({"AWS": "AROAEXAMPLEROLEID123"})
    envelope = put(text(dead, allow({"AWS": ["AIDAEXAMPLEUSERID123", UNKNOWN, FRIEND]}), TLS))(world)
    with deleted_principals_refused():
        (outcome,) = world.deliver(envelope, ID)
        assert whole(world)[0] == text(allow({"AWS": [FRIEND]}), TLS)
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world)[0] == text(allow({"AWS": [UNKNOWN, FRIEND]}), TLS)


def test_the_reason_names_each_and_where(world: World) -> None:
    statements = (
        OWN,
        allow({"AWS": [UNKNOWN, STRANGER]}),
        allow("*", StringEquals={"aws:PrincipalOrgID": "o-strangers99"}),
        allow("*", StringEquals={"aws:SourceVpce": "vpce-0fedcba9876543210"}),
    )
    (outcome,) = world.deliver(put(text(*statements))(world), ID, "alert")
    assert outcome.reason == (
        f"its policy gives access to {UNKNOWN} (statement 2), {STRANGER} (statement 2), "
        "an unknown organization (statement 3), an unknown account or network (statement 4)"
    )


@pytest.mark.parametrize("order", [(PUBLIC, ID), (ID, PUBLIC)])
def test_everyone_is_another_guardrails_and_both_do_their_part(world: World, order: tuple[str, str]) -> None:
    envelope = put(text(allow({"AWS": ["*", UNKNOWN, FRIEND]}), TLS))(world)
    for rule in order:
        (outcome,) = world.deliver(envelope, rule)
        assert outcome.status == Status.FIXED
    assert whole(world)[0] == text(allow({"AWS": [FRIEND]}), TLS)


KNOWN_PRINCIPALS = st.sampled_from([HOME, FRIEND, f"arn:aws:iam::{FRIEND}:role/ci", "AIDAEXAMPLEUSERID123"])
STRANGE_PRINCIPALS = st.sampled_from([STRANGER, UNKNOWN, f"arn:aws:iam::{STRANGER}:user/x", "a1" * 32])
LET_BE = st.sampled_from([TLS, READ, DELIVERY, {**allow({"AWS": UNKNOWN}), "Effect": "Deny", "Action": "s3:PutObject"}])
LAYOUT = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r\n ")])


@given(
    st.lists(
        st.tuples(
            LET_BE,
            st.lists(KNOWN_PRINCIPALS, max_size=3, unique=True),
            st.lists(STRANGE_PRINCIPALS, max_size=2, unique=True),
            LAYOUT,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whoever_is_known_survives_to_the_byte(parts: list[Any]) -> None:
    before, after = [], []
    for other, friends, strange, layout in parts:
        if not friends and not strange:
            before.append(json.dumps(other, separators=layout))
            after.append(before[-1])
            continue
        before.append(json.dumps(allow({"AWS": [*friends, *strange]}), separators=layout))
        if friends:
            after.append(json.dumps(allow({"AWS": friends}), separators=layout))
    head, tail = '{"Version" : "2012-10-17","Statement":\n[', "]\n}"
    state = {"account": HOME, "policy": f"{head}{','.join(before)}{tail}"}
    safe = DropUnknownPrincipals().safe(state, FixContext(KNOWN))
    assert safe["policy"] == (f"{head}{','.join(after)}{tail}" if after else None)
    assert DropUnknownPrincipals().safe(safe, FixContext(KNOWN)) == safe
    assert all(
        principal == "*" for found in unknown_principals(safe["policy"], KNOWN, HOME).values() for principal in found
    )
