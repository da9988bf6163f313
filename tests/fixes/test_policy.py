"""A fix of a service that Snapback doesn't know yet: three methods, and records of before are as they ever were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.resource import Account
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ecr.close_repository_policy import CloseRepositoryPolicy
from chalicelib.fixes.policy import DropPrincipals
from chalicelib.fixes.s3.drop_public_statements import DropPublicStatements
from chalicelib.fixes.s3.drop_unknown_principals import DropUnknownPrincipals
from chalicelib.fixes.s3.refuse_plain_http import RefusePlainHttp
from chalicelib.resources.ecr.repositories import Repository
from chalicelib.resources.s3 import Bucket
from tests.support.events import FRIEND, HOME, REGION, STRANGER

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from tests.support.world import World

CONTEXT = FixContext(Baseline(allow=Allow(accounts=frozenset({FRIEND}))))
DELETED = "AROAEXAMPLEEXAMPLE123"


class CloseQueuePolicy(DropPrincipals[Account]):
    """Take unknown principals out of a queue's policy."""

    reads, writes = ("sqs:GetQueueAttributes",), ("sqs:SetQueueAttributes",)
    kept: str | None = None

    def get_policy(self, resource: Account, aws: Session) -> str | None:
        return self.kept

    def put_policy(self, resource: Account, text: str, aws: Session) -> None:
        self.kept = text

    def delete_policy(self, resource: Account, aws: Session) -> None:
        self.kept = None


def allows(*principals: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": [*principals]}, "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=3)


def service(name: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": name}, "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, None),
        (allows(FRIEND), allows(FRIEND)),
        (allows(STRANGER), None),
        (allows(FRIEND, STRANGER), allows(FRIEND)),
        (allows(FRIEND, DELETED), allows(FRIEND)),
        (allows(DELETED), None),
        (allows("*"), None),
        (service("s3.amazonaws.com"), service("s3.amazonaws.com")),
    ],
)
def test_an_edit_is_made_and_undone(before: str | None, after: str | None) -> None:
    aws: Any = None
    fix, where = CloseQueuePolicy(), Account(HOME, HOME, REGION)
    fix.kept = before
    state = fix.read(where, aws)
    safe = fix.safe(state, CONTEXT)
    fix.write(where, safe, aws)
    assert (fix.kept and json.loads(fix.kept)) == (after and json.loads(after))
    assert fix.read(where, aws) == safe == fix.safe(safe, CONTEXT)
    fix.write(where, state, aws)
    assert fix.read(where, aws) == state


@pytest.mark.parametrize(
    ("fix", "resource", "state"),
    [
        (DropPublicStatements(), Bucket("none", HOME, REGION), {"account": HOME, "bucket": "arn:aws:s3:::none"}),
        (DropUnknownPrincipals(), Bucket("none", HOME, REGION), {"account": HOME, "bucket": "arn:aws:s3:::none"}),
        (RefusePlainHttp(), Bucket("none", HOME, REGION), {"account": HOME, "bucket": "arn:aws:s3:::none"}),
        (CloseRepositoryPolicy(), Repository("none", HOME, REGION), {"account": HOME}),
    ],
)
def test_states_keep_the_shape_that_records_have(fix: Any, resource: Any, state: State, world: World) -> None:
    world.client("s3").create_bucket(Bucket="none")
    world.client("ecr").create_repository(repositoryName="none")
    assert fix.read(resource, world.application().sessions.reader(HOME, REGION)) == {**state, "policy": None}
