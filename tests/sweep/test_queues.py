"""The sweep in AWS: the clock, two queues and two functions, on an in-memory AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog, wiring
from chalicelib.core.errors import OutOfTime, Unfinished
from chalicelib.core.metrics import Metric
from chalicelib.core.types import Status
from chalicelib.engine.evaluate import UNTOLD
from chalicelib.sweep import queues
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.support.events import HOME, REGION, STRANGER
from tests.test_app import Context

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

ACL = "s3.bucket_acl_made_public"


class Account:
    """Snapback's home with its queues; `sweep` goes on until they are empty, and answers the outcomes."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self._patch = monkeypatch
        self.given_up: list[tuple[str, Exception]] = []
        self.sent: list[Any] = []
        """Every message, in the order of its being handled."""
        self.metrics: dict[str, float] = {}
        sqs = world.client("sqs")
        self.queues = {
            name: sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in (queues.PLACES_VARIABLE, queues.RESOURCES_VARIABLE)
        }
        for name, url in self.queues.items():
            monkeypatch.setenv(name, url)
        self.application = self.container()

    def container(self, mode: str = "fix", guardrail: str = ACL, **settings: Any) -> Application:
        self.application = self.world.application(mode, guardrail, **settings)
        self._patch.setattr(wiring, "_APPLICATION", {HOME: self.application})
        metrics: Any = self.application.metrics
        self._patch.setattr(metrics, "add_metric", self._count)
        self._patch.setattr(metrics, "flush_metrics", lambda *_: None)
        return self.application

    def _count(self, name: str, unit: Any, value: float) -> None:
        self.metrics[name] = self.metrics.get(name, 0) + value

    def sweep(self, time: str = "2026-11-23T10:00:00Z") -> None:
        self.metrics.clear()
        wiring.sweep({"time": time}, Context())
        self.go_on()

    def go_on(self) -> None:
        sqs = self.world.client("sqs")
        functions: Any = dict(zip(self.queues.values(), (wiring.sweep, wiring.sweep_worker), strict=True))
        while found := [
            (url, message)
            for url in functions
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        ]:
            for url, message in found:
                self.sent.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                name = "sweep" if functions[url] is wiring.sweep else "sweep_worker"
                try:
                    with self.world.running(name):
                        functions[url]({"Records": [{"body": message["Body"]}]}, Context())
                except Exception as error:  # noqa: BLE001 - SQS would deliver it again
                    self.given_up.append((message["Body"], error))


@pytest.fixture
def account(world: World, monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(world, monkeypatch)


def buckets(world: World, *names: str, acl: str = "public-read") -> None:
    for name in names:
        world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
        world.client("s3").put_bucket_acl(Bucket=name, ACL=acl)


def test_what_no_event_told_of_is_found_and_fixed(account: Account) -> None:
    buckets(account.world, "app-one", "app-two")
    buckets(account.world, "app-three", acl="private")
    account.sweep()
    records = account.world.records()
    assert sorted((record.resource, str(record.status)) for record in records) == [
        ("app-one", "fixed"),
        ("app-two", "fixed"),
    ]
    assert {(record.found_by, record.event_id) for record in records} == {("sweep", "sweep-2026-11-23T10:00")}
    assert not account.given_up
    assert account.application.sessions.retries == "adaptive"


def test_the_first_sweep_is_the_measure_and_later_ones_count_what_events_missed(account: Account) -> None:
    buckets(account.world, "app-one")
    account.sweep()
    assert account.metrics[Metric.MISSED_BY_EVENTS] == 0
    buckets(account.world, "app-two")
    account.world.later(days=1)
    account.sweep("2026-11-24T10:00:00Z")
    assert account.metrics[Metric.MISSED_BY_EVENTS] == 1
    notes = {record.resource: record.history[0].note for record in account.world.records()}
    assert notes == {"app-one": "", "app-two": UNTOLD}


def test_what_time_alone_makes_unsafe_is_no_miss_of_events(account: Account) -> None:
    account.container("alert", "s3.bucket_versioning_suspended")
    for day in ("23", "24"):
        account.world.client("s3").create_bucket(Bucket=f"vault-{day}")
        account.sweep(f"2026-11-{day}T10:00:00Z")
        account.world.later(days=1)
    assert len(account.world.records()) == 2
    assert account.metrics[Metric.MISSED_BY_EVENTS] == 0


def test_a_message_that_comes_twice_changes_nothing(account: Account) -> None:
    buckets(account.world, "app-one")
    account.sweep()
    records, messages = account.world.records(), list(account.sent)
    for message in messages:
        function = wiring.sweep_worker if "ids" in message else wiring.sweep
        function({"Records": [{"body": json.dumps(message)}]}, Context())
    account.go_on()
    assert account.world.records() == records
    assert account.metrics[Metric.MISSED_BY_EVENTS] == 0


def test_a_large_kind_is_split_and_nothing_is_left_out(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    rule: Any = catalog.rule(ACL)
    monkeypatch.setattr(rule.resource, "batch_size", 3)
    names = [f"app-{number}" for number in range(8)]
    buckets(account.world, *names)
    account.sweep()
    assert [len(each["ids"]) for each in account.sent if "ids" in each] == [3, 3, 2]
    assert sorted(record.resource for record in account.world.records()) == names


def test_what_there_is_no_time_for_is_sent_again(account: Account) -> None:
    names = [f"app-{number}" for number in range(5)]
    buckets(account.world, *names, acl="private")
    wiring.sweep({"time": "2026-11-23T10:00:00Z"}, Context())
    left = iter([60.0, 60.0, 1.0, 1.0, 1.0, *[60.0] * 50])
    short: Any = type("Short", (Context,), {"get_remaining_time_in_millis": lambda _: next(left) * 1000})
    for name, function in zip(account.queues, (wiring.sweep, wiring.sweep_worker), strict=True):
        (message,) = account.world.client("sqs").receive_message(QueueUrl=account.queues[name])["Messages"]
        function({"Records": [{"body": message["Body"]}]}, short())
    account.go_on()
    assert [each["ids"] for each in account.sent] == [names[2:]]


def test_one_that_cannot_be_asked_about_does_not_hold_up_the_others(account: Account) -> None:
    from tests.support.moto_gaps import deny

    buckets(account.world, "app-one", "app-shut", "app-two")
    with deny("GetBucketAcl", code="InternalError", about="app-shut"):
        account.sweep()
    assert {record.resource for record in account.world.records()} == {"app-one", "app-two"}
    ((body, error),) = account.given_up
    assert json.loads(body)["ids"] == ["app-shut"]
    assert isinstance(error, Unfinished)


def test_a_place_that_cannot_be_listed_is_logged_and_counted_at_once(account: Account) -> None:
    from tests.support.moto_gaps import deny

    said: list[Any] = []
    account._patch.setattr(account.application.logger, "error", lambda text, extra: said.append((text, extra)))
    buckets(account.world, "app-one")
    with deny("ListBuckets", code="SlowDown"):
        account.sweep()
    ((body, error),) = account.given_up
    where = {"account": HOME, "region": REGION, "kind": "s3.Bucket"}
    assert json.loads(body).items() >= where.items()
    assert isinstance(error, Unfinished)
    assert str(error).startswith(f"s3.Bucket in {HOME}, {REGION} could not be listed: SlowDown")
    assert error.__suppress_context__, "a traceback in the log says less"
    ((text, extra),) = said
    assert text == "sweep: could not list"
    assert extra.items() >= where.items()
    assert extra["why"].startswith("SlowDown")
    assert account.metrics[Metric.PLACES_NOT_LISTED] == 1


def test_without_time_for_any_the_message_comes_again(account: Account) -> None:
    buckets(account.world, "app-one", acl="private")
    message = {
        "sweep": "x",
        "account": HOME,
        "region": REGION,
        "kind": "s3.Bucket",
        "expected_from_events": [],
        "ids": ["app-one"],
    }
    late: Any = type("Late", (Context,), {"get_remaining_time_in_millis": lambda _: 1000})
    with pytest.raises(OutOfTime, match=r"s3.Bucket in 123456789012"):
        wiring.sweep_worker({"Records": [{"body": json.dumps(message)}]}, late())


def test_what_a_pipeline_may_still_be_at_is_asked_again_after_its_grace(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.container("fix", "s3.bucket_allows_plain_http", grace={"*": 10})
    buckets(account.world, "app-one", acl="private")
    wiring.sweep({"time": "2026-11-23T10:00:00Z"}, Context())
    delayed: list[Any] = []
    monkeypatch.setattr(queues, "send", lambda client, queue, messages: delayed.extend(messages))
    (place,) = account.world.client("sqs").receive_message(QueueUrl=account.queues[queues.PLACES_VARIABLE])["Messages"]
    wiring.sweep({"Records": [{"body": place["Body"]}]}, Context())
    chunk = delayed.pop()[0]
    wiring.sweep_worker({"Records": [{"body": json.dumps(chunk)}]}, Context())
    ((again, delay),) = delayed
    assert (again["ids"], again["rules"], delay) == (["app-one"], ["s3.bucket_allows_plain_http"], 601)
    assert not account.world.records()
    account.world.later(minutes=11)
    wiring.sweep_worker({"Records": [{"body": json.dumps(again)}]}, Context())
    (record,) = account.world.records()
    assert record.status == Status.FIXED


def test_an_account_that_is_no_longer_looked_after_is_not_looked_at(account: Account) -> None:
    message = {
        "sweep": "x",
        "account": STRANGER,
        "region": REGION,
        "kind": "s3.Bucket",
        "expected_from_events": [],
        "ids": ["a-b"],
    }
    account.world.calls.clear()
    wiring.sweep_worker({"Records": [{"body": json.dumps(message)}]}, Context())
    wiring.sweep({"Records": [{"body": json.dumps(message)}]}, Context())
    assert not [call for call in account.world.calls if call.service != "sqs"]


def test_what_was_only_told_is_fixed_once_the_mode_says_so(account: Account) -> None:
    account.container("alert")
    buckets(account.world, "app-one")
    account.sweep()
    account.world.later(days=1)
    account.sweep("2026-11-24T10:00:00Z")
    account.container("fix")
    account.world.later(days=1)
    account.sweep("2026-11-25T10:00:00Z")
    assert sorted(str(record.status) for record in account.world.records()) == ["alerted", "fixed"]


def test_what_an_event_reported_before_is_not_counted_as_missed(account: Account) -> None:
    account.sweep()
    account.world.deliver(acl.canned("public-read")(account.world), acl.ID, "alert")
    account.world.later(days=1)
    account.sweep("2026-11-24T10:00:00Z")
    told, swept = sorted(account.world.records(), key=lambda record: record.found_by)
    assert (swept.status, swept.actor, swept.history[0].note) == (Status.FIXED, told.actor, "")
    assert account.metrics[Metric.MISSED_BY_EVENTS] == 0
