from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.fixes.ram.stop_sharing_with_unknown_principals import is_unknown
from chalicelib.resources.ram import ResourceShare
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ram.resource_shared_with_unknown_account"
SUBNET = f"arn:aws:ec2:{REGION}:{HOME}:subnet/subnet-0123456789abcdef0"
ORGANIZATION = "o-exampleorg"
ROLE = f"arn:aws:iam::{STRANGER}:role/partner"
SHARE = f"arn:aws:ram:{REGION}:{HOME}:resource-share/01234567-89ab-cdef-0123-456789abcdef"


def shared(*principals: str, associated: bool = False, baseline: Baseline | None = None) -> Any:
    """A share of a subnet, made with these principals or given them later."""

    def made(world: World) -> Envelope:
        if baseline:
            world.settings = settings_with(baseline)
        ram = world.client("ram")
        first = [] if associated else list(principals)
        share = ram.create_resource_share(name="net", resourceArns=[SUBNET], principals=first)["resourceShare"]
        arn = share["resourceShareArn"]
        if associated:
            ram.associate_resource_share(resourceShareArn=arn, principals=list(principals))
            asked = {"resourceShareArn": arn, "principals": list(principals)}
            return cloudtrail_event("ram", "AssociateResourceShare", asked, {"resourceShareAssociations": []})
        asked = {"name": "net", "allowExternalPrincipals": True, "principals": list(principals)}
        return cloudtrail_event("ram", "CreateResourceShare", asked, {"resourceShare": {"resourceShareArn": arn}})

    return made


def promoted(principal: str) -> Any:
    """A share that a resource's policy made comes under RAM: https://docs.aws.amazon.com/ram/latest/userguide/working-with-sharing-promote.html."""

    def made(world: World) -> Envelope:
        arn = shared(principal)(world)["detail"]["responseElements"]["resourceShare"]["resourceShareArn"]
        return cloudtrail_event("ram", "PromoteResourceShareCreatedFromPolicy", {"resourceShareArn": arn})

    return made


def in_the_organization(world: World) -> Envelope:
    organizations = world.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    account = organizations.create_account(Email="web@example.com", AccountName="web")["CreateAccountStatus"][
        "AccountId"
    ]
    whole = organizations.describe_organization()["Organization"]["Arn"]
    envelope: Envelope = shared(account, whole)(world)
    return envelope


def taken_out_since(world: World) -> Envelope:
    envelope: Envelope = shared(STRANGER)(world)
    arn = envelope["detail"]["responseElements"]["resourceShare"]["resourceShareArn"]
    world.client("ram").disassociate_resource_share(resourceShareArn=arn, principals=[STRANGER])
    return envelope


def whole(world: World) -> Any:
    ram, found = world.client("ram"), []
    for share in ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]:
        if share["status"] != "DELETED":
            for kind in ("PRINCIPAL", "RESOURCE"):
                answer = ram.get_resource_share_associations(
                    associationType=kind, resourceShareArns=[share["resourceShareArn"]]
                )
                found.append(sorted(each["associatedEntity"] for each in answer["resourceShareAssociations"]))
    return found


def remove(world: World) -> None:
    ram = world.client("ram")
    for share in ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]:
        ram.delete_resource_share(resourceShareArn=share["resourceShareArn"])


def share_with_a_service(world: World) -> None:
    (share,) = world.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"]
    world.client("ram").associate_resource_share(
        resourceShareArn=share["resourceShareArn"], principals=["pca.amazonaws.com"]
    )


CASE = Case(
    unsafe=(
        shared(STRANGER),
        promoted(STRANGER),
        shared(STRANGER, FRIEND, associated=True),
        shared(FRIEND, ROLE, f"arn:aws:iam::{STRANGER}:root"),
        shared(FRIEND, baseline=Baseline()),
    ),
    near_misses=(
        promoted(FRIEND),
        shared(),
        shared(FRIEND, f"arn:aws:iam::{FRIEND}:role/ci"),
        shared(HOME, "pca.amazonaws.com"),
        shared(ROLE, associated=True, baseline=Baseline(allow=Allow(principals=(ROLE,)))),
        shared(STRANGER, baseline=Baseline(allow=Allow(principals=(f"arn:aws:iam::{STRANGER}:root",)))),
        in_the_organization,
        taken_out_since,
    ),
    whole=whole,
    remove=remove,
    disturb=share_with_a_service,
)


def test_just_the_strangers_go_and_come_back(world: World) -> None:
    (outcome,) = world.deliver(shared(STRANGER, FRIEND, ROLE)(world), ID)
    assert outcome.status == Status.FIXED
    assert whole(world) == [[FRIEND], [SUBNET]]
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world) == [sorted([STRANGER, FRIEND, ROLE]), [SUBNET]]


@pytest.mark.parametrize(
    ("principal", "is_one"),
    [
        (STRANGER, True),
        (HOME, False),
        (FRIEND, False),
        (f"arn:aws:organizations::{STRANGER}:organization/{ORGANIZATION}", False),
        (f"arn:aws:organizations::{STRANGER}:ou/{ORGANIZATION}/ou-ab12-12345678", False),
        (f"arn:aws:organizations::{STRANGER}:organization/o-strangers99", True),
        (f"arn:aws:organizations::{FRIEND}:ou/o-strangers99/ou-ab12-12345678", True),
        (ROLE, True),
        (f"arn:aws:iam::{FRIEND}:user/ci", False),
        (f"arn:aws:iam::{STRANGER}:role/known", False),
        ("pca.amazonaws.com", False),
    ],
)
def test_who_is_a_stranger(principal: str, is_one: bool) -> None:
    baseline = Baseline(
        allow=Allow(
            accounts=frozenset({FRIEND}),
            organizations=frozenset({ORGANIZATION}),
            principals=(f"arn:aws:iam::{STRANGER}:role/known",),
        )
    )
    assert is_unknown(principal, baseline, HOME) is is_one


@given(st.sets(st.sampled_from([STRANGER, FRIEND, HOME, ROLE, f"arn:aws:iam::{FRIEND}:role/ci"])), st.booleans())
def test_what_is_left_over_is_known(principals: set[str], also_role: bool) -> None:
    baseline = Baseline(allow=Allow(accounts=frozenset({FRIEND}), principals=(ROLE,) if also_role else ()))
    left = {each for each in principals if not is_unknown(each, baseline, HOME)}
    assert left == principals - {STRANGER} - (set() if also_role else {ROLE})


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (None, None),
        ({"resourceShareArn": 1}, None),
        ({"name": "net"}, {"resourceShare": {"resourceShareArn": "net"}}),
        ({"resourceShareArn": SHARE.replace(HOME, STRANGER)}, None),
        ({"resourceShareArn": SHARE + "/x"}, None),
    ],
)
def test_an_event_that_names_no_share_of_ours_finds_nothing(parameters: Any, answer: Any) -> None:
    event = Event.parse(cloudtrail_event("ram", "AssociateResourceShare", parameters, answer))
    assert not list(ResourceShare.in_event(event))


def test_the_sweep_meets_shares_that_are_there(world: World) -> None:
    envelope = shared(FRIEND)(world)
    reader = world.application().sessions.reader(HOME, REGION)
    (found,) = ResourceShare.all_in(reader)
    assert found.arn == envelope["detail"]["responseElements"]["resourceShare"]["resourceShareArn"]
    assert found.tags(reader) == {}
    remove(world)
    assert not list(ResourceShare.all_in(world.application().sessions.reader(HOME, REGION)))
