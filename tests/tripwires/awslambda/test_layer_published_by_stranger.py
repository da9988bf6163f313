from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World, baseline_of

ID = "awslambda.layer_published_by_stranger"
CI = f"arn:aws:iam::{HOME}:role/ci-*"
LAYER = f"arn:aws:lambda:{REGION}:{HOME}:layer:shop-common"


def publish(answer: Any = None, **detail: Any) -> Envelope:
    parameters = {"layerName": "shop-common", "content": {}}
    answer = answer or {"layerArn": LAYER, "layerVersionArn": f"{LAYER}:4"}
    return cloudtrail_event("lambda", "PublishLayerVersion20181031", parameters, answer, **detail)


def reported(world: World, envelope: Envelope, *deployers: str) -> list[tuple[str, str]]:
    world.settings = replace(
        world.settings, **baseline_of(replace(KNOWN, allow=replace(KNOWN.allow, deployers=deployers)))
    )
    return [(outcome.status, outcome.reason) for outcome in world.deliver(envelope, ID, "fix")]


def by_role(role: str) -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{HOME}:role/{role}", "accountId": HOME}
    arn = f"arn:aws:sts::{HOME}:assumed-role/{role}/run"
    return {"type": "AssumedRole", "arn": arn, "accountId": HOME, "sessionContext": {"sessionIssuer": issuer}}


def test_a_layer_by_somebody_else_is_reported(world: World) -> None:
    assert reported(world, publish(), CI) == [("alerted", f"alice published {LAYER}:4")]
    assert reported(world, publish({"layerArn": 7}), CI) == [("alerted", "alice published shop-common")]


@pytest.mark.parametrize(
    ("envelope", "deployers"),
    [
        (publish(actor=by_role("ci-shop")), (CI,)),
        (publish(), (CI, f"arn:aws:iam::{HOME}:user/alice")),
        (publish(), ()),
        (publish(errorCode="AccessDenied"), (CI,)),
    ],
)
def test_the_pipelines_and_what_failed_are_not(world: World, envelope: Envelope, deployers: tuple[str, ...]) -> None:
    assert reported(world, envelope, *deployers) == []
