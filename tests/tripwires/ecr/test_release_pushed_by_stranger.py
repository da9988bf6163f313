from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.baseline import Release
from tests.guardrails.ecr.registry import NAME, put_image
from tests.support.events import HOME, STRANGER, Envelope, alice
from tests.support.world import KNOWN, World, baseline_of

ID = "ecr.release_pushed_by_stranger"
DIGEST = "sha256:" + "ab" * 32
CI = f"arn:aws:iam::{HOME}:role/ci-*"


def session(role: str, name: str, account: str = HOME) -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "accountId": account, "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer},
    }


def reported(world: World, envelope: Envelope, *pushers: str) -> list[tuple[str, str]]:
    release = Release(pushers=pushers)
    world.settings = replace(
        world.settings, **baseline_of(replace(KNOWN, require=replace(KNOWN.require, releases={"shop/*": release})))
    )
    return [(outcome.status, outcome.reason) for outcome in world.deliver(envelope, ID, "fix")]


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        (alice(), "alice"),
        (session("admin", "bob"), "admin/bob"),
        (session("ci-shop", "run", STRANGER), "ci-shop/run"),
        (session("snapback-GuardEcrRole", "x"), "snapback-GuardEcrRole/x"),
    ],
)
def test_a_push_by_somebody_else_is_reported(world: World, actor: Any, who: str) -> None:
    assert reported(world, put_image(DIGEST, actor=actor), CI) == [("alerted", f"{who} pushed v1 to {NAME}")]


def test_a_push_without_a_tag_is_reported_by_its_digest(world: World) -> None:
    envelope = put_image(DIGEST)
    envelope["detail"]["requestParameters"].pop("imageTag")
    assert reported(world, envelope, CI) == [("alerted", f"alice pushed {DIGEST} to {NAME}")]


@pytest.mark.parametrize(
    ("envelope", "pushers"),
    [
        (put_image(DIGEST, actor=session("ci-shop", "run-17")), (CI,)),
        (put_image(DIGEST, actor=session("ci-shop", "run-17")), (f"arn:aws:sts::{HOME}:assumed-role/ci-shop/*",)),
        (put_image(DIGEST), (f"arn:aws:iam::{HOME}:user/alice",)),
        (put_image(DIGEST, actor=session("snapback-fixer-ecr", "snapback-0123")), (CI,)),
        (put_image(DIGEST), ()),
        (put_image(DIGEST, name="sandbox/web"), (CI,)),
        (put_image(DIGEST, errorCode="AccessDenied"), (CI,)),
        (put_image(DIGEST, requestParameters=None), (CI,)),
        (put_image(DIGEST, requestParameters={"repositoryName": NAME, "registryId": STRANGER}), (CI,)),
    ],
)
def test_the_pipelines_and_others_are_not(world: World, envelope: Envelope, pushers: tuple[str, ...]) -> None:
    assert reported(world, envelope, *pushers) == []
