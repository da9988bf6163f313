from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.analysis.policy_document import statements
from chalicelib.analysis.policy_escalation import administering
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.errors import Drifted
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.iam.withdraw_admin_version import ALLOWS_NOTHING, WithdrawAdminVersion
from chalicelib.resources.iam.managed_policies import ManagedPolicy
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.moto_gaps import event_history
from tests.support.world import KNOWN, World, another_administrator

ID = "iam.policy_allows_everything"
ARN = f"arn:aws:iam::{HOME}:policy/team/work"
POLICY = ManagedPolicy("team/work", HOME, REGION)
READS = {"Sid": "Reads", "Effect": "Allow", "Action": ["s3:Get*"], "Resource": "*"}
LISTS = {"Sid": "Lists", "Effect": "Allow", "Action": ["s3:List*"], "Resource": "*"}
ALL = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}
IAM = {"Sid": "Iam", "Effect": "Allow", "Action": ["iam:*"], "Resource": "*"}
POWER = {"Sid": "Power", "Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}
PASSES = {"Sid": "Passes", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
ELSEWHERE = "arn:aws:iam::999999999999:role/*"
NO_IAM = {"Sid": "NoIam", "Effect": "Deny", "Action": ["iam:*"], "Resource": "*"}


def text(*listed: dict[str, Any]) -> str:
    """With the spaces of somebody who writes by hand."""
    return '{ "Version" : "2012-10-17",\n  "Statement":[ ' + " ,\n ".join(map(json.dumps, listed)) + "\n] }"


def versions(world: World, *documents: str) -> Envelope:
    """A policy with these versions, the last of which is the default."""
    another_administrator(world)
    iam = world.client("iam")
    first, *more = documents
    answer = iam.create_policy(PolicyName="work", Path="/team/", PolicyDocument=first)["Policy"]
    if not more:
        parameters = {"policyName": "work", "path": "/team/", "policyDocument": first}
        return cloudtrail_event("iam", "CreatePolicy", parameters, {"policy": {"arn": answer["Arn"]}})
    for document in more:
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=document, SetAsDefault=True)
    return cloudtrail_event(
        "iam", "CreatePolicyVersion", {"policyArn": ARN, "policyDocument": more[-1], "setAsDefault": True}
    )


def having(*documents: str) -> Any:
    return lambda world: versions(world, *documents)


def went_back(world: World) -> Envelope:
    """Somebody makes the first of three versions the default again."""
    versions(world, text(READS, ALL), text(READS), text(LISTS))
    world.client("iam").set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    return cloudtrail_event("iam", "SetDefaultPolicyVersion", {"policyArn": ARN, "versionId": "v1"})


def not_the_default(world: World) -> Envelope:
    versions(world, text(READS))
    world.client("iam").create_policy_version(PolicyArn=ARN, PolicyDocument=text(ALL), SetAsDefault=False)
    return cloudtrail_event("iam", "CreatePolicyVersion", {"policyArn": ARN, "policyDocument": text(ALL)})


def attach(world: World) -> None:
    world.client("iam").create_user(UserName="bob")
    world.client("iam").attach_user_policy(UserName="bob", PolicyArn=ARN)


def whole(world: World) -> Any:
    """A version that is made again has another id, and another date."""
    found = POLICY.versions(AwsSessions(HOME, KNOWN).reader(HOME, REGION))
    described = dict(world.client("iam").get_policy(PolicyArn=ARN)["Policy"])
    described.pop("UpdateDate")
    return described, sorted((version.text, version.default) for version in found)


def remove(world: World) -> None:
    iam = world.client("iam")
    for version in iam.list_policy_versions(PolicyArn=ARN)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=ARN, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=ARN)


def disturb(world: World) -> None:
    world.client("iam").tag_policy(PolicyArn=ARN, Tags=[{"Key": "team", "Value": "web"}])


FIVE = tuple(text(ALL | {"Sid": f"All{number}"}) for number in range(5))
CASE = Case(
    unsafe=(
        having(text(ALL)),
        having(text(READS, ALL)),
        having(text(READS), text(LISTS, IAM)),
        having(text(ALL), text(READS), text(READS, ALL)),
        having(text(POWER, PASSES)),
        having(text(IAM | {"Resource": f"arn:aws:iam::{HOME}:role/*"})),
        having(text(IAM | {"Resource": [ELSEWHERE, "arn:aws:iam::1234*:role/*"]})),
        having(text(IAM, NO_IAM | {"Resource": ELSEWHERE})),
        having(text(IAM | {"Resource": ELSEWHERE}), text(IAM)),
        went_back,
        having(*FIVE[:4], text(READS, ALL)),
        having(*FIVE),
        having(*[text(ALL)] * 5),
    ),
    near_misses=(
        having(text(IAM | {"Resource": ELSEWHERE})),
        having(text(IAM | {"Resource": "arn:aws:iam::99999999999?:role/*"})),
        having(text(READS)),
        having(text(ALL, NO_IAM)),
        having(text(POWER)),
        having(text(ALL), text(READS)),
        not_the_default,
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def now(world: World) -> tuple[str, list[str]]:
    """The default version's text, and the ids there are."""
    found = POLICY.versions(AwsSessions(HOME, KNOWN).reader(HOME, REGION))
    (default,) = (version.text for version in found if version.default)
    return default, [version.id for version in found]


def test_the_reason_names_the_statements(world: World) -> None:
    (outcome,) = world.deliver(having(text(READS, ALL, POWER, PASSES))(world), ID, "alert")
    assert outcome.reason == (
        "its default version v1 grants administrator rights: statement 2 allows * on *; statement 4 allows iam:PassRole + "
        "ec2:RunInstances (ec2-001) where everything outside IAM is allowed"
    )


def test_the_newest_harmless_version_is_the_default_again(world: World) -> None:
    world.deliver(having(text(READS), text(LISTS), text(ALL))(world), ID)
    assert now(world) == (text(LISTS), ["v1", "v2", "v3"])


def test_without_one_every_other_byte_stays(world: World) -> None:
    world.deliver(having(text(ALL), text(READS, ALL, LISTS))(world), ID)
    assert now(world) == (text(READS, LISTS), ["v1", "v2", "v3"])


COSTLY = {
    "Sid": "Costly",
    "Effect": "Deny",
    "Action": [f"iam:*?????????{each}x" for each in range(250)],
    "Resource": "*",
}
"""Takes longer to be weighed than a policy may."""


def test_a_policy_that_takes_too_long_is_not_judged_and_never_compliant(world: World) -> None:
    (outcome,) = world.deliver(having(text(ALL, COSTLY))(world), ID)
    assert (outcome.status, outcome.reason) == (
        Status.UNJUDGED,
        "its policies are too long or complex to judge; simplify them",
    )
    assert now(world) == (text(ALL, COSTLY), ["v1"])


def test_a_version_that_takes_too_long_is_none_to_go_back_to(world: World) -> None:
    world.deliver(having(text(ALL, COSTLY), text(READS, ALL))(world), ID)
    assert now(world) == (text(READS), ["v1", "v2", "v3"])


def test_of_five_versions_one_makes_room_and_comes_back(world: World) -> None:
    (outcome,) = world.deliver(having(*FIVE)(world), ID)
    default, ids = now(world)
    assert (default, len(ids), ids[-1]) == (ALLOWS_NOTHING, 5, "v6")
    assert administering(default) == {}
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    default, ids = now(world)
    assert (default, ids) == (FIVE[4], ["v2", "v3", "v4", "v5", "v7"])


def test_fixing_goes_on_where_it_broke_off(world: World) -> None:
    versions(world, *FIVE)
    fix, sessions = WithdrawAdminVersion(), AwsSessions(HOME, KNOWN)
    before = fix.read(POLICY, sessions.reader(HOME, REGION))
    with world.denied("CreatePolicyVersion"), pytest.raises(Exception, match="AccessDenied"):
        fix.write(POLICY, fix.safe(before, FixContext(KNOWN)), sessions.writer(HOME, REGION, "record", "iam"))
    left = fix.read(POLICY, sessions.reader(HOME, REGION))
    fix.write(POLICY, fix.safe(left, FixContext(KNOWN)), sessions.writer(HOME, REGION, "record", "iam"))
    assert now(world)[0] == ALLOWS_NOTHING
    sessions.reader(HOME, REGION)
    fix.write(POLICY, before, sessions.writer(HOME, REGION, "record", "iam"))
    assert fix.read(POLICY, sessions.reader(HOME, REGION)) == before


def test_a_version_that_came_since_stays(world: World) -> None:
    (outcome,) = world.deliver(having(text(ALL))(world), ID)
    world.client("iam").create_policy_version(PolicyArn=ARN, PolicyDocument=text(READS), SetAsDefault=False)
    application = world.application("fix", ID)
    with event_history(), pytest.raises(Drifted):
        application.engine.undo(outcome.record, "bob")
    fix, before = WithdrawAdminVersion(), world.record(outcome.record).before
    assert before
    fix.write(POLICY, before, application.sessions.writer(HOME, REGION, "record", "iam"))
    assert now(world) == (text(ALL), ["v1", "v3"])


def test_a_boundary_gives_nothing_to_anybody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto doesn't count boundaries.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
    """
    from moto.iam.models import ManagedPolicy as Model

    envelope = having(text(ALL))(world)
    monkeypatch.setattr(Model, "permissions_boundary_usage_count", 1, raising=False)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
    attach(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED


def test_the_last_administrators_policy_is_asked_for(world: World) -> None:
    envelope = having(text(ALL))(world)
    attach(world)
    world.client("iam").detach_user_policy(UserName="reserve", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"policyArn": None},
        {"policyArn": {"a": 1}},
        {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        {"policyArn": "arn:aws:iam::999988887777:policy/work"},
        {"policyArn": f"arn:aws:iam::{HOME}:policy/"},
        {"policyArn": f"arn:aws:iam::{HOME}:policy/a b"},
    ],
)
def test_an_event_that_names_no_policy_of_the_account_finds_nothing(parameters: Any) -> None:
    assert not list(ManagedPolicy.in_event(Event.parse(cloudtrail_event("iam", "CreatePolicyVersion", parameters))))


def test_the_sweep_meets_the_accounts_own_policies_with_tags(world: World) -> None:
    versions(world, text(READS))
    disturb(world)
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    assert [each.arn for each in ManagedPolicy.all_in(reader)] == [ARN]
    assert POLICY.tags(reader) == {"team": "web"}
    assert not list(ManagedPolicy.all_in(AwsSessions(HOME, KNOWN).reader(HOME, "eu-west-1")))


@settings(max_examples=20)
@given(
    st.lists(
        st.lists(
            st.sampled_from([READS, LISTS, ALL, IAM, POWER, PASSES, NO_IAM]), min_size=1, max_size=4, unique_by=str
        ),
        min_size=1,
        max_size=5,
    )
)
def test_nobody_is_administrator_after_it_and_everything_comes_back(made: list[list[dict[str, Any]]]) -> None:
    with mock_aws():
        import boto3

        world = World(boto3.Session(region_name=REGION))
        versions(world, *(text(*listed) for listed in made))
        fix, sessions = WithdrawAdminVersion(), AwsSessions(HOME, KNOWN)
        before, writer = fix.read(POLICY, sessions.reader(HOME, REGION)), sessions.writer(HOME, REGION, "record", "iam")
        after = fix.safe(before, FixContext(KNOWN))
        assert fix.safe(after, FixContext(KNOWN)) == after
        fix.write(POLICY, after, writer)
        assert fix.read(POLICY, sessions.reader(HOME, REGION)) == after
        assert administering(after["default"]) == {}
        assert statements(after["default"])
        fix.write(POLICY, before, writer)
        assert fix.read(POLICY, sessions.reader(HOME, REGION)) == before
