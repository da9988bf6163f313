from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.partitions import PARTITIONS
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.iam.detach_admin_policies import AWS_MANAGED, DetachAdminPolicies, last_administrator
from chalicelib.resources.iam.identities import Identity
from tests.guardrails.iam.identities import attach_reading, remove
from tests.support.cases import Case
from tests.support.events import HOME, REGION, STRANGER, Envelope, cloudtrail_event
from tests.support.moto_gaps import deny, every_policy_of_aws, policies_of_aws
from tests.support.world import KNOWN, World, another_administrator

ID = "iam.admin_policy_attached"
AWS = "arn:aws:iam::aws:policy/"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
IDENTITIES = {"user": "alice", "role": "deploy", "group": "builders"}


def policy(world: World, name: str, action: Any, **statement: Any) -> str:
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"} | statement,
    }
    made = world.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
    return str(made["Policy"]["Arn"])


def make(world: World, kind: str, path: str = "/", name: str = "") -> None:
    more = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    call = getattr(world.client("iam"), f"create_{kind}")
    call(**{f"{kind.title()}Name": name or IDENTITIES[kind]}, Path=path, **more)


def attach(world: World, kind: str, *arns: str, name: str = "") -> Envelope:
    name = name or IDENTITIES[kind]
    for arn in arns:
        getattr(world.client("iam"), f"attach_{kind}_policy")(**{f"{kind.title()}Name": name}, PolicyArn=arn)
    parameters = {f"{kind}Name": name, "policyArn": arns[-1]}
    return cloudtrail_event("iam", f"Attach{kind.title()}Policy", parameters)


def attached(kind: str, *names: str, path: str = "/", baseline: tuple[str, ...] = (), name: str = "") -> Any:
    """AWS's own policies by name, attached to an identity."""

    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(principals=baseline))
        another_administrator(world)
        policies_of_aws(*names)
        make(world, kind, path, name)
        return attach(world, kind, *(AWS + each for each in names), name=name)

    return made


def of_ones_own(kind: str, action: Any, **statement: Any) -> Any:
    """A customer managed policy, attached beside one of AWS's."""

    def made(world: World) -> Envelope:
        another_administrator(world)
        policies_of_aws("ReadOnlyAccess")
        make(world, kind)
        return attach(world, kind, AWS + "ReadOnlyAccess", policy(world, "own", action, **statement))

    return made


def power_user_who(action: Any, **statement: Any) -> Any:
    """PowerUserAccess, and a customer managed policy beside it."""

    def made(world: World) -> Envelope:
        another_administrator(world)
        policies_of_aws("PowerUserAccess")
        make(world, "role")
        return attach(world, "role", AWS + "PowerUserAccess", policy(world, "own", action, **statement))

    return made


def within(boundary: str, *names: str) -> Any:
    """AWS's own policies, attached to a role within a permissions boundary of AWS's own."""

    def made(world: World) -> Envelope:
        another_administrator(world)
        policies_of_aws(boundary, *names)
        make(world, "role")
        world.client("iam").put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=AWS + boundary)
        return attach(world, "role", *(AWS + each for each in names))

    return made


def unbound(kind: str, *names: str, boundary: str = "") -> Any:
    """AWS's own policies; the permissions boundary goes, or is another of AWS's own."""

    def made(world: World) -> Envelope:
        another_administrator(world)
        policies_of_aws("PowerUserAccess", *filter(None, (boundary,)), *names)
        make(world, kind)
        iam, who = world.client("iam"), {f"{kind.title()}Name": IDENTITIES[kind]}
        put = getattr(iam, f"put_{kind}_permissions_boundary")
        put(**who, PermissionsBoundary=AWS + "PowerUserAccess")
        attach(world, kind, *(AWS + each for each in names))
        if boundary:
            put(**who, PermissionsBoundary=AWS + boundary)
        else:
            getattr(iam, f"delete_{kind}_permissions_boundary")(**who)
        call = f"{'Put' if boundary else 'Delete'}{kind.title()}PermissionsBoundary"
        return cloudtrail_event("iam", call, {f"{kind}Name": IDENTITIES[kind]})

    return made


DENIES = {"Effect": "Deny", "Action": ["iam:*", "sts:*", "organizations:*"], "Resource": "*"}


def denied(world: World, kind: str, *denying: str) -> None:
    """Administrator, but for what customer managed policies of these names deny."""
    another_administrator(world)
    policies_of_aws("AdministratorAccess")
    make(world, kind)
    attach(world, kind, *(policy(world, name, DENIES["Action"], Effect="Deny") for name in denying))
    attach(world, kind, AWS + "AdministratorAccess")


def not_denied(kind: str, *denying: str) -> Any:
    """The first of the policies that deny is detached."""

    def made(world: World) -> Envelope:
        denied(world, kind, *denying)
        asked = {f"{kind.title()}Name": IDENTITIES[kind], "PolicyArn": f"arn:aws:iam::{HOME}:policy/{denying[0]}"}
        getattr(world.client("iam"), f"detach_{kind}_policy")(**asked)
        return cloudtrail_event(
            "iam",
            f"Detach{kind.title()}Policy",
            {f"{kind}Name": IDENTITIES[kind], "policyArn": asked["PolicyArn"]},
        )

    return made


def rewritten(**statement: Any) -> Any:
    """The policy that denied gets a new default version."""

    def made(world: World) -> Envelope:
        denied(world, "role", "no-iam")
        arn = f"arn:aws:iam::{HOME}:policy/no-iam"
        document = json.dumps({"Version": "2012-10-17", "Statement": DENIES | statement})
        world.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        return cloudtrail_event("iam", "CreatePolicyVersion", {"policyArn": arn, "setAsDefault": True})

    return made


def to_group(*names: str) -> Any:
    """A user comes to a group with AWS's own policies."""

    def made(world: World) -> Envelope:
        another_administrator(world)
        policies_of_aws(*names)
        make(world, "group")
        make(world, "user")
        attach(world, "group", *(AWS + each for each in names))
        world.client("iam").add_user_to_group(GroupName="builders", UserName="alice")
        return cloudtrail_event("iam", "AddUserToGroup", {"groupName": "builders", "userName": "alice"})

    return made


def made_harmless_since(world: World) -> Envelope:
    envelope: Envelope = of_ones_own("user", "*")(world)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    world.client("iam").create_policy_version(
        PolicyArn=envelope["detail"]["requestParameters"]["policyArn"],
        PolicyDocument=json.dumps(document),
        SetAsDefault=True,
    )
    return envelope


def attachments(world: World, kind: str, name: str) -> list[str]:
    answer = getattr(world.client("iam"), f"list_attached_{kind}_policies")(**{f"{kind.title()}Name": name})
    return sorted(each["PolicyArn"] for each in answer["AttachedPolicies"])


def whole(world: World) -> Any:
    """Attached policies have no order in AWS."""
    details = world.client("iam").get_account_authorization_details()
    described = {}
    for kind in IDENTITIES:
        for each in details[f"{kind.title()}DetailList"]:
            each.pop("AttachedManagedPolicies", None)
            name = each[f"{kind.title()}Name"]
            described[f"{kind}/{name}"] = (each, attachments(world, kind, name))
    return described


CASE = Case(
    unsafe=(
        attached("user", "AdministratorAccess"),
        attached("role", "ReadOnlyAccess", "IAMFullAccess"),
        attached("group", "AdministratorAccess", "PowerUserAccess", "IAMFullAccess"),
        attached("role", "AdministratorAccess", name="AWSReservedSSO_Administrator_0123456789abcdef"),
        of_ones_own("user", "*"),
        of_ones_own("role", ["s3:*", "iam:*"]),
        of_ones_own("group", "*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        attached("role", "AdministratorAccess-Amplify"),
        power_user_who(["iam:PassRole", "iam:ListRoles"]),
        within("IAMFullAccess", "AdministratorAccess"),
        unbound("user", "AdministratorAccess"),
        unbound("role", "AdministratorAccess"),
        unbound("role", "IAMFullAccess", boundary="AdministratorAccess"),
        not_denied("user", "no-iam"),
        not_denied("role", "no-iam"),
        not_denied("group", "no-iam"),
        rewritten(Action="s3:*"),
    ),
    near_misses=(
        attached("user", "PowerUserAccess", "ReadOnlyAccess"),
        attached("role", "AdministratorAccess", baseline=("arn:aws:iam::*:role/deploy",)),
        attached(
            "group", "AdministratorAccess", path="/break-glass/", baseline=("arn:aws:iam::*:group/break-glass/*",)
        ),
        attached("role", "AdministratorAccess", path="/aws-reserved/sso.amazonaws.com/"),
        attached("role", "AdministratorAccess", path="/aws-service-role/ecs.amazonaws.com/"),
        of_ones_own("user", "s3:*"),
        of_ones_own("role", "*", Effect="Deny"),
        made_harmless_since,
        power_user_who("iam:PassRole", Resource="arn:aws:iam::123456789012:role/app"),
        power_user_who("iam:ListRoles"),
        within("PowerUserAccess", "AdministratorAccess"),
        within("ReadOnlyAccess", "IAMFullAccess", "ReadOnlyAccess"),
        unbound("user", "PowerUserAccess"),
        unbound("role", "AdministratorAccess", boundary="ReadOnlyAccess"),
        not_denied("user", "no-iam", "no-iam-either"),
        rewritten(Sid="Again"),
        to_group("PowerUserAccess"),
    ),
    whole=whole,
    remove=remove,
    disturb=attach_reading,
)


def test_a_user_who_comes_to_an_administrators_group_is_reported_by_the_group(world: World) -> None:
    outcomes = world.deliver(to_group("AdministratorAccess")(world), ID, "alert")
    assert {each.resource.rpartition(":")[2]: each.status for each in outcomes} == {
        "user/alice": "compliant",
        "group/builders": "alerted",
    }


def test_a_group_that_may_be_administrator_may_have_members(world: World) -> None:
    envelope = to_group("AdministratorAccess")(world)
    world.settings = Settings(allow=Allow(principals=("arn:aws:iam::*:group/builders",)))
    assert {each.status for each in world.deliver(envelope, ID)} == {"compliant"}


def test_a_version_that_makes_administrator_by_itself_is_the_policy_s_matter(world: World) -> None:
    """`iam.policy_allows_everything` finds it: a hundred identities aren't a hundred findings."""
    envelope = rewritten(Effect="Allow", Action="*")(world)
    assert not world.deliver(envelope, ID)
    (outcome,) = world.deliver(envelope, "iam.policy_allows_everything", "alert")
    assert outcome.status == "alerted"


def test_whom_another_account_s_policy_affects_is_not_asked(world: World) -> None:
    envelope = rewritten(Action="s3:*")(world)
    envelope["detail"]["requestParameters"]["policyArn"] = f"arn:aws:iam::{STRANGER}:policy/no-iam"
    assert not world.deliver(envelope, ID)


def test_the_other_policies_stay_attached(world: World) -> None:
    world.deliver(attached("group", "AdministratorAccess", "PowerUserAccess", "IAMFullAccess")(world), ID)
    assert attachments(world, "group", "builders") == [AWS + "PowerUserAccess"]


def test_of_a_power_users_policies_the_one_about_iam_goes(world: World) -> None:
    (outcome,) = world.deliver(power_user_who("iam:PassRole")(world), ID)
    assert outcome.reason == (
        "administrator by own (allows iam:PassRole + ec2:RunInstances (ec2-001) where everything outside IAM is allowed)"
    )
    assert attachments(world, "role", "deploy") == [AWS + "PowerUserAccess"]


def test_the_last_administrator_is_asked_for(world: World) -> None:
    envelope = attached("user", "AdministratorAccess", "IAMFullAccess")(world)
    iam = world.client("iam")
    iam.detach_user_policy(UserName="reserve", PolicyArn=AWS + "AdministratorAccess")
    iam.create_group(GroupName="empty")
    iam.attach_group_policy(GroupName="empty", PolicyArn=AWS + "AdministratorAccess")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    assert "nobody else in the account holds AdministratorAccess" in world.record(outcome.record).history[-1].note
    assert attachments(world, "user", "alice") == [AWS + "AdministratorAccess", AWS + "IAMFullAccess"]
    iam.add_user_to_group(GroupName="empty", UserName="reserve")
    assert (
        last_administrator(AwsSessions(HOME, KNOWN).reader(HOME, REGION), Identity("user/alice", HOME, REGION)) is None
    )


def test_nobody_holds_a_policy_that_the_partition_has_not_got(world: World) -> None:
    world.client("iam").create_user(UserName="alice")
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    with deny("ListEntitiesForPolicy", code="NoSuchEntity"):
        found = last_administrator(reader, Identity("user/alice", HOME, REGION))
    assert found is not None
    assert found.startswith("nobody else in the account holds AdministratorAccess")
    with deny("ListEntitiesForPolicy"), pytest.raises(ClientError, match="AccessDenied"):
        last_administrator(reader, Identity("user/alice", HOME, REGION))


def test_the_reason_names_the_policies_and_what_they_allow(world: World) -> None:
    (outcome,) = world.deliver(of_ones_own("role", ["s3:*", "iam:*"])(world), ID, "alert")
    assert outcome.reason == "administrator by own (allows s3:*, iam:* on *)"


def test_what_is_attached_besides_does_not_stand_in_the_way_of_an_undo(world: World) -> None:
    (outcome,) = world.deliver(attached("user", "AdministratorAccess")(world), ID)
    policies_of_aws("ReadOnlyAccess")
    attach(world, "user", AWS + "ReadOnlyAccess")
    undone = world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert undone.status == Status.UNDONE
    assert attachments(world, "user", "alice") == [AWS + "AdministratorAccess", AWS + "ReadOnlyAccess"]


def test_fixing_goes_on_where_it_broke_off(world: World) -> None:
    attached("user", "AdministratorAccess", "IAMFullAccess")(world)
    fix, sessions = DetachAdminPolicies(), AwsSessions(HOME, KNOWN)
    alice = Identity("user/alice", HOME, REGION)
    world.client("iam").detach_user_policy(UserName="alice", PolicyArn=AWS + "AdministratorAccess")
    fix.write(alice, {"admin": []}, sessions.writer(HOME, REGION, "record", "iam"))
    assert attachments(world, "user", "alice") == []


def test_a_policy_deleted_while_we_look_makes_nobody_administrator(world: World) -> None:
    own = of_ones_own("user", "*")(world)["detail"]["requestParameters"]["policyArn"]
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    alice = Identity("user/alice", HOME, REGION)
    list(reader.client("iam").get_paginator("list_attached_user_policies").paginate(UserName="alice"))
    world.client("iam").detach_user_policy(UserName="alice", PolicyArn=own)
    world.client("iam").delete_policy(PolicyArn=own)
    assert DetachAdminPolicies().found(alice, reader) == {}


@pytest.mark.parametrize("partition", [each.name for each in PARTITIONS])
def test_aws_own_policies_are_known_in_every_partition_without_being_fetched(partition: str) -> None:
    arn = f"arn:{partition}:iam::aws:policy/AdministratorAccess"

    class Pages:
        def get_paginator(self, name: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Any:
            return [{"AttachedPolicies": []}, {"AttachedPolicies": [{"PolicyArn": arn}]}]

    session: Any = type("Session", (), {"client": lambda self, service: Pages()})()
    assert DetachAdminPolicies().read(Identity("user/alice", HOME, REGION), session) == {"admin": [arn]}


def test_the_list_of_aws_own_policies_is_complete() -> None:
    """Those that allow, on everything and without condition, a call that gives the caller another policy."""

    def gives_more(statement: Any) -> bool:
        actions, resources = (
            [each] if isinstance(each, str) else each
            for each in (statement.get("Action", []), statement.get("Resource", []))
        )
        calls = ("iam:attachuserpolicy", "iam:attachrolepolicy", "iam:attachgrouppolicy", "iam:createpolicyversion")
        return (
            statement["Effect"] == "Allow"
            and "Condition" not in statement
            and "*" in resources
            and any(fnmatchcase(call, action.lower()) for action in actions for call in calls)
        )

    found = set()
    for name, own in every_policy_of_aws().items():
        statements = own["Document"]["Statement"]
        if own["Path"] != "/aws-service-role/":  # These can be attached to service-linked roles only.
            found |= {
                name for each in ([statements] if isinstance(statements, dict) else statements) if gives_more(each)
            }
    assert found == AWS_MANAGED.keys()


@pytest.mark.parametrize("parameters", [None, {}, {"userName": None}, {"roleName": {"a": 1}}, "alice", [1]])
def test_an_event_that_names_nobody_finds_nothing(parameters: Any) -> None:
    assert not list(Identity.in_event(Event.parse(cloudtrail_event("iam", "AttachUserPolicy", parameters))))


def test_the_sweep_meets_users_roles_and_groups(world: World) -> None:
    for kind in IDENTITIES:
        make(world, kind)
    found = Identity.all_in(AwsSessions(HOME, KNOWN).reader(HOME, REGION))
    assert [each.id for each in found] == ["user/alice", "role/deploy", "group/builders"]


def test_tags_are_read_where_there_are_any(world: World) -> None:
    for kind in IDENTITIES:
        make(world, kind)
    world.client("iam").tag_role(RoleName="deploy", Tags=[{"Key": "team", "Value": "web"}])
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    tags = [Identity(f"{kind}/{name}", HOME, REGION).tags(reader) for kind, name in IDENTITIES.items()]
    assert tags == [{}, {"team": "web"}, {}]


@given(
    st.sets(
        st.sampled_from(["AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "ReadOnlyAccess", "own", "all"])
    )
)
@settings(max_examples=25)
def test_just_the_policies_that_make_administrator_are_detached_and_put_back(names: set[str]) -> None:
    with mock_aws():
        import boto3

        world = World(boto3.Session(region_name=REGION))
        arns = {
            name: AWS + name for name in ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "ReadOnlyAccess")
        }
        policies_of_aws(*arns)
        arns |= {"own": policy(world, "own", "ec2:*"), "all": policy(world, "all", "*")}
        make(world, "role")
        chosen = sorted(arns[name] for name in names)
        for arn in chosen:
            attach(world, "role", arn)
        fix, sessions, role = DetachAdminPolicies(), AwsSessions(HOME, KNOWN), Identity("role/deploy", HOME, REGION)
        before = fix.read(role, sessions.reader(HOME, REGION))
        writer = sessions.writer(HOME, REGION, "record", "iam")
        fix.write(role, fix.safe(before, FixContext(KNOWN)), writer)
        harmless = {arns[name] for name in names & {"PowerUserAccess", "ReadOnlyAccess", "own"}}
        assert attachments(world, "role", "deploy") == sorted(harmless)
        fix.write(role, before, writer)
        assert attachments(world, "role", "deploy") == chosen
