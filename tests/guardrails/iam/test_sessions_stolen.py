from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.iam.revoke_sessions import POLICY, RevokeSessions, revoked
from chalicelib.resources.iam.sessions import Sessions
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, Envelope, native_event
from tests.support.world import KNOWN, World, settings_with

if TYPE_CHECKING:
    from datetime import datetime

ID = "iam.sessions_stolen"
FOUND, WRITTEN = "2026-11-23T10:00:00Z", "2026-11-23T10:00:02Z"
"""By the clocks of the event and of the world."""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
OWN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
WORDS = st.sampled_from(["Statement", "Effect", "Action", "Resource", "Condition", "DateLessThan"])
POLICIES = st.none() | st.recursive(
    st.text() | st.booleans() | st.none(), lambda inner: st.dictionaries(WORDS | st.text(), inner) | st.lists(inner)
)


def denied(before: Any, **statement: Any) -> dict[str, Any]:
    """As the IAM console writes it."""
    whole = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}
    condition = {"DateLessThan": {"aws:TokenIssueTime": before}}
    return {"Version": "2012-10-17", "Statement": [{**whole, "Condition": condition, **statement}]}


def finding(
    type: str = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", severity: float = 8, **who: Any
) -> Envelope:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    details = {
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "principalId": "AROAEXAMPLE:i-0123456789abcdef0",
        "userName": "deploy",
        "userType": "AssumedRole",
    }
    told = {
        "schemaVersion": "2.0",
        "accountId": HOME,
        "region": "eu-west-1",
        "id": "16afba5c5c43e07c9e3e5e2e544e95df",
        "type": type,
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": details | who},
        "service": {"serviceName": "guardduty", "archived": False, "count": 1},
        "severity": severity,
    }
    return native_event("guardduty", "GuardDuty Finding", told, region="eu-west-1")


def role(world: World, path: str = "/", former: Any = None) -> None:
    iam = world.client("iam")
    iam.create_role(RoleName="deploy", Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=json.dumps(OWN))
    if former:
        iam.put_role_policy(RoleName="deploy", PolicyName=POLICY, PolicyDocument=json.dumps(former))


def of_role(former: Any = None, path: str = "/", **found: Any) -> Any:
    """A finding about a role, which may have had sessions revoked before."""

    def made(world: World) -> Envelope:
        role(world, path, former)
        return finding(**found)

    return made


def of_user(key: str, former: Any = None) -> Any:
    def made(world: World) -> Envelope:
        iam = world.client("iam")
        iam.create_user(UserName="deploy")
        if former:
            iam.put_user_policy(UserName="deploy", PolicyName=POLICY, PolicyDocument=json.dumps(former))
        return finding("Impact:IAMUser/AnomalousBehavior", userType="IAMUser", accessKeyId=key)

    return made


def whole(world: World) -> Any:
    details = world.client("iam").get_account_authorization_details()
    return details["RoleDetailList"], details["UserDetailList"]


def kind(world: World) -> str:
    return "user" if world.client("iam").list_users()["Users"] else "role"


def remove(world: World) -> None:
    iam, what = world.client("iam"), kind(world)
    name = {f"{what.title()}Name": "deploy"}
    for policy in getattr(iam, f"list_{what}_policies")(**name)["PolicyNames"]:
        getattr(iam, f"delete_{what}_policy")(**name, PolicyName=policy)
    getattr(iam, f"delete_{what}")(**name)


def disturb(world: World) -> None:
    what, tags = kind(world), [{"Key": "team", "Value": "web"}]
    getattr(world.client("iam"), f"tag_{what}")(**{f"{what.title()}Name": "deploy"}, Tags=tags)


CASE = Case(
    unsafe=(
        of_role(),
        of_role(denied("2026-11-23T09:59:59Z")),
        of_role(OWN, userType="Role", type="CredentialAccess:IAMUser/AnomalousBehavior"),
        of_user("ASIAIOSFODNN7EXAMPLE"),
        of_user("ASIAIOSFODNN7EXAMPLE", denied("2025-11-23T09:59:59Z")),
    ),
    near_misses=(
        of_role(denied(FOUND)),
        of_role(denied("2026-11-23T10:00:01.000Z")),
        of_role(severity=6.9),
        of_role(userName="no name/", userType="AssumedRole"),
        of_role(userType="FederatedUser"),
        of_user("AKIAIOSFODNN7EXAMPLE"),
        of_user("ASIAIOSFODNN7EXAMPLE", denied(FOUND)),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_it_writes_what_the_console_would_and_leaves_the_other_policies(world: World) -> None:
    (outcome,) = world.deliver(of_role()(world), ID)
    iam = world.client("iam")
    assert iam.get_role_policy(RoleName="deploy", PolicyName=POLICY)["PolicyDocument"] == denied(WRITTEN)
    assert world.pauses == []
    assert iam.get_role_policy(RoleName="deploy", PolicyName="own")["PolicyDocument"] == OWN
    assert outcome.resource == f"arn:aws:iam::{HOME}:role/deploy"


def test_a_later_finding_revokes_the_sessions_begun_since(world: World) -> None:
    world.deliver(of_role()(world), ID)
    world.later(minutes=30)
    again = finding()
    again["id"], again["time"] = "33333333-0000-4000-8000-000000000001", "2026-11-23T10:30:00Z"
    (outcome,) = world.deliver(again, ID)
    assert outcome.status == Status.FIXED
    kept = world.client("iam").get_role_policy(RoleName="deploy", PolicyName=POLICY)["PolicyDocument"]
    assert kept == denied("2026-11-23T10:30:02Z")


def test_an_approval_three_hours_later_revokes_the_sessions_begun_until_then(world: World) -> None:
    (outcome,) = world.deliver(of_role(denied("2025-01-01T00:00:00Z"))(world), ID, "ask")
    world.later(hours=3)
    assert world.application("ask", ID).engine.approve(outcome.record, "carol").status == Status.FIXED
    iam = world.client("iam")
    assert iam.get_role_policy(RoleName="deploy", PolicyName=POLICY)["PolicyDocument"] == denied("2026-11-23T13:00:02Z")
    assert world.application("ask", ID).engine.undo(outcome.record, "carol").status == Status.UNDONE
    assert iam.get_role_policy(RoleName="deploy", PolicyName=POLICY)["PolicyDocument"] == denied("2025-01-01T00:00:00Z")


@pytest.mark.parametrize("path", ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_a_role_that_aws_keeps_is_reported_and_never_fixed(world: World, path: str) -> None:
    (outcome,) = world.deliver(of_role(path=path)(world), ID)
    assert outcome.status == Status.ALERTED
    assert world.client("iam").list_role_policies(RoleName="deploy")["PolicyNames"] == ["own"]


def test_snapbacks_own_roles_and_break_glass_are_told_and_never_fixed(world: World) -> None:
    world.settings = settings_with(KNOWN, never_touch=("arn:aws:iam::*:role/deploy",))
    (outcome,) = world.deliver(of_role()(world), ID)
    assert outcome.status == Status.ALERTED


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"Statement": []},
        {"Statement": [7]},
        denied("whenever"),
        denied([]),
        denied(FOUND, Effect="Allow"),
        denied(FOUND, Action="s3:*"),
        denied(FOUND, Resource="arn:aws:s3:::a"),
        denied(FOUND, Condition={"DateGreaterThan": {"aws:TokenIssueTime": FOUND}}),
        denied(FOUND, Condition={"DateLessThan": {"aws:CurrentTime": FOUND}}),
        denied(
            FOUND, Condition={"DateLessThan": {"aws:TokenIssueTime": FOUND}, "Bool": {"aws:SecureTransport": "true"}}
        ),
        denied("2026-11-23T11:00:00+02:00"),
    ],
)
def test_what_does_not_deny_all_those_sessions_does_not_count(document: Any) -> None:
    assert not revoked({"until": FOUND, "kept": False, "document": document})


@pytest.mark.parametrize(
    "document",
    [
        denied([FOUND, "2020-01-01T00:00:00Z"]),
        denied("2026-11-23T12:00:00+02:00"),
        denied(FOUND, Action="*", Resource="*"),
        {**denied(FOUND), "Statement": denied(FOUND)["Statement"][0]},
        {**OWN, "Statement": [*OWN["Statement"], *denied(FOUND)["Statement"]]},
        denied(FOUND, Condition={"datelessthanequals": {"AWS:tokenissuetime": FOUND}}),
        denied(FOUND, Condition={}),
    ],
)
def test_what_denies_them_in_other_words_counts(document: Any) -> None:
    assert revoked({"until": FOUND, "kept": False, "document": document})


@given(st.datetimes(), POLICIES)
def test_whatever_was_there_it_becomes_safe_and_stays_so(until: datetime, document: Any) -> None:
    state = {"until": f"{until.isoformat(timespec='seconds')}Z", "kept": False, "document": document}
    safe = RevokeSessions().safe(state, FixContext(KNOWN))
    assert revoked(safe)
    assert RevokeSessions().safe(safe, FixContext(KNOWN)) == safe


@pytest.mark.parametrize(
    "detail",
    [
        {"resource": None},
        {"resource": {"accessKeyDetails": ["deploy"]}},
        {"resource": {"accessKeyDetails": {"userType": "AssumedRole"}}},
        {"accountId": FRIEND},
    ],
)
def test_a_finding_that_names_no_role_of_this_account_finds_none(detail: Any) -> None:
    envelope = finding()
    envelope["detail"] |= detail
    assert not list(Sessions.in_event(Event.parse(envelope)))


def test_tags_are_the_roles(world: World) -> None:
    role(world)
    world.client("iam").tag_role(RoleName="deploy", Tags=[{"Key": "team", "Value": "web"}])
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    assert Sessions(f"role/deploy/{FOUND}", HOME, REGION).tags(reader) == {"team": "web"}
    assert not list(Sessions.all_in(reader))
