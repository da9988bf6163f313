from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Status
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, alice, cloudtrail_event, scheduled_event
from tests.support.moto_gaps import root_has_a_key

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.root_key_created"
ROOT = {"type": "Root", "principalId": HOME, "arn": f"arn:aws:iam::{HOME}:root", "accountId": HOME}


def created(**detail: Any) -> Envelope:
    answer = {"accessKey": {"accessKeyId": "AKIAEXAMPLEROOT00000", "status": "Active", "createDate": "Nov 23, 2026"}}
    return cloudtrail_event("iam", "CreateAccessKey", None, answer, **({"actor": ROOT} | detail))


def by_root(world: World) -> Envelope:
    root_has_a_key()
    return created()


def for_long(world: World) -> Envelope:
    root_has_a_key()
    return scheduled_event()


def deleted_since(world: World) -> Envelope:
    return created()


def for_a_user(world: World) -> Envelope:
    world.client("iam").create_user(UserName="alice")
    world.client("iam").create_access_key(UserName="alice")
    answer = {"accessKey": {"userName": "alice", "accessKeyId": "AKIAEXAMPLE000000000", "status": "Active"}}
    return cloudtrail_event("iam", "CreateAccessKey", {"userName": "alice"}, answer, actor=ROOT)


CASE = Case(
    unsafe=(by_root, for_long),
    near_misses=(deleted_since, for_a_user, lambda world: scheduled_event()),
    whole=lambda world: world.client("iam").get_account_summary()["SummaryMap"],
)


def test_it_is_reported_by_this_guardrail_alone_and_never_fixed(world: World) -> None:
    root_has_a_key()
    outcomes = world.application("fix").guard("iam", created())
    told = [outcome for outcome in outcomes if outcome.status != "compliant"]
    assert [(each.status, each.reason) for each in told if each.guardrail != "iam.access_key_created"] == [
        (Status.ALERTED, f"the root user of account {HOME} has an access key")
    ]
    assert "iam.access_key_created" not in {each.guardrail for each in told}


@pytest.mark.parametrize("detail", [{"actor": alice()}, {"userIdentity": None}, {"eventName": "ListAccessKeys"}])
def test_calls_of_others_are_not_looked_at(world: World, detail: dict[str, Any]) -> None:
    root_has_a_key()
    assert not world.deliver(created(**detail), ID)
