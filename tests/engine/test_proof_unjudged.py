"""What was fixed is fixed, also where something beside it can't be judged; what the judged part finds unsafe is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.errors import CannotJudge, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from chalicelib.notify.message import message_of
from tests.engine.bucket import Broken, Idle, engine_of, guardrail, public, refused
from tests.guardrails.ec2.test_security_group_opened_to_internet import from_a_list, group_id, permission

if TYPE_CHECKING:
    from chalicelib.core.outcome import Outcome
    from chalicelib.core.record import Record
    from tests.support.world import World

SAID = "as far as Snapback can check: one of its grants can't be read"


def evaluate(resource: Any, aws: Any) -> str | None:
    """The bucket's guardrail, beside a grant that nobody can read."""
    if found := guardrail().evaluate(resource, aws):
        return found
    raise CannotJudge("one of its grants can't be read")


def handled(world: World, fix: Any) -> Outcome:
    rule = guardrail(fix=fix, evaluate=evaluate)
    (outcome,) = engine_of(world).handle(Event.parse(public(world)), [rule])
    return outcome


def one(world: World) -> Record:
    (record,) = world.records()
    return record


def test_rdp_is_closed_beside_a_prefix_list_that_cannot_be_read(world: World) -> None:
    envelope = from_a_list("198.51.100.0/24")(world)
    world.client("ec2").authorize_security_group_ingress(
        GroupId=group_id(world), IpPermissions=[permission("0.0.0.0/0", first=3389, last=3389)]
    )
    with world.denied("GetManagedPrefixListEntries", code="UnauthorizedOperation"):
        outcome, *_ = world.deliver(envelope, "ec2.security_group_opened_to_internet")
    record = world.record(outcome.record)
    assert record.status is Status.FIXED
    note = record.history[-1].note
    assert note.startswith("as far as Snapback can check: it allows prefix lists that Snapback can't read: pl-")
    assert f"verified safe ({note})" in message_of(record).did


def test_what_the_write_said_is_told_too(world: World) -> None:
    assert handled(world, Broken(refused("InternalError"), effect=True)).status == Status.FIXED
    assert one(world).history[-1].note.startswith("safe despite an error: InternalError: ")
    assert one(world).history[-1].note.endswith(SAID)


def test_what_is_still_unsafe_is_never_called_fixed(world: World) -> None:
    assert handled(world, Idle()).status != Status.FIXED
    assert one(world).status is not Status.FIXED


def test_what_the_fix_finds_still_unsafe_is_never_called_fixed(world: World) -> None:
    class Lasting(CloseBucketAcl):
        def still_unsafe(self, *_: Any) -> str | None:
            return "whoever came in is in still"

    assert handled(world, Lasting()).status == Status.STILL_UNSAFE
    assert one(world).history[-1].note == "whoever came in is in still"


def test_another_state_than_was_written_is_not_called_fixed(world: World) -> None:
    class Aside(CloseBucketAcl):
        def write(self, resource: Any, state: Any, aws: Any) -> None:
            aws.client("s3").put_bucket_acl(Bucket=resource.id, ACL="log-delivery-write")

    with pytest.raises(Unfinished, match="one of its grants can't be read"):
        handled(world, Aside())
    assert one(world).status is Status.FIXING


def test_what_a_dead_function_fixed_is_found_so(world: World) -> None:
    class Killed(BaseException):
        pass

    rule = guardrail(fix=Broken(Killed(), effect=True), evaluate=evaluate)
    with pytest.raises(Killed):
        engine_of(world).handle(Event.parse(public(world)), [rule])
    assert one(world).status is Status.FIXING
    world.later(minutes=5)
    engine = engine_of(world)
    object.__setattr__(engine.recover.__self__._context, "rule", lambda _: rule)  # type: ignore[attr-defined]
    record = engine.recover(one(world))
    assert (record.status, record.history[-1].note) == (Status.FIXED, f"already safe when Snapback resumed; {SAID}")
