"""One guardrail on one bucket, its fix broken as a test asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import catalog
from chalicelib.core.event import Event
from chalicelib.core.rule import Guardrail
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME, Envelope

if TYPE_CHECKING:
    from chalicelib.core.outcome import Outcome
    from chalicelib.engine.engine import Engine
    from tests.support.world import World


def guardrail(**changed: Any) -> Guardrail[Any]:
    rule = catalog.rule(ID)
    assert isinstance(rule, Guardrail)
    return replace(rule, **changed)


def public(world: World) -> Envelope:
    return CASE.unsafe[0](world)


def deliver(world: World, envelope: Envelope, rule: Guardrail[Any] | None = None, **options: Any) -> Outcome:
    engine = engine_of(world, **options)
    (outcome,) = engine.handle(Event.parse(envelope), [rule or guardrail()])
    return outcome


def engine_of(world: World, **options: Any) -> Engine:
    return world.application(**options).engine


class Broken(CloseBucketAcl):
    """Close the bucket, or fail in the way that the test asks for."""

    def __init__(self, *errors: BaseException | None, effect: bool = False) -> None:
        self.errors, self.effect = list(errors), effect

    def write(self, resource: Any, state: Any, aws: Any) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is None or self.effect:
            super().write(resource, state, aws)
        if error is not None:
            raise error


class Idle(CloseBucketAcl):
    """Say nothing and do nothing, as a call that AWS accepts and forgets."""

    def write(self, resource: Any, state: Any, aws: Any) -> None:
        pass


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code}, said AWS"}}, "PutBucketAcl")


def again(envelope: Envelope, world: World, **passed: float) -> Envelope:
    """The same change made again, later."""
    world.later(**passed)
    envelope["detail"]["eventID"] = f"at-{world.clock}"
    envelope["detail"]["eventTime"] = world.clock.isoformat()
    return envelope


def public_event(user: str) -> Envelope:
    from tests.support.events import cloudtrail_event

    who = {"type": "IAMUser", "arn": f"arn:aws:iam::{HOME}:user/{user}", "accountId": HOME, "userName": user}
    return cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"}, actor=who)
