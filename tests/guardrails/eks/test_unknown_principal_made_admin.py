from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.fixes.eks.withdraw_cluster_admin import WithdrawClusterAdmin
from chalicelib.resources.eks import AccessEntry
from tests.guardrails.eks.clusters import cluster, in_moto, remove
from tests.support.cases import Case
from tests.support.events import HOME, REGION, STRANGER, Envelope, cloudtrail_event
from tests.support.world import World

ID = "eks.unknown_principal_made_admin"
ROLE = f"arn:aws:iam::{HOME}:role/ops/deploy"
ENTRY = AccessEntry(f"prod/{ROLE}", HOME, REGION)
POLICIES = "arn:aws:eks::aws:cluster-access-policy/"
EVERYWHERE = {"type": "cluster"}


def within(*namespaces: str) -> dict[str, Any]:
    return {"type": "namespace", "namespaces": [*namespaces]}


def granted(
    *policies: tuple[str, Any],
    principal: str = ROLE,
    baseline: Baseline | None = None,
    event: str = "AssociateAccessPolicy",
) -> Any:
    """With another administrator beside, so that nobody is the last one."""

    def made(world: World) -> Envelope:
        cluster(baseline=baseline)(world)
        allow(world, f"arn:aws:iam::{HOME}:role/reserve", ("AmazonEKSClusterAdminPolicy", EVERYWHERE))
        allow(world, principal, *policies)
        written = principal.replace(":", "%3A").replace("/", "%2F") if event == "AssociateAccessPolicy" else principal
        return cloudtrail_event("eks", event, {"name": "prod", "principalArn": written})

    return made


def allow(world: World, principal: str, *policies: tuple[str, Any]) -> None:
    eks = world.client("eks")
    eks.create_access_entry(clusterName="prod", principalArn=principal)
    for name, scope in policies:
        eks.associate_access_policy(
            clusterName="prod", principalArn=principal, policyArn=POLICIES + name, accessScope=scope
        )


def policies(world: World, principal: str = ROLE) -> dict[str, Any]:
    pages = world.client("eks").get_paginator("list_associated_access_policies")
    return {
        each["policyArn"].removeprefix(POLICIES): each["accessScope"]
        for page in pages.paginate(clusterName="prod", principalArn=principal)
        for each in page["associatedAccessPolicies"]
    }


def whole(world: World) -> Any:
    """Associated policies have no order in AWS."""
    world.client("eks").describe_cluster(name="prod")
    return {
        principal: (sorted(entry["policies"].items()), entry["groups"])
        for principal, entry in in_moto().snapback_entries.items()
    }


def disturb(world: World) -> None:
    """The same principal gets another policy."""
    principal = next(each for each in in_moto().snapback_entries if not each.endswith("reserve"))
    world.client("eks").associate_access_policy(
        clusterName="prod",
        principalArn=principal,
        policyArn=f"{POLICIES}AmazonEKSEditPolicy",
        accessScope=within("dev"),
    )


CASE = Case(
    unsafe=(
        granted(("AmazonEKSClusterAdminPolicy", EVERYWHERE)),
        granted(
            ("AmazonEKSViewPolicy", EVERYWHERE),
            ("AmazonEKSAdminPolicy", EVERYWHERE),
            principal=f"arn:aws:iam::{STRANGER}:user/mallory",
        ),
        granted(("AmazonEKSClusterAdminPolicy", within("dev", "kube-*")), event="CreateAccessEntry"),
    ),
    near_misses=(
        granted(("AmazonEKSViewPolicy", EVERYWHERE), ("AmazonEKSAdminPolicy", within("dev"))),
        granted(("AmazonEKSClusterAdminPolicy", within("kube-public")), event="CreateAccessEntry"),
        granted(event="CreateAccessEntry"),
        granted(
            ("AmazonEKSClusterAdminPolicy", EVERYWHERE),
            baseline=Baseline(allow=Allow(principals=(f"arn:aws:iam::{HOME}:role/ops/*",))),
        ),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_other_policies_stay_and_an_undo_gives_the_former_scope(world: World) -> None:
    make = granted(("AmazonEKSViewPolicy", EVERYWHERE), ("AmazonEKSAdminPolicy", within("kube-system", "dev")))
    (outcome,) = world.deliver(make(world), ID)
    assert outcome.reason == f"{ROLE} is administrator by AmazonEKSAdminPolicy"
    assert [*policies(world)] == ["AmazonEKSViewPolicy"]
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert policies(world)["AmazonEKSAdminPolicy"] == within("dev", "kube-system")


def test_the_last_administrator_is_asked_for(world: World) -> None:
    envelope = granted(("AmazonEKSClusterAdminPolicy", EVERYWHERE))(world)
    world.client("eks").delete_access_entry(clusterName="prod", principalArn=f"arn:aws:iam::{HOME}:role/reserve")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ASKING
    assert "the cluster's last administrator" in world.record(outcome.record).history[-1].note
    assert [*policies(world)] == ["AmazonEKSClusterAdminPolicy"]


def test_a_principal_that_is_never_touched_keeps_its_policies(world: World) -> None:
    envelope = granted(("AmazonEKSClusterAdminPolicy", EVERYWHERE))(world)
    application = world.application("fix", ID, never_touch=("arn:aws:iam::*:role/ops/*",))
    (outcome,) = (each for each in application.guard("eks", envelope) if each.guardrail == ID)
    assert outcome.status == Status.ALERTED
    assert [*policies(world)] == ["AmazonEKSClusterAdminPolicy"]


@given(
    st.dictionaries(
        st.sampled_from(["AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy"]),
        st.sampled_from([EVERYWHERE, within("kube-system"), within("dev"), within("*")]),
    ),
    st.dictionaries(
        st.sampled_from(["AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"]),
        st.sampled_from([EVERYWHERE, within("kube-system")]),
    ),
)
@settings(max_examples=20)
def test_whatever_is_there_a_write_leaves_just_the_admin_policies_of_the_state(before: Any, now: Any) -> None:
    import boto3
    from moto import mock_aws

    from chalicelib.aws.sessions import AwsSessions
    from snapback.memory_aws import gaps
    from tests.support.world import KNOWN

    with mock_aws(), gaps.closed():
        world, sessions, fix = (
            World(boto3.Session(region_name=REGION)),
            AwsSessions(HOME, KNOWN),
            WithdrawClusterAdmin(),
        )
        granted(*before.items())(world)
        state = fix.read(ENTRY, sessions.reader(HOME, REGION))
        world.client("eks").delete_access_entry(clusterName="prod", principalArn=ROLE)
        allow(world, ROLE, *now.items())
        others = {name for name in now if name not in ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")}
        sessions.reader(HOME, REGION)  # Else the hand would remember what the earlier one saw.
        fix.write(ENTRY, state, sessions.writer(HOME, REGION, "record", "eks"))
        assert fix.read(ENTRY, sessions.reader(HOME, REGION)) == state
        assert others <= policies(world).keys()


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        ROLE,
        {"name": "prod"},
        {"name": "prod", "principalArn": None},
        {"name": "prod", "principalArn": "*"},
        {"name": "prod", "principalArn": f"arn:aws:sts::{HOME}:assumed-role/a/b"},
        {"name": "a/b", "principalArn": ROLE},
    ],
)
def test_a_strange_event_names_no_entry(parameters: Any) -> None:
    assert not list(AccessEntry.in_event(Event.parse(cloudtrail_event("eks", "AssociateAccessPolicy", parameters))))


def test_all_entries_are_found_with_their_tags(world: World) -> None:
    granted()(world)
    reader = world.application().sessions.reader(HOME, REGION)
    found = list(AccessEntry.all_in(reader))
    assert ENTRY in found
    assert len(found) == 2
    assert ENTRY.arn == f"arn:aws:eks:{REGION}:{HOME}:access-entry/prod/role/{HOME}/deploy"
    assert ENTRY.tags(reader) == {}
