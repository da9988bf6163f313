"""Dead letters, as an operator has them: the queues of a stack, letters in the shapes that AWS writes, each command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from snapback import dlq
from tests.snapback.command import complaint, objects, run, unwrapped
from tests.snapback.dead_letters import EVENT, GUARD, Queues, batch, given_up, undeliverable
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("hasty")


class TestLetters:
    """In AWS's shapes, and in none."""

    def parsed(self, body: Any, attributes: Any = None) -> dlq.DeadLetter:
        text = body if isinstance(body, str) else json.dumps(body)
        message = {
            "MessageId": "id",
            "ReceiptHandle": "r",
            "Body": text,
            "Attributes": {"SentTimestamp": "1795514400000"},
        }
        return dlq.parse_dead_letter("https://queue", {**message, "MessageAttributes": attributes or {}})

    def test_what_a_function_gave_up(self) -> None:
        dead_letter = self.parsed(given_up())
        assert dead_letter.event == EVENT
        assert dead_letter.function_name == "snapback-GuardS3-1A2B3C4D5E6F"
        assert dead_letter.what == "PutBucketAcl by alice"
        assert dead_letter.error == "Unfinished: AccessDenied: not authorized"

    def test_what_waited_too_long_has_no_answer(self) -> None:
        body = given_up()
        del body["responsePayload"]
        body["requestContext"]["condition"] = "EventAgeExceeded"
        assert self.parsed(body).error == "EventAgeExceeded"
        assert self.parsed({"requestPayload": {}}).error == "failed without a reason"

    def test_what_eventbridge_could_not_deliver(self) -> None:
        dead_letter = self.parsed(EVENT, undeliverable())
        assert dead_letter.event == EVENT
        assert dead_letter.function == GUARD
        assert dead_letter.rule.endswith("rule/snapback-GuardS3GuardS3Event-1A2B3C")
        assert dead_letter.error == "NO_PERMISSIONS: no permission to invoke"
        assert self.parsed(EVENT).error == "EventBridge could not deliver it"

    def test_messages_that_no_channel_took(self) -> None:
        dead_letter = self.parsed(batch())
        assert dead_letter.what == "2 messages"
        assert dead_letter.error == "RecordAgeExceeded"
        assert dead_letter.event is None

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[" * 100_000,
            "null",
            "7",
            [],
            {},
            {"DDBStreamBatchInfo": None},
            {"requestPayload": None},
            {"detail": None},
            {"requestPayload": [], "requestContext": 1, "responsePayload": "oops"},
            {"DDBStreamBatchInfo": {}, "requestContext": []},
        ],
    )
    def test_any_other_body_is_a_letter_too(self, body: Any) -> None:
        dead_letter = self.parsed(body)
        assert dead_letter.what
        assert dead_letter.error
        assert json.dumps(dead_letter.to_json())


def test_records_never_says_that_nothing_was_found_while_there_is_a_dead_letter(queues: Queues, world: World) -> None:
    world.application()
    assert run("records").stdout == "No records: nothing unsafe was found.\n"
    queues.put(given_up())
    said = "No records, but 1 events failed: `snapback dlq list` shows which and why."
    assert unwrapped(run("records")).strip() == said


class TestList:
    def test_all_that_is_known_of_each_and_none_is_lost(self, queues: Queues) -> None:
        first = queues.put(given_up())
        second = queues.put(EVENT, attributes=undeliverable())
        third = queues.put(batch(), queues.messages)
        for _ in range(2):
            shown = unwrapped(run("dlq", "list"))
            for part in (first[:8], second[:8], third[:8], "PutBucketAcl by alice", "2 messages", "NO_PERMISSIONS"):
                assert part in shown
        assert (queues.left(), queues.left(queues.messages)) == (2, 1)

    def test_more_than_a_page(self, queues: Queues) -> None:
        ids = {queues.put(given_up()) for _ in range(25)}
        assert {each["id"] for each in objects(run("dlq", "list", "--json"))} == ids
        assert queues.left() == 25

    def test_one_that_sqs_hands_out_twice_is_one(self, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dlq, "HELD", 0)  # Each look finds all of it again.
        ids = {queues.put(given_up()) for _ in range(3)}
        assert {each["id"] for each in objects(run("dlq", "list", "--json"))} == ids

    def test_json_has_no_event(self, queues: Queues) -> None:
        queues.put(given_up())
        (one,) = objects(run("dlq", "list", "--json"))
        assert one["kind"] == "event"
        assert one["function"] == f"{GUARD}:$LATEST"
        assert "event" not in one

    def test_what_somebody_else_looks_at_is_counted(self, queues: Queues) -> None:
        queues.put(given_up())
        queues.sqs.receive_message(QueueUrl=queues.events)
        shown = run("dlq", "list").stdout
        assert shown == "No dead letters.\nAbout 1 more: somebody else is reading them now.\n"

    def test_one_queue_by_what_it_holds_or_by_url(self, queues: Queues) -> None:
        queues.put(given_up())
        assert run("dlq", "list", "--queue", "messages").stdout == "No dead letters.\n"
        assert "PutBucketAcl" in run("dlq", "list", "--queue", queues.events, "--stack", "none").stdout

    def test_the_environment_comes_before_the_stack(self, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
        queues.put(given_up())
        monkeypatch.setenv("SNAPBACK_DEAD_LETTERS", queues.messages)
        monkeypatch.setenv("SNAPBACK_FAILED_MESSAGES", queues.messages)
        assert run("dlq", "list", "--stack", "none").stdout == "No dead letters.\n"

    def test_hostile_text_has_no_teeth(self, queues: Queues) -> None:
        odd = cloudtrail_event("s3", "Put\x1b[31m\u202e", {})
        queues.put(given_up(odd, responsePayload={"errorMessage": "\x1b]0;x\x07 password=hunter2hunter2"}))
        shown = run("dlq", "list").stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "hunter2" not in shown


class TestShow:
    def test_the_event_and_why_it_failed_without_secrets(self, queues: Queues) -> None:
        event = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs", "password": "hunter2hunter2"})
        dead_letter = queues.put(given_up(event))
        shown = run("dlq", "show", dead_letter[:6]).stdout
        assert '"bucketName": "app-logs"' in shown
        assert "Unfinished: AccessDenied" in shown
        assert "hunter2" not in shown
        assert queues.left() == 1
        full = run("dlq", "show", dead_letter, "--full")
        assert "hunter2" in full.stdout
        assert "may contain secrets" in full.stderr

    def test_as_json(self, queues: Queues) -> None:
        dead_letter = queues.put(given_up())
        (one,) = objects(run("dlq", "show", dead_letter, "--json"))
        assert one["event"]["detail"]["eventName"] == "PutBucketAcl"
        (one,) = objects(run("dlq", "show", dead_letter, "--json", "--full"))
        assert one["event"] == EVENT

    def test_messages_and_what_is_no_letter(self, queues: Queues) -> None:
        shown = run("dlq", "show", queues.put(batch(), queues.messages)).stdout
        assert '"shardId"' in shown
        assert "hello" in run("dlq", "show", queues.put("hello")).stdout

    def test_an_id_that_fits_none_or_several(self, queues: Queues) -> None:
        for _ in range(17):  # Two of them begin alike.
            queues.put(given_up())
        assert "there is no dead letter 'zz'; `snapback dlq list` shows them" in complaint("dlq", "show", "zz")
        assert "there is no dead letter ''" in complaint("dlq", "show", "")
        first = [each["id"][0] for each in objects(run("dlq", "list", "--json"))]
        twice = max(first, key=first.count)
        assert f"dead letters begin with '{twice}'" in complaint("dlq", "show", twice)
        assert queues.left() == 17


class TestDrop:
    def test_after_the_words_are_typed(self, queues: Queues) -> None:
        from click.testing import CliRunner

        from snapback import cli

        queues.put(given_up())
        queues.put(given_up())
        for typed, code in (("yes\n", 2), ("drop 3\n", 2), ("", 2)):
            result = CliRunner().invoke(cli.main, ["dlq", "drop", "--all"], input=typed)
            assert result.exit_code == code
            assert queues.left() == 2
        result = CliRunner().invoke(cli.main, ["dlq", "drop", "--all"], input="drop 2\n")
        assert result.exit_code == 0
        assert "PutBucketAcl by alice" in result.stdout
        assert "Deleted 2." in result.stdout
        assert queues.left() == 0

    def test_one_without_asking(self, queues: Queues) -> None:
        dead_letter = queues.put(given_up())
        queues.put(given_up())
        assert run("dlq", "drop", dead_letter, dead_letter[:9], "--yes").stdout == "Deleted 1.\n"
        assert queues.left() == 1

    def test_none(self, queues: Queues) -> None:
        assert run("dlq", "drop", "--all").stdout == "Deleted 0.\n"


class TestTrouble:
    def test_no_stack_says_what_to_name(self, world: World) -> None:
        said = complaint("dlq", "list")
        assert said.startswith(
            "can't find the queue of events: no stack 'snapback' in us-east-1; pass --stack NAME or --queue URL"
        )
        assert "SNAPBACK_DEAD_LETTERS" in said

    def test_no_queue_is_one_line(self, queues: Queues) -> None:
        url = "https://sqs.us-east-1.amazonaws.com/123456789012/none"
        assert complaint("dlq", "list", "--queue", url) == f"{url}: no such queue"

    def test_an_odd_queue_is_one_line(self, world: World) -> None:
        assert "--queue jobs: must be events, messages, or a queue's URL" in complaint("dlq", "list", "--queue", "jobs")

    def test_denied_is_one_line(self, queues: Queues, world: World) -> None:
        with world.denied("ReceiveMessage"):
            assert complaint("dlq", "list").startswith("ReceiveMessage: AccessDenied")
        with world.denied("DescribeStacks"):
            assert complaint("dlq", "list").startswith("DescribeStacks: AccessDenied")

    def test_what_can_t_be_given_back_comes_back_by_itself(self, queues: Queues, world: World) -> None:
        queues.put(given_up())
        with world.denied("ChangeMessageVisibilityBatch"):
            assert "PutBucketAcl" in run("dlq", "list").stdout

    def test_a_queue_of_another_region_is_asked_there(self, world: World) -> None:
        queue = dlq.Queue("https://sqs.eu-west-1.amazonaws.com/123456789012/x")
        assert queue._client.meta.region_name == "eu-west-1"


def test_ages_are_short() -> None:
    from snapback.render import age

    passed = [
        timedelta(seconds=-1),
        timedelta(seconds=59),
        timedelta(minutes=61),
        timedelta(hours=25),
        timedelta(minutes=2),
    ]
    assert [age(each) for each in passed] == ["0s", "59s", "1h", "1d", "2m"]
    assert re.fullmatch(r"\d+d", age(datetime.now(UTC) - datetime(2020, 1, 1, tzinfo=UTC)))
