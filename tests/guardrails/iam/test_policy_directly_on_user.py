from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.iam.detach_from_user import DetachFromUser
from chalicelib.resources.iam.identities import User
from tests.guardrails.iam.identities import remove
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, alice, cloudtrail_event
from tests.support.moto_gaps import policies_of_aws
from tests.support.world import KNOWN, World, another_administrator

ID = "iam.policy_directly_on_user"
AWS = "arn:aws:iam::aws:policy/"
READS = '{ "Version":"2012-10-17", "Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"} }'
NO_MFA = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})


def bob(world: World, path: str = "/", baseline: tuple[str, ...] = ()) -> None:
    world.settings = Settings(allow=Allow(principals=baseline), grace={"*": 0})
    another_administrator(world)
    world.client("iam").create_user(UserName="bob", Path=path)
    world.client("iam").create_group(GroupName="readers")
    world.client("iam").add_user_to_group(GroupName="readers", UserName="bob")


def attach(world: World, *names: str) -> Envelope:
    policies_of_aws(*names)
    for name in names:
        world.client("iam").attach_user_policy(UserName="bob", PolicyArn=AWS + name)
    return cloudtrail_event("iam", "AttachUserPolicy", {"userName": "bob", "policyArn": AWS + names[-1]})


def put(world: World, name: str, document: str) -> Envelope:
    world.client("iam").put_user_policy(UserName="bob", PolicyName=name, PolicyDocument=document)
    parameters = {"userName": "bob", "policyName": name, "policyDocument": document}
    return cloudtrail_event("iam", "PutUserPolicy", parameters)


def attached(*names: str, **user: Any) -> Any:
    def made(world: World) -> Envelope:
        bob(world, **user)
        return attach(world, *names)

    return made


def written(document: str) -> Any:
    def made(world: World) -> Envelope:
        bob(world)
        put(world, "mfa", NO_MFA)
        return put(world, "work", document)

    return made


def both(world: World) -> Envelope:
    bob(world)
    attach(world, "AdministratorAccess", "AWSCompromisedKeyQuarantineV2")
    return put(world, "work", READS)


def detached_since(world: World) -> Envelope:
    envelope: Envelope = attached("ReadOnlyAccess")(world)
    world.client("iam").detach_user_policy(UserName="bob", PolicyArn=AWS + "ReadOnlyAccess")
    return envelope


def whole(world: World) -> Any:
    """Policies have no order in AWS."""
    iam = world.client("iam")
    arns = [each["PolicyArn"] for each in iam.list_attached_user_policies(UserName="bob")["AttachedPolicies"]]
    inline = User("user/bob", HOME, REGION).inline(AwsSessions(HOME, KNOWN).reader(HOME, REGION))
    groups = iam.list_groups_for_user(UserName="bob")["Groups"]
    return iam.get_user(UserName="bob")["User"], sorted(arns), inline, groups


CASE = Case(
    unsafe=(attached("ReadOnlyAccess"), attached("PowerUserAccess", "ReadOnlyAccess"), written(READS), both),
    near_misses=(
        detached_since,
        written(NO_MFA),
        attached("AWSCompromisedKeyQuarantineV2"),
        attached("ReadOnlyAccess", path="/programs/", baseline=("arn:aws:iam::*:user/programs/*",)),
    ),
    whole=whole,
    remove=remove,
    disturb=lambda world: world.client("iam").tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "web"}]),
)


def test_the_reason_names_the_policies(world: World) -> None:
    (outcome,) = world.deliver(both(world), ID, "alert")
    assert outcome.reason == "has AdministratorAccess, work of its own, not through a group"


def test_the_quarantine_and_what_only_denies_stay(world: World) -> None:
    envelope = both(world)
    put(world, "mfa", NO_MFA)
    world.deliver(envelope, ID)
    _, arns, inline, _ = whole(world)
    assert (arns, inline) == ([AWS + "AWSCompromisedKeyQuarantineV2"], {"mfa": NO_MFA})


def test_who_does_it_to_itself_is_asked_for(world: World) -> None:
    envelope = attached("ReadOnlyAccess")(world)
    envelope["detail"]["userIdentity"] = alice() | {"arn": f"arn:aws:iam::{HOME}:user/bob", "userName": "bob"}
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    assert "the user made this change" in world.record(outcome.record).history[-1].note


def test_the_last_administrator_is_asked_for(world: World) -> None:
    envelope = attached("AdministratorAccess")(world)
    world.client("iam").detach_user_policy(UserName="reserve", PolicyArn=AWS + "AdministratorAccess")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING


@settings(max_examples=10)
@given(
    st.sets(st.sampled_from(["ReadOnlyAccess", "PowerUserAccess"])), st.sets(st.sampled_from(["a", "b"])), st.booleans()
)
def test_all_that_allows_goes_and_is_put_back(managed: set[str], inline: set[str], denied: bool) -> None:
    with mock_aws():
        import boto3

        world = World(boto3.Session(region_name=REGION))
        bob(world)
        for name in sorted(managed):
            attach(world, name)
        for name in sorted(inline):
            put(world, name, READS)
        if denied:
            put(world, "denied", NO_MFA)
        fix, sessions, user = DetachFromUser(), AwsSessions(HOME, KNOWN), User("user/bob", HOME, REGION)
        before = whole(world)
        state, writer = fix.read(user, sessions.reader(HOME, REGION)), sessions.writer(HOME, REGION, "record", "iam")
        fix.write(user, fix.safe(state, FixContext(KNOWN)), writer)
        assert whole(world)[1:3] == ([], {"denied": NO_MFA} if denied else {})
        fix.write(user, state, writer)
        assert whole(world) == before
