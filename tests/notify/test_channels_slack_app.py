from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities import parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.types import ESCALATED, REMINDED, Status
from chalicelib.notify.channels.posts import LEASE, DynamoPosts, Remembered
from chalicelib.notify.channels.slack_app import SlackApp
from chalicelib.notify.message import message_of
from chalicelib.notify.summary import summary_of
from tests.notify.fake_slack import HERE, TOKEN, Slack, slack
from tests.notify.test_message import NOW, message, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.notify.message import Message
    from tests.support.world import World

TABLE = "snapback-ledger"
ALERTED = message(Status.ALERTED)
ASKING = message(Status.ASKING)
FIXED = message(Status.ASKING, Status.FIXING, Status.FIXED, by="bob")
UNDONE = message(Status.ASKING, Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE, by="bob")


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]


@pytest.fixture
def there() -> Iterator[Slack]:
    with slack() as one:
        yield one


def app(there: Slack, posts: Any = None, token: str = TOKEN, **more: Any) -> SlackApp:
    return SlackApp("ops", token, HERE, posts or Remembered(), api=there.api, timeout=60, **more)


@pytest.fixture
def posts(world: World) -> DynamoPosts:
    world.application()
    return DynamoPosts(world.client("dynamodb"), TABLE, lambda: world.clock)


def word_of(text: str) -> str:
    """What a notification says that became of the record."""
    return text.rpartition(" · ")[2]


def noted(what: str) -> Message:
    return message_of(record_of(Status.ASKING).noted(NOW + timedelta(hours=4), "snapback", "4 hours", what))


def buttons(root: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (row,) = (block for block in root["blocks"] if block["type"] == "actions")
    return {each["action_id"]: each for each in row["elements"]}


def test_one_message_moves_on_with_its_record_and_each_step_is_in_its_thread(there: Slack, posts: DynamoPosts) -> None:
    channel = app(there, posts)
    headlines = []
    for step in (ASKING, FIXED, UNDONE):
        channel.send(step)
        headlines.append(there.roots[0]["text"])
    assert [word_of(each) for each in headlines] == ["approval needed", "fixed", "undone"]
    assert len(there.roots) == 1
    assert [each["text"] for each in there.replies] == headlines
    assert {each["thread_ts"] for each in there.replies} == {next(iter(there.messages))}
    assert [method for method, _ in there.calls] == ["chat.postMessage"] * 2 + ["chat.update", "chat.postMessage"] * 2


def test_the_details_are_in_the_thread(there: Slack) -> None:
    app(there).send(FIXED)
    (reply,) = there.replies
    assert '- \\"READ to AllUsers\\"' in json.dumps(reply)
    assert "`snapback undo 0123456789abcdef`" in json.dumps(reply)
    assert "READ to AllUsers\\" not in json.dumps(there.roots)


@pytest.mark.parametrize(
    ("step", "offered"),
    [
        (ALERTED, ["fix", "exempt", "details"]),
        (ASKING, ["approve", "exempt", "details"]),
        (noted(REMINDED), ["approve", "exempt", "details"]),
        (message(Status.FIGHTING), ["fix", "exempt", "details"]),
        (FIXED, ["undo", "details"]),
        (message(Status.FIXING, Status.STILL_UNSAFE), ["retry", "undo", "exempt", "details"]),
        (message(Status.FIXING, Status.FAILED, error="denied"), ["retry", "exempt", "details"]),
        (message(Status.FIXING, Status.FIXED, reversible=False), ["details"]),
        (UNDONE, ["details"]),
        (message(Status.ASKING, Status.EXPIRED), ["details"]),
    ],
)
def test_only_what_can_be_done_has_a_button(step: Message, offered: list[str], there: Slack) -> None:
    app(there).send(step)
    found = buttons(there.roots[0])
    assert list(found) == offered
    assert {each["value"] for each in found.values()} == {f"0123456789abcdef#{step.seen}"}
    assert [name for name, each in found.items() if "confirm" in each] == [
        name for name in offered if name in {"approve", "fix", "retry", "undo"}
    ]


def test_a_click_s_value_is_what_the_clicks_read(there: Slack) -> None:
    from chalicelib.clicks.slack import _RECORD

    app(there).send(ASKING)
    found = _RECORD.fullmatch(buttons(there.roots[0])["approve"]["value"])
    assert found is not None
    assert found[1] == "0123456789abcdef"
    assert record_of(Status.ASKING).fingerprint.startswith(found[2])


def test_an_older_step_that_comes_late_only_goes_into_the_thread(there: Slack, posts: DynamoPosts) -> None:
    channel = app(there, posts)
    channel.send(FIXED)
    channel.send(ASKING)
    assert [word_of(each["text"]) for each in there.roots] == ["fixed"]
    assert [word_of(each["text"]) for each in there.replies] == ["fixed", "approval needed"]


def test_a_step_that_is_told_again_is_told_once(there: Slack, posts: DynamoPosts) -> None:
    for _ in range(3):
        app(there, posts).send(ASKING)
    assert (len(there.roots), len(there.replies)) == (1, 1)
    assert len(there.calls) == 2


def test_what_fails_half_way_goes_on_from_there(there: Slack, posts: DynamoPosts) -> None:
    there.limits(7, after=1)
    with pytest.raises(ChannelBusy) as caught:
        app(there, posts).send(ASKING)
    assert caught.value.after == 7
    app(there, posts).send(ASKING)
    assert (len(there.roots), len(there.replies)) == (1, 1)


@pytest.mark.parametrize("failing", [0, 1, 2, 3, 4, 5])
def test_a_fault_at_any_call_loses_and_doubles_nothing(failing: int, there: Slack, posts: DynamoPosts) -> None:
    there.trouble = [None] * failing + [(503, {}, "<html>")]
    steps = [ASKING, FIXED, UNDONE]
    for _ in range(2):
        for step in list(steps):
            try:
                app(there, posts).send(step)
            except ChannelBusy:
                continue
            steps.remove(step)
    assert not steps
    assert [word_of(each["text"]) for each in there.roots] == ["undone"]
    assert len(there.replies) == 3


LIFE = (ASKING, noted(REMINDED), FIXED, UNDONE)
BUSY: tuple[int, dict[str, str], str] = (503, {}, "busy")


@settings(max_examples=25)
@given(st.permutations(LIFE * 2), st.lists(st.sampled_from([None, None, BUSY]), max_size=20))
def test_in_any_order_twice_and_with_any_faults_it_is_one_message_that_shows_the_latest(
    order: list[Message], trouble: list[Any]
) -> None:
    with slack() as there:
        there.trouble = list(trouble)
        channel = app(there)
        waiting = list(order)
        while waiting:
            try:
                channel.send(waiting[0])
            except ChannelBusy:
                waiting = [*waiting[1:], waiting[0]]
            else:
                waiting = waiting[1:]
        assert [word_of(each["text"]) for each in there.roots] == ["undone"]
        assert sorted(each["text"] for each in there.replies) == sorted(
            f"{each.symbol} {each.headline}" for each in LIFE
        )


def test_two_steps_told_at_once_are_one_message(there: Slack, posts: DynamoPosts) -> None:
    there.delay = 0.05

    def send(step: Message) -> Message | None:
        try:
            app(there, posts).send(step)
        except ChannelBusy:
            return step
        return None

    steps: list[Message] = [ASKING, FIXED, UNDONE]
    with ThreadPoolExecutor(3) as pool:
        while steps:
            steps = [left for left in pool.map(send, steps) if left]
    assert [word_of(each["text"]) for each in there.roots] == ["undone"]
    assert len(there.replies) == 3


def test_who_died_holding_a_post_holds_it_a_minute(there: Slack, posts: DynamoPosts, world: World) -> None:
    holding = posts.hold(ASKING.record, "ops")
    holding.__enter__()
    with pytest.raises(ChannelBusy, match="another process is sending a step of this record"):
        app(there, posts).send(ASKING)
    world.clock += LEASE + timedelta(seconds=1)
    app(there, posts).send(ASKING)
    assert len(there.roots) == 1
    with pytest.raises(ChannelBusy):
        holding.__exit__(None, None, None)  # It lives after all, and must not write over the other.
    app(there, posts).send(FIXED)
    assert len(there.roots) == 1


def test_each_channel_has_its_own_message(there: Slack, posts: DynamoPosts) -> None:
    app(there, posts).send(ASKING)
    SlackApp("audit", TOKEN, HERE, posts, api=there.api).send(ASKING)
    assert len(there.roots) == 2


def test_without_a_ledger_it_is_for_later(there: Slack, world: World) -> None:
    with pytest.raises(ChannelBusy, match="can't look up the channel's message about this record"):
        app(there, DynamoPosts(world.client("dynamodb"), "none", lambda: world.clock)).send(ASKING)
    assert there.calls == []


@pytest.mark.parametrize("what", [REMINDED, ESCALATED])
def test_a_question_that_is_asked_again_is_told_loudly_in_the_thread(what: str, there: Slack) -> None:
    channel = app(there)
    channel.send(ASKING)
    channel.send(noted(what))
    assert [method for method, _ in there.calls] == ["chat.postMessage"] * 3
    assert [each["reply_broadcast"] for each in there.replies] == [False, True]
    assert "approval needed" in there.roots[0]["text"]


def test_who_is_told_first_by_an_escalation_gets_the_whole_question(there: Slack) -> None:
    app(there).send(noted(ESCALATED))
    assert "nobody has answered" in there.roots[0]["text"]
    assert "approve" in buttons(there.roots[0])
    assert [each["reply_broadcast"] for each in there.replies] == [False]


def test_a_reminder_that_comes_after_the_answer_is_quiet(there: Slack) -> None:
    channel = app(there)
    channel.send(FIXED)
    channel.send(noted(REMINDED))
    assert [each["reply_broadcast"] for each in there.replies] == [False, False]


def test_a_message_that_somebody_deleted_is_told_anew(there: Slack) -> None:
    channel = app(there)
    channel.send(ASKING)
    there.messages.clear()
    channel.send(FIXED)
    assert [word_of(each["text"]) for each in there.roots] == ["fixed"]
    there.messages.clear()
    channel.send(message_of(record_of(Status.ASKING, Status.FIXING, Status.FIXED, Status.UNDOING, Status.FAILED)))
    assert len(there.roots) == 1


def test_an_older_step_that_finds_its_message_deleted_asks_for_nothing(there: Slack) -> None:
    channel = app(there)
    channel.send(FIXED)
    there.messages.clear()
    channel.send(ASKING)
    assert [word_of(each["text"]) for each in there.roots] == ["approval needed"]
    assert '"actions"' not in json.dumps(there.roots)
    channel.send(UNDONE)
    assert [word_of(each["text"]) for each in there.roots][-1] == "undone"
    assert len(there.replies) == 1


def test_where_nothing_may_be_edited_the_thread_tells_it_to_all(there: Slack) -> None:
    channel = app(there)
    channel.send(ASKING)
    there.fails("edit_window_closed")
    channel.send(FIXED)
    assert [each["reply_broadcast"] for each in there.replies] == [False, True]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("invalid_auth", "store the app's current Bot User OAuth Token"),
        ("token_revoked", "store the app's current Bot User OAuth Token"),
        ("account_inactive", "store the app's current Bot User OAuth Token"),
        ("channel_not_found", "/invite @Snapback"),
        ("not_in_channel", "/invite @Snapback"),
        ("is_archived", "name another conversation in the settings"),
        ("missing_scope", "install it again"),
        ("invalid_blocks", "see docs/slack.md"),
    ],
)
def test_what_will_not_pass_is_told_in_one_clear_line(error: str, advice: str, there: Slack) -> None:
    there.fails(error)
    with pytest.raises(Undeliverable) as caught:
        app(there).send(ASKING)
    said = str(caught.value)
    assert said.startswith(f"channel ops: Slack answered {error} to chat.postMessage")
    assert advice in said
    assert said.isprintable()


def test_a_missing_scope_is_named(there: Slack) -> None:
    there.fails("missing_scope", needed="users:read.email")
    with pytest.raises(Undeliverable, match=r"\(users:read.email\)"):
        app(there).send(ASKING)


@pytest.mark.parametrize("error", ["ratelimited", "internal_error", "fatal_error", "service_unavailable"])
def test_what_may_pass_is_for_later(error: str, there: Slack) -> None:
    there.fails(error)
    with pytest.raises(ChannelBusy, match=error):
        app(there).send(ASKING)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_status_that_may_pass_is_for_later_and_sent_only_once_now(status: int, there: Slack) -> None:
    there.trouble.append((status, {"Retry-After": "9"}, "<html>busy</html>"))
    with pytest.raises(ChannelBusy) as caught:
        app(there).send(ASKING)
    assert caught.value.after == 9
    assert len(there.calls) == 1


def test_a_page_in_place_of_an_answer_is_for_later(there: Slack) -> None:
    there.trouble.append((200, {}, "<html>log in to this network</html>"))
    with pytest.raises(ChannelBusy, match="with a page"):
        app(there).send(ASKING)


def test_a_slack_that_is_slow_or_not_there_is_for_later(there: Slack) -> None:
    there.delay = 0.3
    with pytest.raises(ChannelBusy):
        SlackApp("ops", TOKEN, HERE, Remembered(), api=there.api, timeout=0.1).send(ASKING)
    with pytest.raises(ChannelBusy):
        SlackApp("ops", TOKEN, HERE, Remembered(), api="http://127.0.0.1:9/api/", timeout=0.1).send(ASKING)


@pytest.mark.parametrize("store", ["ssm", "secretsmanager"])
def test_a_token_that_was_rotated_is_picked_up_at_once(store: str, there: Slack, world: World) -> None:
    def put(token: str) -> str:
        if store == "ssm":
            world.client("ssm").put_parameter(Name="/snapback/slack", Value=token, Type="SecureString", Overwrite=True)
            return "ssm:/snapback/slack"
        try:
            world.client("secretsmanager").create_secret(Name="snapback/slack", SecretString=token)
        except world.client("secretsmanager").exceptions.ResourceExistsException:
            world.client("secretsmanager").put_secret_value(SecretId="snapback/slack", SecretString=token)
        return "secretsmanager:snapback/slack"

    channel = app(there, token=put(f"{TOKEN}\n"))
    channel.send(ASKING)
    there.token = "xoxb-another"
    put(there.token)
    channel.send(FIXED)
    assert "fixed" in there.roots[0]["text"]
    there.token = "xoxb-revoked-both"
    with pytest.raises(Undeliverable, match="invalid_auth"):
        channel.send(UNDONE)


def test_who_made_the_change_is_told_directly_with_what_to_do_instead(there: Slack) -> None:
    channel = app(there, advice=lambda rule: f"Read about {rule} <first>.")
    channel.send_direct(FIXED, "alice@example.com")
    channel.send_direct(UNDONE, "alice@example.com")
    said = json.dumps(there.roots[0], ensure_ascii=False)
    assert [each["channel"] for each in there.roots] == ["U0123456789"] * 2
    assert "What to do instead" in said
    assert "Read about s3.bucket_acl_made_public &lt;first&gt;." in said
    assert '"actions"' not in said
    assert [method for method, _ in there.calls] == ["users.lookupByEmail", "chat.postMessage", "chat.postMessage"]


def test_nobody_is_told_where_nobody_has_that_address(there: Slack) -> None:
    channel = app(there)
    for _ in range(2):
        channel.send_direct(FIXED, "mallory@example.com")
    assert there.messages == {}
    assert len(there.calls) == 1


def test_many_are_told_as_one(there: Slack) -> None:
    summary = summary_of([message(Status.ALERTED, id=f"{number:016x}") for number in range(100)])
    channel = app(there)
    channel.sum_up(summary)
    channel.send_direct(summary, "alice@example.com")
    assert [each["channel"] for each in there.roots] == [HERE, "U0123456789"]
    first = there.roots[0]
    assert "100 messages" in first["text"]
    assert "and 70 more" in json.dumps(first, ensure_ascii=False)
    assert len(first["blocks"]) <= 50
    assert all(len(each["text"]["text"]) <= 3000 for each in first["blocks"] if each["type"] == "section")


def _limited(there: Slack) -> None:
    there.limits()


def _revoked(there: Slack) -> None:
    there.token = "xoxb-other"


def _slow(there: Slack) -> None:
    there.delay = 0.3


@pytest.mark.parametrize("trouble", [_limited, _revoked, _slow, lambda there: None])
def test_the_token_is_in_no_log_and_no_error(
    trouble: Callable[[Slack], None], there: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    trouble(there)
    said = ""
    try:
        SlackApp("ops", TOKEN, HERE, Remembered(), api=there.api, timeout=0.1 if there.delay else 60).send(ASKING)
    except (ChannelBusy, Undeliverable) as error:
        said = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert there.calls or there.delay
    assert "hunter2" not in caplog.text + said


def test_links_are_not_unfolded(there: Slack) -> None:
    channel = app(there)
    channel.send(ASKING)
    channel.send_direct(ASKING, "alice@example.com")
    for method, body in there.calls:
        if method == "chat.postMessage":
            assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
