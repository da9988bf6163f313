from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_access import unknown_principals
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.iam.distrust_unknown_principals import NOBODY, DistrustUnknownPrincipals
from chalicelib.resources.iam.identities import Role
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, analyzer_finding, cloudtrail_event
from tests.support.moto_gaps import deleted_principals_refused
from tests.support.world import KNOWN, World, settings_with

ID = "iam.role_trusts_unknown_account"
ORGANIZATION = "o-exampleorg1"
VENDOR = "333344445555"
VENDORS = Baseline(allow=Allow(vendors=frozenset({VENDOR})))
SESSION = {"type": "AssumedRole", "arn": f"arn:aws:sts::{HOME}:assumed-role/deploy/carol", "accountId": HOME}


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def allow(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


EC2 = allow({"Service": "ec2.amazonaws.com"}, Sid="")
SAML = allow(
    {"Federated": f"arn:aws:iam::{HOME}:saml-provider/corp"},
    ["sts:AssumeRoleWithSAML", "sts:TagSession"],
    Condition={"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
)
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRole",
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
}


def trusting(*statements: Any, name: str = "CreateRole", path: str = "/", baseline: Baseline = KNOWN) -> Any:
    def made(world: World) -> Envelope:
        world.settings = settings_with(baseline)
        document = {"Version": "2012-10-17", "Statement": statements[0] if len(statements) == 1 else list(statements)}
        world.client("iam").create_role(
            RoleName="deploy",
            Path=path,
            AssumeRolePolicyDocument=json.dumps(document),
            Description="deploys",
            Tags=[{"Key": "team", "Value": "web"}],
        )
        parameters = {"roleName": "deploy", "path": path, "assumeRolePolicyDocument": "{}"}
        if name == "UpdateAssumeRolePolicy":
            parameters = {"roleName": "deploy", "policyDocument": "{}"}
        return cloudtrail_event("iam", name, parameters)

    return made


def analyzed(make: Any, path: str = "/") -> Any:
    """As Access Analyzer tells of it, from any region."""

    def made(world: World) -> Envelope:
        make(world)
        return analyzer_finding(f"arn:aws:iam::{HOME}:role{path}deploy", "AWS::IAM::Role", region="eu-west-1")

    return made


def external_id(operator: str = "StringEquals", value: str = "12345") -> dict[str, Any]:
    return allow({"AWS": root(VENDOR)}, Condition={operator: {"sts:ExternalId": value}})


def document(world: World) -> Any:
    return world.client("iam").get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"]


def whole(world: World) -> Any:
    return world.client("iam").get_role(RoleName="deploy")["Role"]


CASE = Case(
    unsafe=(
        trusting(allow({"AWS": root(STRANGER)})),
        trusting(allow("*"), name="UpdateAssumeRolePolicy"),
        trusting(EC2, allow({"AWS": ["*", root(FRIEND)]}), SAML, DENY),
        trusting(allow({"AWS": STRANGER}, Condition={"StringEquals": {"sts:ExternalId": "12345"}}), DENY),
        trusting(allow({"AWS": [root(HOME), f"arn:aws:iam::{STRANGER}:role/x"], "Service": "ec2.amazonaws.com"})),
        trusting(allow({"Federated": f"arn:aws:iam::{STRANGER}:saml-provider/corp"}, "sts:AssumeRoleWithSAML"), EC2),
        trusting(allow({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-strangers99"}})),
        trusting(allow({"AWS": [VENDOR, root(HOME)]}), baseline=VENDORS),
        trusting(external_id("StringLike", "*"), EC2, baseline=VENDORS),
        analyzed(trusting(allow({"AWS": root(STRANGER)}), EC2, path="/teams/web/"), "/teams/web/"),
    ),
    near_misses=(
        trusting(EC2),
        trusting(SAML, DENY),
        trusting(allow({"AWS": root(HOME)})),
        trusting(allow({"AWS": [FRIEND, f"arn:aws:iam::{FRIEND}:role/ci"]}), name="UpdateAssumeRolePolicy"),
        trusting(
            allow({"AWS": f"arn:aws:iam::{STRANGER}:role/partner"}),
            baseline=Baseline(allow=Allow(principals=(f"arn:aws:iam::{STRANGER}:role/partner",))),
        ),
        trusting(
            allow({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
            baseline=Baseline(allow=Allow(organizations=frozenset({ORGANIZATION}))),
        ),
        trusting({**allow("*"), "Effect": "Deny"}),
        trusting(allow("*"), {**allow("*", "sts:*"), "Effect": "Deny"}),
        trusting(external_id(), EC2, baseline=VENDORS),
        analyzed(trusting(allow({"AWS": FRIEND}))),
        trusting(
            allow({"Federated": f"arn:aws:iam::{HOME}:oidc-provider/gitlab.com"}, "sts:AssumeRoleWithWebIdentity")
        ),
        trusting(allow({"AWS": root(STRANGER)}), path="/aws-service-role/ecs.amazonaws.com/"),
        trusting(allow({"AWS": root(STRANGER)}), path="/aws-reserved/sso.amazonaws.com/"),
    ),
    whole=whole,
    remove=lambda world: world.client("iam").delete_role(RoleName="deploy"),
    disturb=lambda world: world.client("iam").tag_role(RoleName="deploy", Tags=[{"Key": "owner", "Value": "ops"}]),
)


def test_just_the_stranger_goes(world: World) -> None:
    world.deliver(trusting(EC2, allow({"AWS": ["*", root(FRIEND)]}), SAML, DENY)(world), ID)
    assert document(world)["Statement"] == [EC2, allow({"AWS": [root(FRIEND)]}), SAML, DENY]


@pytest.mark.parametrize("as_list", [True, False])
def test_where_nobody_is_left_one_statement_denies_everybody(world: World, as_list: bool) -> None:
    statements = [allow({"AWS": root(STRANGER)}), allow("*")] if as_list else [allow("*")]
    (outcome,) = world.deliver(trusting(*statements)(world), ID)
    assert outcome.status == Status.FIXED
    assert document(world) == {"Version": "2012-10-17", "Statement": [NOBODY]}


def test_a_deny_alone_is_left_as_it_is(world: World) -> None:
    world.deliver(trusting(allow("*"), DENY)(world), ID)
    assert document(world)["Statement"] == [DENY]


def test_the_reason_names_each_stranger_once(world: World) -> None:
    statements = (allow({"AWS": [root(STRANGER), root(FRIEND)]}), allow("*"), allow({"AWS": root(STRANGER)}))
    (outcome,) = world.deliver(trusting(*statements)(world), ID, "alert")
    assert outcome.reason == f"its trust policy gives access to arn:aws:iam::{STRANGER}:root, everybody"


def test_a_vendor_without_an_external_id_is_reported_as_such(world: World) -> None:
    (outcome,) = world.deliver(trusting(allow({"AWS": VENDOR}), baseline=VENDORS)(world), ID, "alert")
    assert outcome.reason == f"its trust policy gives access to {VENDOR} (a vendor, without an external id)"


def test_a_vendor_is_demanded_an_external_id_even_when_it_is_a_known_account(world: World) -> None:
    baseline = Baseline(allow=Allow(vendors=frozenset({VENDOR}), accounts=frozenset({VENDOR})))
    (outcome,) = world.deliver(trusting(allow({"AWS": VENDOR}), EC2, baseline=baseline)(world), ID)
    assert outcome.status == Status.FIXED
    assert document(world)["Statement"] == [EC2]


def from_its_own_session(envelope: Envelope, **identity: Any) -> Envelope:
    envelope["detail"]["userIdentity"] = SESSION | identity
    return envelope


@pytest.mark.parametrize("others", [(), (EC2,), (DENY, EC2)])
def test_who_would_lock_themselves_out_is_asked(world: World, others: Any) -> None:
    envelope = from_its_own_session(trusting(allow({"AWS": root(STRANGER)}), *others)(world))
    before = document(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    assert document(world) == before
    assert "session of this role" in world.record(outcome.record).history[-1].note


@pytest.mark.parametrize(
    ("statements", "identity"),
    [
        ((allow({"AWS": root(HOME)}),), {}),
        ((SAML,), {}),
        ((), {"arn": f"arn:aws:sts::{HOME}:assumed-role/deployer/carol"}),
        ((), {"arn": f"arn:aws:sts::{STRANGER}:assumed-role/deploy/carol"}),
        ((), {"arn": "assumed-role/deploy/carol"}),
        ((), {"arn": None}),
    ],
)
def test_who_has_another_way_in_is_not_asked(world: World, statements: Any, identity: Any) -> None:
    envelope = trusting(allow({"AWS": root(STRANGER)}), *statements)(world)
    (outcome,) = world.deliver(from_its_own_session(envelope, **identity), ID)
    assert outcome.status == Status.FIXED


def test_deleted_principals_are_in_the_way_of_neither_fix_nor_undo(world: World) -> None:
    dead = allow({"AWS": "AROAEXAMPLEROLEID123"})
    envelope = trusting(dead, allow({"AWS": ["AIDAEXAMPLEUSERID123", STRANGER, FRIEND]}), EC2)(world)
    with deleted_principals_refused():
        (outcome,) = world.deliver(envelope, ID)
        assert document(world)["Statement"] == [allow({"AWS": [FRIEND]}), EC2]
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert document(world)["Statement"] == [allow({"AWS": [STRANGER, FRIEND]}), EC2]


def test_a_role_that_trusts_nobody_living_is_let_be(world: World) -> None:
    (outcome,) = world.deliver(trusting(allow({"AWS": "AROAEXAMPLEROLEID123"}))(world), ID)
    assert outcome.status == "compliant"


def test_a_role_with_a_path_is_found_by_its_name(world: World) -> None:
    (outcome,) = world.deliver(trusting(allow("*"), path="/teams/web/")(world), ID)
    assert (outcome.status, outcome.resource) == (Status.FIXED, f"arn:aws:iam::{HOME}:role/deploy")


def test_the_name_alone_makes_no_role_one_of_aws(world: World) -> None:
    envelope = trusting(EC2)(world)
    world.client("iam").create_role(
        RoleName="AWSServiceRoleForEvil",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]}),
    )
    envelope["detail"]["requestParameters"]["roleName"] = "AWSServiceRoleForEvil"
    (outcome,) = world.deliver(envelope, ID, "alert")
    assert outcome.status == Status.ALERTED


@pytest.mark.parametrize("parameters", [None, {}, {"roleName": ""}, {"roleName": 1}, {"policyDocument": "{}"}])
def test_an_event_that_names_no_role_finds_nothing(parameters: Any) -> None:
    assert not list(Role.in_event(Event.parse(cloudtrail_event("iam", "UpdateAssumeRolePolicy", parameters))))


def test_the_sweep_meets_roles_only(world: World) -> None:
    trusting(EC2)(world)
    world.client("iam").create_user(UserName="alice")
    found = list(Role.all_in(AwsSessions(HOME, KNOWN).reader(HOME, REGION)))
    assert found == [Role("role/deploy", HOME, REGION)]


KNOWN_PRINCIPALS = st.sampled_from([HOME, root(HOME), FRIEND, root(FRIEND), f"arn:aws:iam::{FRIEND}:role/ci"])
STRANGE_PRINCIPALS = st.sampled_from(["*", STRANGER, root(STRANGER), f"arn:aws:iam::{STRANGER}:user/x"])
LET_BE = st.one_of(
    st.sampled_from([EC2, SAML, DENY, {**allow({"AWS": root(FRIEND)}), "Effect": "Deny"}]),
    st.lists(KNOWN_PRINCIPALS, min_size=1, unique=True).map(lambda names: allow({"AWS": names})),
)
STRANGE = st.lists(STRANGE_PRINCIPALS, min_size=1, unique=True).map(lambda names: allow({"AWS": names}))
MIXED = st.tuples(
    st.lists(KNOWN_PRINCIPALS, min_size=1, unique=True), st.lists(STRANGE_PRINCIPALS, min_size=1, unique=True)
)


@given(
    st.lists(st.one_of(LET_BE, STRANGE, MIXED), min_size=1, max_size=6), st.sampled_from(["2012-10-17", "2008-10-17"])
)
def test_what_lets_in_no_stranger_stays_as_it_was_and_no_stranger_is_left(parts: list[Any], version: str) -> None:
    statements = [allow({"AWS": [*part[0], *part[1]]}) if isinstance(part, tuple) else part for part in parts]
    kept = [
        allow({"AWS": part[0]}) if isinstance(part, tuple) else part
        for part in parts
        if isinstance(part, tuple) or not unknown_principals({"Statement": part}, KNOWN, HOME)
    ]
    before = {"account": HOME, "document": {"Version": version, "Id": "trust", "Statement": statements}}
    untouched, fix = copy.deepcopy(before), DistrustUnknownPrincipals()
    after = fix.safe(before, FixContext(KNOWN))
    assert before == untouched
    assert after == {"account": HOME, "document": {"Version": version, "Id": "trust", "Statement": kept or [NOBODY]}}
    assert not unknown_principals(after["document"], KNOWN, HOME)
    assert fix.safe(after, FixContext(KNOWN)) == after
