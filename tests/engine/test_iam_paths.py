"""IAM names with a path: the settings mean AWS's own ARN, and the form without a path that records have."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.errors import CannotAct, CannotJudge
from chalicelib.core.settings import Exemption, Settings
from chalicelib.core.types import Status
from tests.guardrails.ec2.instances import launch
from tests.guardrails.ec2.test_instance_made_administrator import allowing, event
from tests.support.events import HOME, STACK, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

IAM = f"arn:aws:iam::{HOME}"
TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"}, "Action": "sts:AssumeRole"}
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
POWER = allowing("*")


def role(world: World) -> Envelope:
    asked = {
        "RoleName": "Rescue",
        "Path": "/org/ops/",
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [EC2, TRUST]}),
    }
    world.client("iam").create_role(**asked)
    return cloudtrail_event("iam", "CreateRole", {"roleName": "Rescue"})


def user(world: World) -> Envelope:
    world.client("iam").create_user(UserName="Rescue", Path="/org/ops/")
    world.client("iam").put_user_policy(UserName="Rescue", PolicyName="power", PolicyDocument=POWER)
    return cloudtrail_event("iam", "PutUserPolicy", {"userName": "Rescue", "policyName": "power"})


def key(world: World) -> Envelope:
    iam = world.client("iam")
    iam.create_user(UserName="Rescue", Path="/org/ops/")
    made = iam.create_access_key(UserName="Rescue")["AccessKey"]["AccessKeyId"]
    answered = {"accessKey": {"accessKeyId": made, "userName": "Rescue"}}
    return cloudtrail_event("iam", "CreateAccessKey", {"userName": "Rescue"}, answered)


def group(world: World) -> Envelope:
    world.client("iam").create_group(GroupName="Rescue", Path="/org/ops/")
    world.client("iam").put_group_policy(GroupName="Rescue", PolicyName="power", PolicyDocument=POWER)
    return cloudtrail_event("iam", "PutGroupPolicy", {"groupName": "Rescue", "policyName": "power"})


def policy(world: World) -> Envelope:
    iam = world.client("iam")
    arn = iam.create_policy(PolicyName="Rescue", Path="/org/ops/", PolicyDocument=allowing("s3:Get*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=POWER, SetAsDefault=True)
    return cloudtrail_event("iam", "CreatePolicyVersion", {"policyArn": arn, "setAsDefault": True})


def profile(world: World) -> Envelope:
    iam, instance = world.client("iam"), launch(world)
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [EC2]}))
    iam.put_role_policy(RoleName="app", PolicyName="power", PolicyDocument=POWER)
    iam.create_instance_profile(InstanceProfileName="Rescue", Path="/org/ops/")
    iam.add_role_to_instance_profile(InstanceProfileName="Rescue", RoleName="app")
    world.client("ec2").associate_iam_instance_profile(IamInstanceProfile={"Name": "Rescue"}, InstanceId=instance)
    asked = {"IamInstanceProfile": {"Name": "Rescue"}, "InstanceId": instance}
    return event("AssociateIamInstanceProfile", asked, instance)


Make = Callable[["World"], Envelope]
KINDS: list[Any] = [
    pytest.param("iam.role_trusts_unknown_account", role, "role", id="role"),
    pytest.param("iam.inline_policy_escalates", user, "user", id="user"),
    pytest.param("iam.access_key_created", key, "user", id="key"),
    pytest.param("iam.inline_policy_escalates", group, "group", id="group"),
    pytest.param("iam.policy_allows_everything", policy, "policy", id="policy"),
    pytest.param("ec2.instance_made_administrator", profile, "instance-profile", id="instance-profile"),
]
OF_ITS_OWN = [each for each in KINDS if each.id not in {"key", "instance-profile"}]
"""Where the finding is about what has the path; of the others, it is about what has none."""
NAMES = ["org/ops/Rescue", "org/ops/*", "org/*", "Rescue", "Resc*", "org/ops/rescue", "RESCUE"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rule", "make", "kind"), KINDS)
def test_never_touch(rule: str, make: Make, kind: str, name: str, world: World) -> None:
    envelope = make(world)
    application = world.application("fix", rule, never_touch=(f"{IAM}:{kind}/{name}",))
    (outcome,) = [each for each in application.guard(rule.partition(".")[0], envelope) if each.guardrail == rule]
    assert outcome.status == Status.ALERTED
    assert (
        world.record(outcome.record).history[0].note
        == f"{IAM}:{kind}/org/ops/Rescue is under `never_touch` in the settings"
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rule", "make", "kind"), OF_ITS_OWN)
def test_exemptions(rule: str, make: Make, kind: str, name: str, world: World) -> None:
    envelope = make(world)
    exempt = Exemption(rule, "a demo", "carol", date(2026, 12, 31), f"{IAM}:{kind}/{name}")
    application = world.application("fix", rule, exemptions=(exempt,))
    (outcome,) = [each for each in application.guard("iam", envelope) if each.guardrail == rule]
    assert outcome.status == "exempt"


def unjudged(_resource: Any, _aws: Any) -> str | None:
    raise CannotJudge("its policy is no policy")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rule", "make", "kind"), OF_ITS_OWN)
def test_exemptions_of_what_cannot_be_judged(rule: str, make: Make, kind: str, name: str, world: World) -> None:
    event, (real,) = handled(make(world), rule)
    exempt = Exemption(rule, "a demo", "carol", date(2026, 12, 31), f"{IAM}:{kind}/{name}")
    application = world.application("fix", rule, exemptions=(exempt,))
    (outcome,) = application.engine.handle(event, [replace(real, evaluate=unjudged)])
    assert outcome.status == "exempt"
    assert not world.records()


def test_where_aws_does_not_tell_the_path_an_exemption_by_path_hides_nothing(world: World) -> None:
    envelope = user(world)
    rule = "iam.inline_policy_escalates"
    exempt = Exemption(rule, "a demo", "carol", date(2026, 12, 31), f"{IAM}:user/org/ops/Rescue")
    with world.denied("GetUser", "ListUserPolicies"):
        (outcome,) = world.application("fix", rule, exemptions=(exempt,)).engine.handle(*handled(envelope, rule))
    assert outcome.status == Status.UNJUDGED


def test_what_is_exempt_by_now_is_closed_when_it_is_looked_at_again(world: World) -> None:
    envelope = user(world)
    rule = "iam.inline_policy_escalates"
    with world.denied("ListUserPolicies"):
        world.application("fix", rule).engine.handle(*handled(envelope, rule))
        exempt = Exemption(rule, "a demo", "carol", date(2026, 12, 31), f"{IAM}:user/org/ops/Rescue")
        world.later(minutes=5)
        world.application("fix", rule, exemptions=(exempt,)).maintain()
    (record,) = world.records()
    assert (record.status, record.history[-1].why) == (Status.EXPIRED, "exempt")
    assert record.history[-1].note == "now exempt"


@pytest.mark.parametrize("name", ["org/Rescue", "Org/ops/Rescue", "org/ops/Rescue2", "ops/Rescue"])
@pytest.mark.parametrize(("rule", "make", "kind"), KINDS)
def test_another_path_or_name_is_another(rule: str, make: Make, kind: str, name: str, world: World) -> None:
    envelope = make(world)
    globs = (f"{IAM}:{kind}/{name}", f"arn:aws:iam::{STRANGER}:{kind}/org/ops/Rescue")
    (outcome,) = world.application("fix", rule, never_touch=globs).engine.handle(*handled(envelope, rule))
    assert outcome.status in {Status.FIXED, Status.ASKING}


@pytest.mark.parametrize(("rule", "make", "kind"), KINDS)
def test_a_person_may_not_either(rule: str, make: Make, kind: str, world: World) -> None:
    envelope = make(world)
    (outcome,) = world.deliver(envelope, rule, "ask")
    never: Any = {"never_touch": (f"{IAM}:{kind}/org/ops/Rescue",)}
    with pytest.raises(CannotAct, match=f"{kind}/org/ops/Rescue is under `never_touch`"):
        world.application("ask", rule, **never).engine.approve(outcome.record, "carol")


@pytest.mark.parametrize(("rule", "make", "kind"), [each for each in OF_ITS_OWN if each.id != "policy"])
def test_records_and_slots_keep_the_form_without_a_path(rule: str, make: Make, kind: str, world: World) -> None:
    (outcome,) = world.deliver(make(world), rule)
    record = world.record(outcome.record)
    assert record.shown_arn == f"{IAM}:{kind}/org/ops/Rescue"
    assert record.slot == f"{rule}#{IAM}:{kind}/Rescue#us-east-1"


def test_a_role_of_our_name_under_a_path_is_not_ours() -> None:
    """Whoever may make roles there could make one that nothing fixes."""
    settings = Settings(stack=STACK)
    for name in ("snapback-fixer-x", "snapback-GuardIamRole-1A2B3C"):
        ours, other = f"{IAM}:role/{name}", f"{IAM}:role/dev/{name}"
        assert settings.never((ours,)) == f"{ours} is Snapback's own role, which no fix changes"
        assert not settings.never((other, ours))
    assert not settings.never((f"{IAM}:role/snapback-GuardIamRole-x/ci", f"{IAM}:role/ci"))


def handled(envelope: Envelope, rule: str) -> Any:
    from chalicelib import catalog
    from chalicelib.core.event import Event

    return Event.parse(json.loads(json.dumps(envelope, default=str))), [catalog.rule(rule)]
