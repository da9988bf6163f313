"""A channel that fails for long: its fallback, the last resort, the queue."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.metrics import Metric
from chalicelib.notify.drain import again
from chalicelib.notify.outbox import deliver
from tests.notify.collector import TRANSIENT, Collector, Lambda, alerts, chain

if TYPE_CHECKING:
    import io

    import pytest

    from chalicelib.notify.message import Message
    from chalicelib.wiring import Application
    from tests.support.world import World


_NUMBERS = count()


def test_after_half_an_hour_the_fallback_is_told_then_the_last_resort_then_the_queue(
    app: Application, world: World
) -> None:
    ops, mail, topic = chain(app)
    for channel in (ops, mail, topic):
        channel.answers = [ChannelBusy(f"channel {channel.name} answered 503")] * 99
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(28, each=4)
    assert lambda_.held == ["message#ops#a#1"]
    lambda_.minutes(12, each=4)
    assert lambda_.held == ["message#mail#a#1"]
    lambda_.minutes(36, each=4)
    assert lambda_.held == ["message#alarm-topic#a#1"]
    assert lambda_.dead_letters == []
    lambda_.minutes(36, each=4)
    assert lambda_.held == []
    (dead_letter,) = lambda_.dead_letters
    assert (dead_letter["channel"], dead_letter["record"], dead_letter["step"]) == ("alarm-topic", "a", 1)
    assert dead_letter["error"] == "channel alarm-topic answered 503"
    lambda_.minutes(60, each=30)
    assert len(lambda_.dead_letters) == 1
    assert ops.received == mail.received == topic.received == []


def test_what_was_given_up_is_sent_to_the_channel_that_it_was_meant_for_once_it_is_named(
    app: Application, world: World
) -> None:
    ops, mail, topic = chain(app)
    for channel in (ops, mail, topic):
        channel.answers = [Undeliverable(f"channel {channel.name} answered 400")] * 2
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(3)
    assert len(lambda_.dead_letters) == 1
    for channel in (ops, mail, topic):
        channel.answers = []
    assert again(app, lambda_.dead_letters * 2) == {Metric.MESSAGES_HELD: 1}
    lambda_.minutes(1)
    assert (ops.received, mail.received, topic.received) == (["a-1"], [], [])
    assert again(app, lambda_.dead_letters) == {}, "it is sent by now"
    assert again(app, [{"channel": "ops", "record": "nothing", "step": 1}]) == {}


def test_a_fallback_that_was_told_already_is_not_told_twice(app: Application, world: World) -> None:
    ops, mail, topic = chain(app)
    app.settings = replace(app.settings, routes=())
    ops.answers = [Undeliverable("channel ops answered 400")]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(2)
    assert (ops.received, mail.received, topic.received) == ([], ["a-1"], [])
    assert lambda_.held == []


def test_fallbacks_in_a_circle_end_at_the_last_resort(app: Application, world: World) -> None:
    ops, mail, topic = chain(app)
    first, second = app.settings.channels
    app.settings = replace(app.settings, channels=(first, replace(second, fallback="ops")), routes=())
    ops.answers = [Undeliverable("channel ops answered 400")]
    mail.answers = [Undeliverable("channel mail answered 400")]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(2)
    assert (ops.received, mail.received, topic.received) == ([], [], ["a-1"])


def test_a_channel_that_has_failed_for_long_passes_new_messages_on_within_a_minute(
    app: Application, world: World
) -> None:
    ops, mail, _ = chain(app)
    ops.answers = [TRANSIENT[0]] * 99
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(40, each=4)
    assert mail.received == ["a-1"]
    lambda_.items = alerts("b")
    lambda_.once()
    lambda_.minutes(2)
    assert mail.received == ["a-1", "b-1"]
    ops.answers = []
    lambda_.items = alerts("c")
    lambda_.once()
    lambda_.minutes(12, each=4)
    lambda_.items = alerts("d")
    lambda_.once()
    lambda_.minutes(1)
    lambda_.items = alerts("e")
    lambda_.once()
    assert (mail.received[2:], ops.received) == (["c-1"], ["d-1", "e-1"]), "it has been asked again, and is up"


def test_one_message_that_a_channel_chokes_on_takes_no_other_elsewhere(app: Application, world: World) -> None:
    ops, mail, _ = chain(app)
    send = ops.send

    def choking(message: Message) -> None:
        if message.record == "a":
            ops.tries += 1
            raise ChannelBusy("channel ops answered 500")
        send(message)

    ops.send = choking  # type: ignore[method-assign]
    lambda_ = Lambda(app, world, alerts("a", "b", "c"))
    lambda_.once()
    lambda_.minutes(45, each=3)
    assert mail.received == ["a-1"]
    assert ops.received == ["b-1", "c-1"]


def test_a_channel_that_is_in_the_settings_no_more_passes_on_what_it_held(app: Application, world: World) -> None:
    ops, mail, topic = chain(app)
    ops.answers = [TRANSIENT[0]]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    app.settings, app.channels = replace(app.settings, channels=(), routes=()), [mail]
    lambda_.minutes(2)
    assert topic.received == ["a-1"]


def test_when_there_is_no_queue_a_message_stays_held(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [Undeliverable("channel ops answered 400")] * 3)]
    lambda_ = Lambda(app, world, alerts("a"))
    app.give_up = None
    lambda_.once()
    lambda_.minutes(2)
    assert lambda_.held == ["message#ops#a#1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1"]


def test_without_channels_the_alarm_topic_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = world.client("sns")
    monkeypatch.setenv("SNAPBACK_ALARM_TOPIC", sns.create_topic(Name="alarms")["TopicArn"])
    application = world.application(trouble="the settings can't be read")
    world.calls.clear()
    assert deliver(application, {"Records": alerts("a", "b")}, None) == {"batchItemFailures": []}
    once = ["UpdateItem", "UpdateItem", "Publish", "PutItem"]
    assert [call.operation for call in world.calls] == ["BatchGetItem", *once, *once]


def test_without_channels_and_topic_the_ledger_is_the_message(app: Application, world: World, log: io.StringIO) -> None:
    world.calls.clear()
    for _ in range(2):
        assert deliver(app, {"Records": alerts("a", "b")}, None) == {"batchItemFailures": []}
    assert world.calls == []
    assert log.getvalue().count("no channels in the settings") == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([None, *TRANSIENT, Undeliverable("channel x answered 400")]), max_size=12),
    st.lists(st.sampled_from([None, *TRANSIENT, RuntimeError("boom")]), max_size=12),
    st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=3),
)
def test_whatever_channels_answer_each_message_arrives_once_somewhere_or_is_in_the_queue(
    app: Application,
    world: World,
    ops_answers: list[Exception | None],
    mail_answers: list[Exception | None],
    batches: list[int],
) -> None:
    ops, mail, topic = chain(app)
    ops.answers, mail.answers, topic.answers = list(ops_answers), list(mail_answers), list(ops_answers)
    lambda_ = Lambda(app, world, [])
    world.later(days=1)
    names = []
    for number in batches:
        some = [f"record{next(_NUMBERS)}" for _ in range(number)]
        names += some
        lambda_.items = alerts(*some)
        assert lambda_.once() == []
        lambda_.items = alerts(*some)
        assert lambda_.once() == [], "Lambda delivers a batch again"
        lambda_.minutes(1)
    arrived: list[str] = []
    for _ in range(30):
        lambda_.minutes(10, each=10)
        dead_letters = (f"{each['record']}-{each['step']}" for each in lambda_.dead_letters)
        arrived = [*ops.received, *mail.received, *topic.received, *dead_letters]
        if len(arrived) >= len(names):
            break
    assert sorted(arrived) == sorted(f"{name}-1" for name in names)
