from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from tests.guardrails.iam.identities import attach_reading, remove
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event
from tests.support.world import TAGS, World

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "iam.identity_without_required_tags"
FILLED = dict.fromkeys(TAGS, "web team")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "sts:AssumeRole"}],
}


def made(kind: str, tags: dict[str, str], **more: Any) -> Callable[[World], Envelope]:
    def make(world: World) -> Envelope:
        name = {f"{kind}Name": "deploy"}
        asked = {**name, **more} | ({"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "Role" else {})
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        getattr(world.client("iam"), f"create_{kind.lower()}")(**asked, Tags=pairs)
        return cloudtrail_event("iam", f"Create{kind}", {f"{kind.lower()}Name": "deploy"})

    return make


def retagged(call: str, kind: str, **change: Any) -> Callable[[World], Envelope]:
    """It has all tags, and then somebody takes one away, or sets one."""

    def make(world: World) -> Envelope:
        made(kind, FILLED)(world)
        getattr(world.client("iam"), f"{call}_{kind.lower()}")(**{f"{kind}Name": "deploy"}, **change)
        return cloudtrail_event("iam", f"{call.title()}{kind}", {f"{kind.lower()}Name": "deploy"})

    return make


def whole(world: World) -> Any:
    iam = world.client("iam")
    return [
        [iam.list_role_tags(RoleName=role["RoleName"])["Tags"] for role in iam.list_roles()["Roles"]],
        [iam.list_user_tags(UserName=user["UserName"])["Tags"] for user in iam.list_users()["Users"]],
    ]


CASE = Case(
    unsafe=(
        made("Role", {}),
        made("User", {"owner": "web team", "team": "web"}),
        retagged("untag", "Role", TagKeys=["owner"]),
        retagged("tag", "User", Tags=[{"Key": "owner", "Value": ""}]),
    ),
    near_misses=(
        made("Role", FILLED),
        made("User", {**FILLED, "team": "web"}),
        made("Role", {}, Path="/aws-service-role/ecs.amazonaws.com/"),
        retagged("untag", "User", TagKeys=["team"]),
        retagged("tag", "Role", Tags=[{"Key": "team", "Value": ""}]),
    ),
    whole=whole,
    remove=remove,
    disturb=attach_reading,
)


def test_users_and_roles_are_asked_for_their_own_tags(world: World) -> None:
    world.settings = Settings(require=Require(required_tags={"AWS::IAM::Role": {"owner": None}}), grace={"*": 0})
    (role,) = world.deliver(made("Role", {})(world), ID)
    (user,) = world.deliver(made("User", {})(world), ID)
    assert (role.reason, user.status) == ("it lacks the tag owner", "compliant")
