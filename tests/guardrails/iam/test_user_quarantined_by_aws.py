from __future__ import annotations

import json
from typing import Any

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.types import Status
from chalicelib.fixes.iam.deactivate_users_keys import DeactivateUsersKeys
from chalicelib.resources.iam.identities import User
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, alice, cloudtrail_event
from tests.support.moto_gaps import policies_of_aws
from tests.support.world import KNOWN, World

ID = "iam.user_quarantined_by_aws"
QUARANTINE = "AWSCompromisedKeyQuarantineV3"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
AWS = {"type": "AWSService", "invokedBy": "support.amazonaws.com"}


def new_keys(world: World, *statuses: str) -> None:
    iam = world.client("iam")
    iam.create_user(UserName="alice")
    for status in statuses:
        key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName="alice", AccessKeyId=key, Status=status)


def attached(*statuses: str, policy: str = QUARANTINE) -> Any:
    """A managed policy of AWS's, attached to alice, who has keys of these statuses."""

    def made(world: World) -> Envelope:
        policies_of_aws(policy)
        arn = f"arn:aws:iam::aws:policy/{policy}"
        new_keys(world, *statuses)
        world.client("iam").attach_user_policy(UserName="alice", PolicyArn=arn)
        return cloudtrail_event("iam", "AttachUserPolicy", {"userName": "alice", "policyArn": arn}, actor=AWS)

    return made


def inline(*statuses: str, name: str = "AWSExposedCredentialPolicy_DO_NOT_REMOVE") -> Any:
    def made(world: World) -> Envelope:
        new_keys(world, *statuses)
        world.client("iam").put_user_policy(UserName="alice", PolicyName=name, PolicyDocument=json.dumps(DOCUMENT))
        return cloudtrail_event("iam", "PutUserPolicy", {"userName": "alice", "policyName": name}, actor=AWS)

    return made


def of_ones_own(world: World) -> Envelope:
    new_keys(world, "Active")
    made = world.client("iam").create_policy(PolicyName=QUARANTINE, PolicyDocument=json.dumps(DOCUMENT))
    arn = made["Policy"]["Arn"]
    world.client("iam").attach_user_policy(UserName="alice", PolicyArn=arn)
    return cloudtrail_event("iam", "AttachUserPolicy", {"userName": "alice", "policyArn": arn})


def keys(world: World) -> list[tuple[str, str]]:
    listed = world.client("iam").list_access_keys(UserName="alice")["AccessKeyMetadata"]
    return sorted((key["AccessKeyId"], key["Status"]) for key in listed)


def whole(world: World) -> Any:
    iam = world.client("iam")
    managed = iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]
    inline = iam.list_user_policies(UserName="alice")["PolicyNames"]
    return iam.get_user(UserName="alice")["User"], keys(world), managed, inline


def remove(world: World) -> None:
    iam = world.client("iam")
    for key, _ in keys(world):
        iam.delete_access_key(UserName="alice", AccessKeyId=key)
    for policy in iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="alice", PolicyArn=policy["PolicyArn"])
    for name in iam.list_user_policies(UserName="alice")["PolicyNames"]:
        iam.delete_user_policy(UserName="alice", PolicyName=name)
    iam.delete_user(UserName="alice")


CASE = Case(
    unsafe=(
        attached("Active"),
        attached("Active", "Active"),
        attached("Inactive", "Active", policy="AWSCompromisedKeyQuarantineV2"),
        inline("Active"),
        inline("Active", name="AWSCompromisedKeyQuarantine"),
    ),
    near_misses=(
        attached("Inactive"),
        attached(),
        attached("Active", policy="ReadOnlyAccess"),
        inline("Active", name="own"),
        of_ones_own,
    ),
    whole=whole,
    remove=remove,
    disturb=lambda world: world.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "sales"}]),
)


def test_undo_switches_on_only_the_keys_that_were(world: World) -> None:
    (outcome,) = world.deliver(attached("Inactive", "Active")(world), ID)
    assert [status for _, status in keys(world)] == ["Inactive", "Inactive"]
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert sorted(status for _, status in keys(world)) == ["Active", "Inactive"]


def test_an_undo_leaves_out_a_key_deleted_since(world: World) -> None:
    attached("Inactive", "Inactive")(world)
    deleted, kept = (key for key, _ in keys(world))
    world.client("iam").delete_access_key(UserName="alice", AccessKeyId=deleted)
    writer = AwsSessions(HOME, KNOWN).writer(HOME, REGION, "record", "iam")
    DeactivateUsersKeys().write(User("user/alice", HOME, REGION), {"keys": {deleted: "Active", kept: "Active"}}, writer)
    assert keys(world) == [(kept, "Active")]


def test_that_aws_makes_the_call_as_the_user_itself_raises_no_doubt(world: World) -> None:
    """CloudTrail then shows the user, and a key of the user, from an address of Amazon's."""
    envelope = attached("Active")(world)
    envelope["detail"]["userIdentity"] = alice() | {"accessKeyId": keys(world)[0][0]}
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED


def test_the_reason_names_the_policy_and_the_key(world: World) -> None:
    (outcome,) = world.deliver(attached("Inactive", "Active")(world), ID, "alert")
    active = next(key for key, status in keys(world) if status == "Active")
    assert outcome.reason == f"AWS attached {QUARANTINE} to the user, and {active} still works"


def expire(key: str) -> None:
    """moto lets no key expire, and its UpdateAccessKey takes any status; AWS's takes Active and Inactive."""
    from moto.iam.models import iam_backends

    (own,) = (each for each in iam_backends[HOME]["aws"].users["alice"].access_keys if each.access_key_id == key)
    own.status = "Expired"


def test_a_key_that_has_expired_is_left_alone(world: World) -> None:
    envelope = attached("Active", "Inactive")(world)
    active, expired = sorted((key for key, _ in keys(world)), key=lambda key: dict(keys(world))[key])
    expire(expired)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, dict(keys(world))) == (Status.FIXED, {active: "Inactive", expired: "Expired"})
    expire(active)
    world.application("fix", ID)
    writer = AwsSessions(HOME, KNOWN).writer(HOME, REGION, "record", "iam")
    DeactivateUsersKeys().write(User("user/alice", HOME, REGION), {"keys": {active: "Active"}}, writer)
    assert dict(keys(world)) == {active: "Expired", expired: "Expired"}


def test_of_keys_that_have_all_expired_none_works(world: World) -> None:
    envelope = attached("Inactive")(world)
    expire(keys(world)[0][0])
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
