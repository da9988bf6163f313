from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.errors import Unfinished
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.fixes.sso import revoke_assignment
from chalicelib.resources.sso import Assignment
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from tests.support.world import World

ID = "sso.administrator_assigned"
GROUP = "906714f0-f0a1-70a3-9f3d-0a1b2c3d4e5f"
OTHERS = "906714f0-f0a1-70a3-9f3d-ffffffffffff"
ADMIN = "AdministratorAccess"


def permission_set(world: World, *policies: str, inline: Any = None, customer: Any = None) -> dict[str, str]:
    """`customer` is what its customer managed policy `ops/work` allows, by account."""
    sso = world.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    made = sso.create_permission_set(Name="work", InstanceArn=instance)["PermissionSet"]["PermissionSetArn"]
    name = {"InstanceArn": instance, "PermissionSetArn": made}
    for policy in policies:
        sso.attach_managed_policy_to_permission_set(**name, ManagedPolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    if inline:
        sso.put_inline_policy_to_permission_set(**name, InlinePolicy=policy_of(inline))
    if customer is not None:
        reference = {"Name": "work", "Path": "/ops/"}
        sso.attach_customer_managed_policy_reference_to_permission_set(**name, CustomerManagedPolicyReference=reference)
        for account, does in customer.items():
            stands(account, does)
    return name


def policy_of(does: Any) -> str:
    """A policy that allows these actions, or that is this statement."""
    statement = does if isinstance(does, dict) else {"Effect": "Allow", "Action": does, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def stands(account: str, does: Any) -> None:
    from moto.iam.models import iam_backends

    iam_backends[account]["aws"].create_policy("", "/ops/", policy_of(does), "work", [])


def assigned(
    *policies: str,
    inline: Any = None,
    customer: Any = None,
    baseline: Baseline | None = None,
    kind: str = "GROUP",
    under_way: bool = False,
    account: str = FRIEND,
) -> Any:
    """The group, and others, are given a permission set in an account."""

    def made(world: World) -> Envelope:
        world.settings = settings_with(baseline or Baseline(), grace={"*": 0})
        name, sso = permission_set(world, *policies, inline=inline, customer=customer), world.client("sso-admin")
        target = {"TargetId": account, "TargetType": "AWS_ACCOUNT"}
        sso.create_account_assignment(**name, **target, PrincipalType=kind, PrincipalId=GROUP)
        sso.create_account_assignment(**name, **target, PrincipalType=kind, PrincipalId=OTHERS)
        if under_way:
            assignments()[0].under_way = True
        asked = {key[0].lower() + key[1:]: value for key, value in {**name, **target}.items()}
        asked |= {"principalType": kind, "principalId": GROUP}
        answer = {"accountAssignmentCreationStatus": {"status": "IN_PROGRESS", **asked}}
        return cloudtrail_event("sso", "CreateAccountAssignment", asked, answer)

    return made


def taken_away_since(world: World) -> Envelope:
    envelope: Envelope = assigned(ADMIN)(world)
    del assignments()[0]
    return envelope


def the_others_under_way(world: World) -> Envelope:
    envelope = taken_away_since(world)
    assignments()[0].under_way = True
    return envelope


def assignments() -> list[Any]:
    """In whatever order and however far AWS is with them."""
    from moto.ssoadmin.models import ssoadmin_backends

    found: list[Any] = ssoadmin_backends[HOME][REGION].account_assignments
    return found


def whole(world: World) -> Any:
    return sorted(
        (each.target_id, each.permission_set_arn, each.principal_type, each.principal_id) for each in assignments()
    )


def remove(world: World) -> None:
    sso = world.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    for arn in sso.list_permission_sets(InstanceArn=instance)["PermissionSets"]:
        sso.delete_permission_set(InstanceArn=instance, PermissionSetArn=arn)


def assign_somebody_else(world: World) -> None:
    other = assignments()[-1]
    name = {"InstanceArn": other.instance_arn, "PermissionSetArn": other.permission_set_arn}
    world.client("sso-admin").create_account_assignment(
        **name, TargetId=FRIEND, TargetType="AWS_ACCOUNT", PrincipalType="USER", PrincipalId=OTHERS
    )


CASE = Case(
    unsafe=(
        assigned(ADMIN),
        assigned("ReadOnlyAccess", "IAMFullAccess", kind="USER"),
        assigned(inline="*"),
        assigned("ReadOnlyAccess", inline=["s3:*", "iam:*"], baseline=Baseline(production=frozenset({FRIEND}))),
        assigned(ADMIN, under_way=True),
        assigned("ReadOnlyAccess", customer={FRIEND: "*", HOME: "s3:*"}),
        assigned("PowerUserAccess", customer={FRIEND: "iam:PassRole"}),
        assigned(customer={HOME: "iam:*"}, account=HOME),
    ),
    near_misses=(
        assigned("ReadOnlyAccess"),
        assigned("PowerUserAccess", inline="s3:*"),
        assigned(ADMIN, baseline=Baseline(production=frozenset({STRANGER}))),
        assigned(ADMIN, baseline=Baseline(allow=Allow(principals=(f"arn:aws:identitystore:::group/{GROUP}",)))),
        assigned("PowerUserAccess", customer={FRIEND: "s3:*", HOME: "*"}),
        assigned(ADMIN, customer={FRIEND: {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}),
        assigned("ReadOnlyAccess", customer={}),
        taken_away_since,
        the_others_under_way,
    ),
    whole=whole,
    remove=remove,
    disturb=assign_somebody_else,
)


def test_just_this_assignment_goes_and_comes_back(world: World) -> None:
    (outcome,) = world.deliver(assigned(ADMIN)(world), ID)
    assert outcome.status == Status.FIXED
    assert [each.principal_id for each in assignments()] == [OTHERS]
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert {each.principal_id for each in assignments()} == {GROUP, OTHERS}


def test_the_reason_says_who_where_and_why(world: World) -> None:
    (outcome,) = world.deliver(assigned(ADMIN, inline="*")(world), ID, "alert")
    assert outcome.reason == (
        f"group {GROUP} is administrator of account {FRIEND}: AdministratorAccess (allows * on *),"
        " its inline policy (allows * on *)"
    )


def test_the_reason_names_the_policy_of_the_account(world: World) -> None:
    (outcome,) = world.deliver(assigned(customer={FRIEND: "iam:*"})(world), ID, "alert")
    assert outcome.reason.endswith(f": work of account {FRIEND} (allows iam:* on *)")


def test_a_policy_that_cant_be_read_denies_nothing(world: World) -> None:
    """And where nothing else makes administrator, nobody says that the set is safe."""
    envelope = assigned(ADMIN, customer={FRIEND: {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}})(world)
    with world.denied("GetPolicy"):
        (outcome,) = world.deliver(envelope, ID, "alert")
    assert outcome.status == Status.ALERTED


def test_a_policy_that_cant_be_read_for_the_moment_is_read_again(world: World) -> None:
    """It may deny it all: nothing is fixed because AWS was busy."""
    envelope = assigned(ADMIN, customer={FRIEND: {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}})(world)
    with world.denied("GetPolicy", code="Throttling"), pytest.raises(Unfinished):
        world.deliver(envelope, ID)
    assert not world.records()


class Slow:
    """An Identity Center that takes its time, or fails."""

    def __init__(self, *statuses: dict[str, str]) -> None:
        self.statuses = list(statuses)

    def describe_account_assignment_deletion_status(self, **_: str) -> Any:
        return {"AccountAssignmentDeletionStatus": self.statuses.pop(0)}


ASSIGNMENT = Assignment(f"ssoins-1234567890abcdef/ps-1234567890abcdef/{FRIEND}/GROUP/{GROUP}", HOME, REGION)


def test_it_waits_while_it_is_in_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("chalicelib.fixes.sso.revoke_assignment.time.sleep", pauses.append)
    revoke_assignment._wait(Slow({"Status": "IN_PROGRESS"}, {"Status": "SUCCEEDED"}), "Deletion", ASSIGNMENT, "1")
    assert pauses == [0.5]
    revoke_assignment._wait(Slow(*[{"Status": "IN_PROGRESS"}] * 6), "Deletion", ASSIGNMENT, "1")
    assert sum(pauses) == 10.0


def test_a_failure_in_the_background_is_a_failure() -> None:
    failed = Slow({"Status": "FAILED", "FailureReason": "someone else is at it"})
    with pytest.raises(RuntimeError, match="someone else"):
        revoke_assignment._wait(failed, "Deletion", ASSIGNMENT, "1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"targetId": None},
        {"targetId": "workloads"},
        {"principalType": "ROLE"},
        {"principalId": "a/b"},
        {"permissionSetArn": "arn:aws:sso:::permissionSet/x"},
        {"permissionSetArn": None},
    ],
)
def test_an_event_that_names_no_assignment_finds_nothing(wrong: dict[str, Any]) -> None:
    asked = {"permissionSetArn": ASSIGNMENT.set.arn, "targetId": FRIEND, "principalType": "GROUP", "principalId": GROUP}
    right = Event.parse(cloudtrail_event("sso", "CreateAccountAssignment", asked))
    assert list(Assignment.in_event(right)) == [ASSIGNMENT]
    assert not list(Assignment.in_event(Event.parse(cloudtrail_event("sso", "CreateAccountAssignment", asked | wrong))))
    assert not list(Assignment.in_event(Event.parse(cloudtrail_event("sso", "CreateAccountAssignment", None))))


def test_the_sweep_meets_every_assignment(world: World) -> None:
    envelope = assigned(ADMIN)(world)
    name = envelope["detail"]["requestParameters"]
    reader = world.application().sessions.reader(HOME, REGION)
    found = list(Assignment.all_in(reader))
    target = name["targetId"]
    assert {each.id.partition(f"/{target}/")[2] for each in found} == {f"GROUP/{GROUP}", f"GROUP/{OTHERS}"}
    assert {each.set.arn for each in found} == {name["permissionSetArn"]}
