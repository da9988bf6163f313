from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.core.partitions import PARTITIONS
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.iam.deny_until_mfa import NAME, DenyUntilMfa, ours
from chalicelib.resources.iam.identities import ConsoleUser
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, alice, cloudtrail_event
from tests.support.moto_gaps import enrol_mfa
from tests.support.world import KNOWN, World

ID = "iam.mfa_removed"
OWN = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
ADMIN = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::123456789012:assumed-role/admin/carol",
    "accountId": "123456789012",
}


def left(*, mfa: bool = False, password: bool = True, policy: Any = None, named: bool = True) -> Any:
    """Alice after a device of hers was deactivated; `mfa` when she has another one."""

    def made(world: World) -> Envelope:
        iam = world.client("iam")
        iam.create_user(UserName="alice", Path="/staff/")
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=json.dumps(OWN))
        if password:
            iam.create_login_profile(UserName="alice", Password="correct-horse-battery-staple")
        if mfa:
            enrol_mfa(world, "alice")
        if policy:
            iam.put_user_policy(UserName="alice", PolicyName=NAME, PolicyDocument=json.dumps(policy))
        asked = {"serialNumber": f"arn:aws:iam::{HOME}:mfa/phone"} | ({"userName": "alice"} if named else {})
        return cloudtrail_event("iam", "DeactivateMFADevice", asked, actor=ADMIN if named else alice())

    return made


def whole(world: World) -> Any:
    (found,) = world.client("iam").get_account_authorization_details(Filter=["User"])["UserDetailList"]
    return found


def remove(world: World) -> None:
    iam = world.client("iam")
    for name in iam.list_user_policies(UserName="alice")["PolicyNames"]:
        iam.delete_user_policy(UserName="alice", PolicyName=name)
    iam.delete_login_profile(UserName="alice")
    iam.delete_user(UserName="alice")


POLICY = DenyUntilMfa().safe({"partition": "aws", "policy": None}, FixContext(KNOWN))["policy"]
CASE = Case(
    unsafe=(left(), left(named=False), left(policy=OWN)),
    near_misses=(left(mfa=True), left(password=False), left(policy=POLICY)),
    whole=whole,
    remove=remove,
    disturb=lambda world: world.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "web"}]),
)


def test_the_users_own_policies_stay(world: World) -> None:
    (outcome,) = world.deliver(left()(world), ID)
    assert outcome.status == Status.FIXED
    policies = {each["PolicyName"]: each["PolicyDocument"] for each in whole(world)["UserPolicyList"]}
    assert policies == {"own": OWN, NAME: POLICY}


def test_the_policy_fits_beside_others() -> None:
    """AWS takes 2,048 characters of inline policies of a user, white space not counted."""
    assert len(json.dumps(POLICY, separators=(",", ":"))) < 1200


@pytest.mark.parametrize(("region", "part"), [(each.global_region, each.name) for each in PARTITIONS])
def test_the_policy_speaks_of_the_partition_that_it_is_in(world: World, region: str, part: str) -> None:
    left()(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    fix = DenyUntilMfa()
    state = fix.read(ConsoleUser("user/alice", HOME, region), reader)
    policy = json.dumps(fix.safe(state, FixContext(KNOWN))["policy"])
    assert f"arn:{part}:iam::*:mfa/*" in policy
    assert ours(policy)


def test_only_sessions_without_mfa_are_denied_and_only_what_is_not_enrolling() -> None:
    deny, *allowed = POLICY["Statement"]
    assert deny["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    assert {
        action
        for each in allowed
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    } < {*deny["NotAction"]}
    assert "iam:DeactivateMFADevice" not in deny["NotAction"]
    assert not any("*" in action for action in deny["NotAction"])


def test_the_guardrail_on_policies_of_users_lets_it_be_but_not_another_of_its_name(world: World) -> None:
    left(mfa=True, policy=POLICY)(world)
    world.client("iam").delete_user_policy(UserName="alice", PolicyName="own")
    event = cloudtrail_event("iam", "PutUserPolicy", {"userName": "alice", "policyName": NAME}, actor=ADMIN)
    assert [each.status for each in world.deliver(event, "iam.policy_directly_on_user")] == ["compliant"]
    world.client("iam").put_user_policy(UserName="alice", PolicyName=NAME, PolicyDocument=json.dumps(OWN))
    assert [each.status for each in world.deliver(event, "iam.policy_directly_on_user")] == [Status.FIXED]
