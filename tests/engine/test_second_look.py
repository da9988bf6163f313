"""What was safe, or not there, right after its change is looked at once more, and once only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from chalicelib import wiring
from chalicelib.core.errors import Unfinished
from chalicelib.core.event import Event
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.outcome import Outcome
from chalicelib.core.types import Status, Unrecorded
from chalicelib.engine import second_look
from chalicelib.engine.second_look import KEY, wanted
from tests.guardrails.ec2.test_instance_without_required_tags import CASE as TAGLESS
from tests.guardrails.ec2.test_instance_without_required_tags import ID as WITH_GRACE
from tests.guardrails.iam.test_role_trusts_unknown_account import CASE, ID
from tests.support.cases import GUARDRAILS
from tests.support.events import HOME, REGION
from tests.test_app import Context

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World


@pytest.fixture
def app(world: World) -> Application:
    application = world.application("fix", ID)
    application.look_again = queue(application).append
    return application


def queue(application: Application) -> list[Any]:
    found: list[Any] = vars(application).setdefault("second_looks", [])
    return found


def parsed(envelope: Any, **raw: Any) -> Event:
    return Event.parse(json.loads(json.dumps({**envelope, **raw}, default=str)))


def statuses(application: Application, event: Event) -> set[str]:
    rule = next(each for each in GUARDRAILS if each.id == ID)
    return {str(outcome.status) for outcome in application.engine.handle(event, [rule])}


def test_a_role_that_aws_does_not_show_yet_is_fixed_by_the_second_look(app: Application, world: World) -> None:
    event = parsed(CASE.unsafe[0](world))
    with world.denied("GetRole", code="NoSuchEntity"):
        assert statuses(app, event) == {"gone"}
    (again,) = queue(app)
    assert again == {**event.raw, KEY: [ID]}
    world.later(minutes=1)
    assert statuses(app, parsed(again)) == {"fixed"}
    (record,) = world.records()
    assert (record.event_id, record.actor) == (event.id, event.actor)


def test_what_is_safe_is_looked_at_once_more_and_not_again(app: Application, world: World) -> None:
    event = parsed(CASE.near_misses[0](world))
    assert statuses(app, event) == {"compliant"}
    (again,) = queue(app)
    assert statuses(app, parsed(again)) == {"compliant"}
    assert len(queue(app)) == 1


def test_what_is_unsafe_is_not_looked_at_again(app: Application, world: World) -> None:
    assert statuses(app, parsed(CASE.unsafe[0](world))) == {"fixed"}
    assert not queue(app)


def test_ten_seconds_after_its_change_a_read_is_believed(app: Application, world: World) -> None:
    event = parsed(CASE.near_misses[0](world))
    world.later(seconds=8)
    assert statuses(app, event) == {"compliant"}
    assert not queue(app)


def test_one_setting_turns_it_off(world: World) -> None:
    application = world.application("fix", ID, second_look=False)
    application.look_again = queue(application).append
    statuses(application, parsed(CASE.near_misses[0](world)))
    assert not queue(application)


def test_an_event_that_cannot_be_sent_again_is_delivered_again(app: Application, world: World) -> None:
    def full(_: Any) -> None:
        raise ConnectionError("no way to the queue")

    app.look_again = full
    with pytest.raises(Unfinished) as raised:
        statuses(app, parsed(CASE.near_misses[0](world)))
    assert [type(each) for each in raised.value.errors] == [ConnectionError]


@pytest.mark.parametrize(
    ("status", "guardrail", "comes"),
    [
        (Unrecorded.COMPLIANT, "iam.x", True),
        (Status.GONE, "ec2.x", True),
        (Unrecorded.COMPLIANT, "ecr.x", False),
        (Unrecorded.OFF, "iam.x", False),
        (Unrecorded.EXEMPT, "iam.x", False),
        (Status.FIXED, "iam.x", False),
        (Unrecorded.WAITING, "iam.x", False),
    ],
)
def test_only_what_may_be_stale_is_looked_at_again(status: str, guardrail: str, comes: bool, world: World) -> None:
    event = parsed(CASE.near_misses[0](world))
    outcomes = [Outcome(guardrail, "arn", status)] * 2
    assert wanted(event, outcomes, world.clock) == ([guardrail] if comes else [])


def test_every_such_service_has_guardrails_and_aws_page() -> None:
    assert EVENTUAL.keys() <= {rule.service for rule in GUARDRAILS}
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in EVENTUAL.values())


def test_the_queue_brings_events_ten_at_a_time_and_only_what_failed_comes_again(
    app: Application, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(wiring.SECOND_LOOKS_VARIABLE, f"https://sqs.{REGION}.amazonaws.com/{HOME}/second-looks")
    with world.denied("GetRole", code="NoSuchEntity"):
        statuses(app, parsed(CASE.unsafe[0](world)))
    (again,) = queue(app)
    odd = ("{", "[]", "{}", json.dumps({**again, KEY: []}), json.dumps({**again, KEY: 1}))
    from_queue = {"eventSourceARN": f"arn:aws:sqs:{REGION}:{HOME}:second-looks"}
    records = [{"messageId": str(n), "body": body, **from_queue} for n, body in enumerate((*odd, json.dumps(again)))]
    world.later(minutes=1)
    wiring.use(app)
    try:
        answer = wiring.sweep_worker({"Records": records}, Context())
    finally:
        wiring.forget(app)
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(n)} for n in range(len(odd))]}
    assert [record.status for record in world.records()] == [Status.FIXED]


@pytest.mark.parametrize("minutes", [10, 60])
def test_one_that_meets_a_grace_goes_back_into_its_queue_until_it_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """The worker has no scheduler, as deployed."""
    sent = Mock()
    monkeypatch.setenv(wiring.SECOND_LOOKS_VARIABLE, f"https://sqs.{REGION}.amazonaws.com/{HOME}/second-looks")
    envelope = {**parsed(TAGLESS.unsafe[0](world)).raw, KEY: [WITH_GRACE]}
    worker = world.application("alert", WITH_GRACE, grace={"*": minutes})
    del worker.later
    worker.sqs = sent
    world.later(minutes=1)
    delays = 0
    while True:
        found = {str(outcome.status) for outcome in worker.guard("ec2", envelope)}
        if found != {"waiting"}:
            break
        message = sent.send_message.call_args.kwargs
        assert 0 < message["DelaySeconds"] <= 900
        envelope = json.loads(message["MessageBody"])
        assert second_look.only(Event.parse(envelope)) == frozenset({WITH_GRACE})
        delays += message["DelaySeconds"]
        world.later(seconds=message["DelaySeconds"])
    assert found == {"alerted"}
    assert abs(delays - (minutes - 1) * 60) <= 2
    assert [record.guardrail for record in world.records()] == [WITH_GRACE]


def test_a_function_sends_to_its_queue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="second-looks")["QueueUrl"]
    monkeypatch.setenv(wiring.SECOND_LOOKS_VARIABLE, url)
    application = world.application("fix", ID)
    event = parsed(CASE.near_misses[0](world))
    statuses(application, event)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {**event.raw, KEY: [ID]}
    assert application.home == HOME
