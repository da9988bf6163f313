from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.analysis.policy_document import statements
from chalicelib.analysis.policy_escalation import escalations
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.iam.drop_escalating_statements import DropEscalatingStatements
from chalicelib.resources.iam.identities import Identity
from tests.guardrails.iam.identities import attach_reading, remove
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.moto_gaps import policies_of_aws
from tests.support.world import KNOWN, World, another_administrator

ID = "iam.inline_policy_escalates"
IDENTITIES = {"user": "alice", "role": "deploy", "group": "builders"}
READS_LOGS = '{ "Version" : "2012-10-17",\n  "Statement":{"Effect":"Allow","Action":"logs:Get*","Resource":"*"} }'
PASSES = {"Sid": "Passes", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
RUNS = {"Sid": "Runs", "Effect": "Allow", "Action": ["ec2:RunInstances", "ec2:Describe*"], "Resource": "*"}
READS = {"Sid": "Reads", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::mine/*"]}


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [*actions], "Resource": resource, **more}


def text(*listed: dict[str, Any]) -> str:
    """With the spaces of somebody who writes by hand."""
    return '{ "Version" : "2012-10-17",\n  "Statement":[ ' + " ,\n ".join(map(json.dumps, listed)) + "\n] }"


def make(world: World, kind: str, path: str = "/") -> None:
    another_administrator(world)
    more = {"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}
    create = getattr(world.client("iam"), f"create_{kind}")
    create(**{f"{kind.title()}Name": IDENTITIES[kind]}, Path=path, **more)


def put(world: World, kind: str, name: str, document: str) -> Envelope:
    who = IDENTITIES[kind]
    call = getattr(world.client("iam"), f"put_{kind}_policy")
    call(**{f"{kind.title()}Name": who}, PolicyName=name, PolicyDocument=document)
    parameters = {f"{kind}Name": who, "policyName": name, "policyDocument": document}
    return cloudtrail_event("iam", f"Put{kind.title()}Policy", parameters)


def inline(kind: str, *listed: dict[str, Any], path: str = "/", baseline: tuple[str, ...] = ()) -> Any:
    """An inline policy of these statements, put after one that only reads."""

    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(principals=baseline), grace={"*": 0})
        make(world, kind, path)
        put(world, kind, "logs", READS_LOGS)
        return put(world, kind, "work", text(*listed))

    return made


def in_two(world: World) -> Envelope:
    make(world, "role")
    put(world, "role", "passes", text(PASSES, READS))
    return put(world, "role", "runs", text(RUNS))


def within(boundary: dict[str, Any], *listed: dict[str, Any]) -> Any:
    """An inline policy of a role with a permissions boundary."""

    def made(world: World) -> Envelope:
        make(world, "role")
        answer = world.client("iam").create_policy(PolicyName="boundary", PolicyDocument=text(boundary))
        world.client("iam").put_role_permissions_boundary(
            RoleName="deploy", PermissionsBoundary=answer["Policy"]["Arn"]
        )
        return put(world, "role", "work", text(*listed))

    return made


def beside(attached: str | dict[str, Any], *listed: dict[str, Any]) -> Any:
    """An inline policy of a role that one of AWS's policies, by name, or a customer managed one is attached to."""

    def made(world: World) -> Envelope:
        make(world, "role")
        arn = f"arn:aws:iam::aws:policy/{attached}"
        if isinstance(attached, str):
            policies_of_aws(attached)
        else:
            answer = world.client("iam").create_policy(PolicyName="own", PolicyDocument=text(attached))
            arn = answer["Policy"]["Arn"]
        world.client("iam").attach_role_policy(RoleName="deploy", PolicyArn=arn)
        return put(world, "role", "work", text(*listed))

    return made


def attached_since(document: dict[str, Any], *listed: dict[str, Any]) -> Any:
    """A customer managed policy is attached to a role that has the inline one."""

    def made(world: World) -> Envelope:
        beside(document, *listed)(world)
        asked = {"roleName": "deploy", "policyArn": f"arn:aws:iam::{HOME}:policy/own"}
        return cloudtrail_event("iam", "AttachRolePolicy", asked)

    return made


def rewritten(denies: str, *listed: dict[str, Any]) -> Any:
    """The attached policy that denied IAM gets a new default version."""

    def made(world: World) -> Envelope:
        beside({"Effect": "Deny", "Action": "iam:*", "Resource": "*"}, *listed)(world)
        arn = f"arn:aws:iam::{HOME}:policy/own"
        document = text({"Effect": "Deny", "Action": denies, "Resource": "*"})
        world.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        return cloudtrail_event("iam", "CreatePolicyVersion", {"policyArn": arn, "setAsDefault": True})

    return made


def without(boundary: dict[str, Any], *listed: dict[str, Any]) -> Any:
    """An inline policy of a role whose permissions boundary is taken off."""

    def made(world: World) -> Envelope:
        within(boundary, *listed)(world)
        world.client("iam").delete_role_permissions_boundary(RoleName="deploy")
        return cloudtrail_event("iam", "DeleteRolePermissionsBoundary", {"roleName": "deploy"})

    return made


def not_denied(kind: str, *listed: dict[str, Any]) -> Any:
    """The inline policy that denied IAM is deleted."""

    def made(world: World) -> Envelope:
        inline(kind, *listed)(world)
        put(world, kind, "no-iam", text({"Effect": "Deny", "Action": "iam:*", "Resource": "*"}))
        who = {f"{kind.title()}Name": IDENTITIES[kind]}
        getattr(world.client("iam"), f"delete_{kind}_policy")(**who, PolicyName="no-iam")
        asked = {f"{kind}Name": IDENTITIES[kind], "policyName": "no-iam"}
        return cloudtrail_event("iam", f"Delete{kind.title()}Policy", asked)

    return made


def whole(world: World) -> Any:
    iam = world.client("iam")
    details = iam.get_account_authorization_details()
    described = {}
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    for kind in IDENTITIES:
        for each in details[f"{kind.title()}DetailList"]:
            name = each[f"{kind.title()}Name"]
            each.pop(f"{kind.title()}PolicyList", None)  # They have no order in AWS.
            described[f"{kind}/{name}"] = (each, Identity(f"{kind}/{name}", HOME, REGION).inline(reader))
    return described


CASE = Case(
    unsafe=(
        inline("user", allow("iam:PutUserPolicy")),
        inline("user", READS, allow("iam:AttachUserPolicy", resource="arn:aws:iam::*:user/${aws:username}")),
        inline("user", allow("iam:PutUserPolicy", resource=f"arn:aws:iam::{HOME}:user/team/alice"), path="/team/"),
        inline("role", READS, PASSES, allow("lambda:*")),
        inline("role", allow("iam:*")),
        inline("group", allow("iam:AddUserToGroup", resource="arn:aws:iam::*:group/*"), READS),
        inline("group", allow("sts:AssumeRole")),
        in_two,
        within(allow("iam:*"), allow("iam:CreatePolicyVersion"), READS),
        beside("PowerUserAccess", PASSES, READS),
        beside(RUNS, PASSES),
        beside("AdministratorAccess", allow("iam:PutUserPolicy")),
        attached_since(RUNS, PASSES),
        rewritten("s3:*", allow("iam:PutUserPolicy")),
        inline(
            "role",
            allow("iam:PutRolePolicy", resource=["arn:aws:iam::999999999999:role/*", f"arn:aws:iam::{HOME}:role/*"]),
        ),
        inline("role", allow("iam:*"), allow("*", resource="arn:aws:iam::999999999999:role/*") | {"Effect": "Deny"}),
        without(allow("s3:*"), allow("iam:CreatePolicyVersion")),
        *(not_denied(kind, allow("iam:CreatePolicyVersion")) for kind in IDENTITIES),
    ),
    near_misses=(
        inline("user", READS),
        inline("user", allow("iam:CreateAccessKey", resource="arn:aws:iam::*:user/${aws:username}")),
        inline("role", PASSES, allow("s3:*")),
        inline("role", allow("iam:PassRole", resource=f"arn:aws:iam::{HOME}:role/app"), allow("lambda:*Function")),
        inline("role", PASSES | {"Condition": {"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}}, RUNS),
        inline("role", allow("iam:*"), {"Effect": "Deny", "Action": ["iam:*", "ssm:*"], "Resource": "*"}),
        inline("role", allow("iam:*"), baseline=("arn:aws:iam::*:role/deploy",)),
        inline("role", allow("iam:*"), path="/aws-service-role/ecs.amazonaws.com/"),
        inline("group", allow("iam:*"), baseline=("arn:aws:iam::*:group/*",)),
        beside("ReadOnlyAccess", PASSES),
        beside("AdministratorAccess", PASSES),
        beside({"Effect": "Deny", "Action": "iam:*", "Resource": "*"}, allow("iam:PutUserPolicy")),
        beside(PASSES, RUNS),
        attached_since(READS, PASSES),
        rewritten("iam:Put*", allow("iam:PutUserPolicy")),
        inline("role", allow("iam:*", resource="arn:aws:iam::999999999999:role/*")),
        without(allow("s3:*"), READS),
        not_denied("user", READS),
        within(allow("s3:*", "logs:*"), allow("iam:CreatePolicyVersion"), PASSES, RUNS),
        within(allow("*"), allow("iam:PutRolePolicy", resource=f"arn:aws:iam::{HOME}:role/deploy")),
    ),
    whole=whole,
    remove=remove,
    disturb=attach_reading,
)


def policies(world: World, kind: str) -> dict[str, str]:
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    return Identity(f"{kind}/{IDENTITIES[kind]}", HOME, REGION).inline(reader)


def test_the_reason_names_the_path(world: World) -> None:
    (outcome,) = world.deliver(inline("role", READS, PASSES, RUNS)(world), ID, "alert")
    assert outcome.reason == (
        "inline policies allow privilege escalation: work, statement 2: iam:PassRole + ec2:RunInstances (ec2-001)"
    )


def test_many_paths_are_counted(world: World) -> None:
    (outcome,) = world.deliver(inline("role", allow("iam:Put*"))(world), ID, "alert")
    assert outcome.reason.endswith(
        "iam:PutUserPolicy (iam-010), iam:PutGroupPolicy (iam-011), iam:PutRolePolicy (iam-012)"
    )
    (outcome,) = world.deliver(put(world, "role", "work", text(allow("iam:*"))), ID, "alert")
    assert " and 10 more" in outcome.reason


def test_every_other_byte_stays(world: World) -> None:
    world.deliver(inline("role", READS, PASSES, RUNS)(world), ID)
    assert policies(world, "role") == {"logs": READS_LOGS, "work": text(READS, RUNS)}


def test_of_a_path_in_two_policies_the_first_step_goes(world: World) -> None:
    world.deliver(in_two(world), ID)
    assert policies(world, "role") == {"passes": text(READS), "runs": text(RUNS)}


def test_what_came_while_we_looked_stays(world: World) -> None:
    inline("role", allow("iam:*"))(world)
    fix, sessions, role = DropEscalatingStatements(), AwsSessions(HOME, KNOWN), Identity("role/deploy", HOME, REGION)
    after = fix.safe(fix.read(role, sessions.reader(HOME, REGION)), FixContext(KNOWN))
    put(world, "role", "since", text(READS))
    sessions.reader(HOME, REGION)
    fix.write(role, after, sessions.writer(HOME, REGION, "record", "iam"))
    assert policies(world, "role") == {"logs": READS_LOGS, "since": text(READS)}


def test_fixing_goes_on_where_it_broke_off(world: World) -> None:
    inline("role", allow("iam:*"))(world)
    put(world, "role", "more", text(READS, PASSES, RUNS))
    fix, sessions, role = DropEscalatingStatements(), AwsSessions(HOME, KNOWN), Identity("role/deploy", HOME, REGION)
    after = fix.safe(fix.read(role, sessions.reader(HOME, REGION)), FixContext(KNOWN))
    put(world, "role", "more", after["policies"]["more"])
    sessions.reader(HOME, REGION)
    fix.write(role, after, sessions.writer(HOME, REGION, "record", "iam"))
    assert policies(world, "role") == {"logs": READS_LOGS, "more": text(READS, RUNS)}


def test_the_last_administrator_is_asked_for_and_others_are_not(world: World) -> None:
    envelope = inline("role", allow("iam:*"))(world)
    world.client("iam").detach_user_policy(UserName="reserve", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    (outcome,) = world.deliver(put(world, "role", "work", text(PASSES, RUNS)), ID)
    assert outcome.status == Status.FIXED


@pytest.mark.parametrize("name", ["snapback-GuardIamRole-1A2B3C4D5E6F", "snapback-reader", "snapback-fixer-iam"])
def test_snapbacks_own_roles_are_let_be(name: str, world: World) -> None:
    iam = world.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=text(allow("iam:*")))
    (outcome,) = world.deliver(cloudtrail_event("iam", "PutRolePolicy", {"roleName": name, "policyName": "own"}), ID)
    assert outcome.status == "compliant"


def test_a_user_within_a_boundary_can_only_be_as_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto keeps no boundaries of users; this is GetUser's answer.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachedPermissionsBoundary.html
    """
    from moto.iam.models import User

    arn = world.client("iam").create_policy(PolicyName="boundary", PolicyDocument=text(allow("s3:*")))["Policy"]["Arn"]
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    envelope = inline("user", allow("iam:PutUserPolicy"))(world)
    monkeypatch.setattr(User, "permissions_boundary", boundary, raising=False)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"


BAD = (
    allow("iam:*"),
    PASSES,
    allow("iam:PutRolePolicy", resource=f"arn:aws:iam::{HOME}:role/deploy"),
    allow("ssm:SendCommand"),
    {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
)
GOOD = (READS, RUNS, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, allow("ec2:StopInstances"))


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from(BAD + GOOD), min_size=1, max_size=4, unique_by=str), min_size=1, max_size=3))
def test_no_way_is_left_open_and_the_rest_is_kept_and_put_back(made: list[list[dict[str, Any]]]) -> None:
    with mock_aws():
        import boto3

        world = World(boto3.Session(region_name=REGION))
        make(world, "role")
        before = {f"p{number}": text(*listed) for number, listed in enumerate(made)}
        for name, document in before.items():
            put(world, "role", name, document)
        fix, sessions, role = (
            DropEscalatingStatements(),
            AwsSessions(HOME, KNOWN),
            Identity("role/deploy", HOME, REGION),
        )
        state, writer = fix.read(role, sessions.reader(HOME, REGION)), sessions.writer(HOME, REGION, "record", "iam")
        fix.write(role, fix.safe(state, FixContext(KNOWN)), writer)
        after = policies(world, "role")
        assert not escalations(after.values(), itself=role.arn)
        assert all(statements(document) for document in after.values())
        for name, listed in zip(before, made, strict=True):
            kept = [each.raw for each in statements(after.get(name))]
            assert [each for each in kept if each in GOOD] == [each for each in listed if each in GOOD]
        sessions.reader(HOME, REGION)
        fix.write(role, state, writer)
        assert policies(world, "role") == before
