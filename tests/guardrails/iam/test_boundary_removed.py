from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Baseline, Require
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.iam.identities import Bounded
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.boundary_removed"
EDGE = f"arn:aws:iam::{HOME}:policy/edge"
OTHER = f"arn:aws:iam::{HOME}:policy/other"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
BOUNDARIES = {"arn:aws:iam::*:role/aws*": EDGE, "arn:aws:iam::*:*/teams/*": "arn:aws:iam::*:policy/edge"}


def having(call: str, boundary: str | None, path: str = "/teams/web/", boundaries: Any = None) -> Any:
    """A user or role with this boundary, and the event of that call."""
    kind = "user" if "User" in call else "role"

    def made(world: World) -> Envelope:
        baseline = Baseline(require=Require(boundaries=BOUNDARIES if boundaries is None else boundaries))
        world.settings = settings_with(baseline, grace={"*": 0})
        iam, name = world.client("iam"), {f"{kind.title()}Name": "deploy"}
        more = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
        getattr(iam, f"create_{kind}")(**name, Path=path, **more)
        if boundary:
            getattr(iam, f"put_{kind}_permissions_boundary")(**name, PermissionsBoundary=boundary)
        return cloudtrail_event("iam", call, {f"{kind}Name": "deploy", "permissionsBoundary": boundary})

    return made


def described(world: World) -> list[Any]:
    iam = world.client("iam")
    users = [iam.get_user(UserName=each["UserName"])["User"] for each in iam.list_users()["Users"]]
    return users + [iam.get_role(RoleName=each["RoleName"])["Role"] for each in iam.list_roles()["Roles"]]


def boundary(world: World) -> str | None:
    (found,) = described(world)
    arn: str | None = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn


def to_it(world: World, verb: str, **asked: Any) -> None:
    (found,) = described(world)
    kind = "user" if "UserName" in found else "role"
    getattr(world.client("iam"), f"{verb}_{kind}")(**{f"{kind.title()}Name": "deploy"}, **asked)


CASE = Case(
    unsafe=(
        having("DeleteRolePermissionsBoundary", None),
        having("DeleteUserPermissionsBoundary", None),
        having("PutRolePermissionsBoundary", OTHER),
        having("PutUserPermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess"),
        having("CreateRole", None),
        having("CreateUser", None),
    ),
    near_misses=(
        having("PutRolePermissionsBoundary", EDGE),
        having("PutUserPermissionsBoundary", EDGE),
        having("DeleteRolePermissionsBoundary", None, path="/apps/"),
        having("DeleteUserPermissionsBoundary", None, boundaries={}),
        having("CreateRole", None, path="/aws-service-role/ecs.amazonaws.com/"),
    ),
    whole=described,
    remove=lambda world: to_it(world, "delete"),
    disturb=lambda world: to_it(world, "tag", Tags=[{"Key": "team", "Value": "web"}]),
)


def test_the_one_of_the_account_itself_is_put_on(world: World) -> None:
    world.deliver(having("DeleteUserPermissionsBoundary", None)(world), ID)
    assert boundary(world) == EDGE


def test_undo_puts_the_other_back(world: World) -> None:
    (outcome,) = world.deliver(having("PutRolePermissionsBoundary", OTHER)(world), ID)
    assert boundary(world) == EDGE
    assert world.application("fix", ID).engine.undo(outcome.record, "bob").status == Status.UNDONE
    assert boundary(world) == OTHER


def test_the_first_that_fits_counts(world: World) -> None:
    boundaries = {"arn:aws:iam::*:role/teams/web/*": OTHER, **BOUNDARIES}
    world.deliver(having("DeleteRolePermissionsBoundary", None, boundaries=boundaries)(world), ID)
    assert boundary(world) == OTHER


def test_the_reason_names_what_is_and_what_must_be(world: World) -> None:
    (outcome,) = world.deliver(having("PutRolePermissionsBoundary", OTHER)(world), ID, "alert")
    assert outcome.reason == f"has {OTHER} and must have {EDGE}"


@pytest.mark.parametrize("parameters", [None, {}, {"roleName": ["a", "b"]}, {"groupName": "builders"}])
def test_an_event_that_names_neither_user_nor_role_finds_nothing(parameters: Any) -> None:
    event = Event.parse(cloudtrail_event("iam", "DeleteRolePermissionsBoundary", parameters))
    assert not list(Bounded.in_event(event))
