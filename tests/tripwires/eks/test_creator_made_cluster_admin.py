from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "eks.creator_made_cluster_admin"
ROLE = f"arn:aws:iam::{HOME}:role/ops/deploy"
SESSION = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/deploy/run",
    "accountId": HOME,
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": HOME}},
}
BOOTSTRAP = "bootstrapClusterCreatorAdminPermissions"


def made(access: Any = None, name: str = "CreateCluster", **detail: Any) -> Envelope:
    asked = {"name": "prod", **({"accessConfig": access} if access is not None else {})}
    return cloudtrail_event("eks", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "who"),
    [
        (made(), f"arn:aws:iam::{HOME}:user/alice"),
        (made({"authenticationMode": "API"}), f"arn:aws:iam::{HOME}:user/alice"),
        (made({"authenticationMode": "API", BOOTSTRAP: True}, actor=SESSION), ROLE),
        (made("strange"), f"arn:aws:iam::{HOME}:user/alice"),
    ],
)
def test_the_creator_is_reported(envelope: Envelope, who: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", f"{who} made cluster prod, and is its administrator")


@pytest.mark.parametrize(
    "envelope",
    [
        made({"authenticationMode": "API", BOOTSTRAP: False}),
        made(name="UpdateClusterConfig"),
        made(errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(ROLE,)))
    assert not world.deliver(made(actor=SESSION), ID)
