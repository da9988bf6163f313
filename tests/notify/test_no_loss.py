"""Each message arrives once or is in the queue, whatever the other side does: real servers, real channels, real items."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.core.errors import ChannelBusy
from chalicelib.core.settings import Route, SlackSettings
from chalicelib.core.types import Status
from chalicelib.notify.channels.slack import Slack
from chalicelib.notify.channels.webhook import Webhook
from chalicelib.notify.drain import drain
from chalicelib.notify.outbox import QUEUE_VARIABLE, deliver
from tests.notify.collector import Collector, item
from tests.notify.misbehaving import NO_ANSWER, NO_SERVER, STATUSES, TAKEN, closed_port, server
from tests.notify.tally import PROPERTY
from tests.notify.test_message import record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.notify.channels.base import Channel
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary
    from chalicelib.wiring import Application
    from tests.notify.misbehaving import Server
    from tests.support.world import World

FAULTS = (*STATUSES, *NO_ANSWER, *NO_SERVER, *TAKEN)
AT_ONCE = {"refused: 400", "moved: 302"}
"""What no patience helps against."""
HANGS = {"time-out", "taken, late"}
SHORT, LONG = 0.05, 60.0
IDS = [f"r{number}-1" for number in range(9)]
NOWHERE = "http://chat.example.invalid/hook"


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is unknown, and nobody is asked."""
    known = socket.getaddrinfo

    def answer(host: Any, *more: Any, **others: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.fixture
def ops() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def mail() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def siem() -> Iterator[Server]:
    with server() as one:
        yield one


class Hung:
    """A channel whose server hangs: it gives up only once the server has the request."""

    def __init__(self, real: Slack | Webhook, there: Server) -> None:
        self.name, self._real, self._there = real.name, real, there

    def send(self, message: Message) -> None:
        with self._giving_up():
            self._real.send(message)

    def sum_up(self, summary: Summary) -> None:
        with self._giving_up():
            self._real.sum_up(summary)

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except ChannelBusy:
            self._there.wait_until_hung()
            raise


def open_channel(kind: type[Slack | Webhook], name: str, there: Server) -> Channel:
    url = {"no connection": closed_port(), "no such name": NOWHERE}.get(there.fault, there.url)
    if there.fault in HANGS:
        return Hung(kind(name, url, timeout=SHORT), there)
    return kind(name, url, timeout=LONG)


def ids(there: Server) -> list[str]:
    """Of the messages that arrived; a summary holds many."""
    found: list[str] = []
    for body in there.took:
        if "version" in body:
            found += body["messages"] if "messages" in body else [body["id"]]
        else:
            found += [f"{record}-1" for record in re.findall(r"snapback show (r\d+)", json.dumps(body))]
    return found


class Account:
    """`ops` falls back to `mail`, then there is the last resort, then the queue; `siem` is a channel that is well."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.app: Application = world.application(
            channels=(
                SlackSettings(name="ops", url="ssm:/x", fallback="mail"),
                SlackSettings(name="mail", url="ssm:/x"),
            ),
            routes=(Route(channels=("ops", "siem")),),
        )
        self.sqs = world.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="failed")["QueueUrl"]
        monkeypatch.setenv(QUEUE_VARIABLE, self.queue)
        self.topic = Collector("alarm-topic")
        self.app.last_resort = self.topic

    def stream(self) -> None:
        """Two batches, of which the second one comes twice. Six are about one guardrail, which is a flood."""
        records = [
            record_of(Status.ALERTED, id=f"r{n}", guardrail="s3.one" if n < 6 else f"s3.no{n}") for n in range(9)
        ]
        items = [item(number, record) for number, record in enumerate(records, 1)]
        for batch in (items[:5], items[5:], items[5:]):
            self.app.metrics.clear_metrics()
            assert deliver(self.app, {"Records": batch}, None) == {"batchItemFailures": []}

    def minutes(self, *steps: int) -> None:
        for minutes in steps:
            self.world.later(minutes=minutes)
            self.app.metrics.clear_metrics()
            drain(self.app)

    def queued(self) -> list[str]:
        found = []
        while page := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            letters = [json.loads(message["Body"]) for message in page]
            found += [f"{letter['record']}-{letter['step']}" for letter in letters]
        return found


@pytest.fixture
def account(world: World, monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(world, monkeypatch)


@pytest.mark.parametrize(
    ("kind", "lasting"),  # Of Slack, what differs: the outbox is the same for all.
    [(Webhook, "2 minutes"), (Webhook, "ever"), (Webhook, "ever, all"), (Slack, "2 minutes")],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_message_arrives_once_or_is_in_the_queue(
    fault: str,
    kind: type[Slack | Webhook],
    lasting: str,
    account: Account,
    ops: Server,
    mail: Server,
    siem: Server,
    record_property: Callable[[str, object], None],
) -> None:
    ops.fault = fault
    mail.fault = fault if lasting == "ever, all" else ""
    account.topic.answers = [ChannelBusy("channel alarm-topic: Throttled")] * 999 if lasting == "ever, all" else []
    account.app.channels = [
        open_channel(kind, "ops", ops),
        open_channel(kind, "mail", mail),
        well := open_channel(Webhook, "siem", siem),
    ]
    account.stream()
    assert sorted(ids(siem)) == sorted(set(IDS) - {"r5-1"}), "others have theirs at once"
    if lasting == "2 minutes":
        account.minutes(1, 1)
        ops.fault = ""
        account.app.channels = [open_channel(kind, "ops", ops), open_channel(kind, "mail", mail), well]
    account.minutes(2, 8, 10, 10, 10, 10, 10, 10, *([10] * 8 if lasting == "ever, all" else []))
    assert sorted(ids(siem)) == IDS, "and once"

    arrived, elsewhere, queued = Counter(ids(ops)), Counter([*ids(mail), *account.topic.received]), account.queued()
    twice = sum(arrived.values()) - len(arrived)
    found = (len(IDS), len(arrived), twice, len(elsewhere), len(queued))
    record_property(PROPERTY, (fault, lasting, *found))
    if fault in TAKEN:
        found_ids = {*arrived, *elsewhere, *queued}
        assert found_ids == set(IDS), "those that came twice have the ids of those that came once"
        assert set(arrived) == set(IDS) if lasting == "2 minutes" else max(Counter(queued).values(), default=1) == 1
        return
    once = dict.fromkeys(IDS, 1)
    if lasting == "2 minutes" and fault not in AT_ONCE:
        assert (arrived, elsewhere, queued) == (once, {}, [])
    elif lasting == "2 minutes":  # What came after the fault is where it belongs.
        assert arrived | elsewhere == once
        assert not queued
    elif lasting == "ever":
        assert (arrived, elsewhere, queued) == ({}, once, [])
    else:
        assert (arrived, elsewhere, sorted(queued)) == ({}, {}, IDS)


class Crash(BaseException):
    """The process is no more."""


@dataclass
class Crashing:
    """DynamoDB, at whose call number `at` the process dies: it makes that call no more, and none in any `finally`."""

    at: int
    calls: int = 0
    dead: int = 0

    def watch(self, app: Application) -> None:
        alive = self.dead

        def count(**_: Any) -> None:
            self.calls += 1
            self.dead += self.calls == self.at
            if self.dead > alive:
                raise Crash

        app.dynamodb.meta.events.register("before-send.dynamodb", count)


def test_after_a_crash_at_any_call_nothing_is_lost_and_no_more_than_one_telling_comes_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between sending and marking lies one call; at all others, a crash does no harm at all."""
    records = [record_of(Status.ALERTED, id=f"c{n}") for n in range(3)]
    batches = [[item(n, record) for n, record in enumerate(records[:2], 1)], [item(3, records[2])]]
    twice = points = 0
    crashing = Crashing(0)
    Account(world, monkeypatch)

    def process(*channels: Collector) -> Application:
        app = Account(world, monkeypatch).app
        app.channels, app.settings = channels, replace(app.settings, routes=(Route(channels=("ops",)),))
        crashing.watch(app)
        return app

    while crashing.calls >= crashing.at:
        points = crashing.at
        crashing = Crashing(crashing.at + 1)
        world.client("dynamodb").update_table(TableName="snapback-ledger", DeletionProtectionEnabled=False)
        world.client("dynamodb").delete_table(TableName="snapback-ledger")
        world.later(days=1)
        ops, mail = Collector("ops", [None, ChannelBusy("channel ops answered 503")]), Collector("mail")
        app = process(ops, mail)
        for batch in (*batches, None, None):
            world.later(minutes=2)
            for _ in range(2):
                app.metrics.clear_metrics()
                try:
                    deliver(app, {"Records": batch}, None) if batch else drain(app)
                    break
                except Crash:  # Lambda delivers again, or the next minutes' drain comes.
                    world.later(minutes=2)
                    app = process(ops, mail)
        told = Counter(ops.received)
        assert set(told) == {f"c{n}-1" for n in range(3)}, crashing.at
        assert sum(told.values()) <= 4, crashing.at
        assert not mail.received
        twice += sum(told.values()) - 3
    assert points > 20
    assert twice == 3, "where it was sent and not marked"
