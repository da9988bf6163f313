"""Names, tags and reasons are the attacker's. What each channel is sent is parsed here: nothing in it is active."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.types import Status
from chalicelib.notify.channels import slack, slack_app, teams, webhook
from chalicelib.notify.channels.apprise import Apprise, fitting, harmless
from chalicelib.notify.channels.sns import SUBJECT, Topic
from chalicelib.notify.links import WORDS
from chalicelib.notify.summary import summary_of
from tests.notify.test_channels import OURS, hostile, names
from tests.notify.test_message import message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

LINKS = {name: f"https://api.example.com/api/page#{name}.tic-ket_" for name in ("undo", "show")}
OUR_BOLD = re.compile(
    r"\*(CRITICAL|Changed by:|Why it matters:|What to check next|What to do instead|The right way, with [A-Za-z ]+"
    r"|Before → after|What the fix would (change|have changed)|What the undo would change|fix failed|Account and region|Principal|Event|Resource|Guardrail)\*"
)
"""What Snapback itself writes in bold."""
CONSOLE = re.compile(r"https://[a-z0-9-]+\.console\.aws\.amazon\.com/[!-~]+")
FEW = settings(max_examples=40)
BLOCKS = 50
"""https://docs.slack.dev/reference/block-kit/blocks/."""
evil = st.builds(lambda one, other: replace(hostile(one, other), links=LINKS), names, names)
many = st.lists(st.builds(hostile, names, names), min_size=1, max_size=40).map(summary_of)


def strings(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield key
            yield from strings(value)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from strings(value)
    elif isinstance(found, str):
        yield found


def shows_what_it_is(found: Any) -> bool:
    """No control character, terminal escape, bidirectional or invisible mark; and only where we broke a line, a break."""
    return all(each.replace("\n", "").isprintable() for each in strings(found))


def links_of(mrkdwn: str) -> set[str]:
    """What Slack would make of a text, of all that is written between < and >."""
    return set(re.findall(r"<([^>]*)>", mrkdwn))


def slack_is_harmless(body: dict[str, Any], allowed: set[str]) -> None:
    assert shows_what_it_is(body)
    assert 1 <= len(body["blocks"]) <= BLOCKS
    assert len(body["text"]) <= 150
    found: set[str] = set()
    for block in body["blocks"]:
        texts = [block[name] for name in ("text", "accessory") if name in block]
        parts = [*block.get("fields", []), *block.get("elements", []), *texts]
        for part in parts:
            if part["type"] == "button":
                assert part["text"]["text"] in {*WORDS.values()}
                assert re.fullmatch(r"[0-9a-f]{16}#[0-9a-f]{12}", part["value"])
                assert all(each.isprintable() for each in strings(part.get("confirm", {})))
                continue
            text = part["text"]
            assert (
                1
                <= len(text)
                <= {"header": 150, "section": 2000 if "fields" in block else 3000}.get(block["type"], 3000)
            )
            assert part["type"] == "plain_text" or part["verbatim"] is True
            text = OURS.sub("", text)
            found |= links_of(text)
            outside = re.sub(r"<[^>]*>", "", text)
            assert not set(outside) & {"<", ">"}
            assert "&" not in re.sub("&(amp|lt|gt);", "", outside)
            prose = re.sub(r"```.*?```|`[^`]*`", "", outside, flags=re.DOTALL)
            assert part["type"] == "plain_text" or not re.search(
                r"[~]|\*(?!\w)|(?<![A-Za-z0-9])_", OUR_BOLD.sub("", prose)
            )
            assert text.count("```") in {0, 2}
            assert text.replace("```", "").count("`") in {0, 2}
    assert found <= allowed


@FEW
@given(evil)
def test_slack_s_webhook(made: Message) -> None:
    slack_is_harmless(slack.body(made), {f"{LINKS['undo']}|Undo", f"{LINKS['show']}|Details"})


@FEW
@given(evil, names)
def test_slack_s_app(made: Message, advice: str) -> None:
    slack_is_harmless(slack_app.body(made), set())
    slack_is_harmless(slack_app.reply(made), set())
    slack_is_harmless(slack_app.direct_body(made, "".join(each for each in advice if each.isprintable())), set())


@FEW
@given(many)
def test_slack_s_summaries(made: Summary) -> None:
    slack_is_harmless(slack.summary_body(made), set())


def teams_is_harmless(raw: bytes, links: set[str]) -> None:
    assert len(raw) <= teams.LARGEST
    sent = json.loads(raw)
    assert set(sent) == {"type", "attachments"}
    (attachment,) = sent["attachments"]
    card = attachment["content"]
    assert set(card) == {"$schema", "type", "version", "msteams", "body", "actions"}
    assert card["msteams"] == {"width": "Full"}  # And no entities, which would be mentions.
    urls = []
    for block in card["body"]:
        if block["type"] == "TextBlock":  # It reads markdown: only the time stands there, and all of it is ours.
            assert re.fullmatch(r"\{\{DATE\((\S+),SHORT\)\}\} \{\{TIME\(\1\)\}\}", block["text"])
            continue
        if block["type"] == "ActionSet":
            urls += [each["url"] for each in block["actions"]]
            assert {each["title"] for each in block["actions"]} <= {*WORDS.values(), "AWS console", "CloudTrail event"}
            continue
        assert block["type"] == "RichTextBlock"  # And no FactSet or Input, which would read markdown.
        for run in block["inlines"]:
            assert run["type"] == "TextRun"
            assert "selectAction" not in run
            assert run["text"].isprintable()
            assert "://" not in run["text"]
            assert "{{" not in run["text"]
    assert all(CONSOLE.fullmatch(each) for each in {*urls} - links)
    assert {each["url"] for each in card["actions"]} == links
    assert {each["type"] for each in card["actions"]} <= {"Action.OpenUrl"}


@FEW
@given(evil)
def test_teams(made: Message) -> None:
    teams_is_harmless(teams.body(made), set(LINKS.values()))


@FEW
@given(many)
def test_teams_s_summaries(made: Summary) -> None:
    teams_is_harmless(teams.summary_body(made), set())


def test_the_longest_text_in_the_dearest_characters_fits_into_a_card() -> None:
    made = message(
        Status.FIXING,
        Status.FAILED,
        reason="\U0001f600" * 5000,
        arn="\U0001f600" * 5000,
        error="\U0001f600" * 5000,
        before={"\U0001f600" * 99 + str(number): "\U0001f600" * 99 for number in range(40)},
        after={},
    )
    raw = teams.body(replace(made, links=LINKS))
    teams_is_harmless(raw, set(LINKS.values()))
    assert len(raw) > teams.LARGEST // 2


@FEW
@given(evil)
def test_json(made: Message) -> None:
    sent = json.dumps(webhook.body(made))
    assert sent.isascii()
    assert "\n" not in sent
    assert shows_what_it_is(json.loads(sent))


class Mail:
    def __init__(self) -> None:
        self.topic = Topic("arn:aws:sns:us-east-1:123456789012:alarms", None)
        self.topic.__dict__["_client"] = self
        self.sent: dict[str, str] = {}

    def publish(self, **mail: str) -> None:
        self.sent = mail


def mail_is_harmless(mail: dict[str, str]) -> None:
    assert mail["Subject"].isprintable()
    assert mail["Subject"].isascii()
    assert 1 <= len(mail["Subject"]) <= SUBJECT
    assert shows_what_it_is(mail["Message"])
    assert len(mail["Message"].encode()) < 256 * 1024
    pages = {each for each in re.findall(r"\S*://\S*", mail["Message"]) if CONSOLE.fullmatch(each)}
    assert set(re.findall(r"\S*://\S*", mail["Message"])) - pages <= set(LINKS.values())
    assert not re.search(r"\bwww\.", mail["Message"], re.IGNORECASE)


@FEW
@given(evil, many)
def test_mail(made: Message, summary: Summary) -> None:
    mail = Mail()
    mail.topic.send(made)
    mail_is_harmless(mail.sent)
    mail.topic.sum_up(summary)
    mail_is_harmless(mail.sent)


ACTIVE = re.compile(
    r"[<>`*~|\[\]@#\\]"  # Mentions, tags, code, bold, struck, spoilers, links, headings, escapes.
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    r"|://|\bwww\.",
    re.IGNORECASE,
)


@FEW
@given(names)
def test_text_for_apprise_holds_nothing_that_any_service_acts_on(name: str) -> None:
    assert ACTIVE.search(harmless(name)) is None


@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=4), st.integers(1, 400))
def test_text_for_apprise_is_as_long_as_the_service_takes(text: str, tail: list[str], most: int) -> None:
    made = fitting(text, tail, most)
    assert len(made) <= most
    if sum(len(line) + 1 for line in tail) <= most * 2 // 3:
        assert made.endswith("".join(f"\n{line}" for line in tail))


SERVICES = {
    "discord": "discord://123456789012345678/aBcDeFgHiJkLmNoPqRsTuVwXyZ",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12345/?format=html",
    "google chat": "gchat://workspace/key/token",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "ntfy": "ntfy://topic",
    "pagerduty": "pagerduty://" + "a" * 32 + "@" + "b" * 20 + "?region=us",
    "opsgenie": "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752",
}


@pytest.mark.parametrize("service", SERVICES)
@settings(max_examples=12)
@given(made=evil)
def test_what_apprise_s_services_are_sent(service: str, made: Message) -> None:
    """Through Apprise's own code, as it would go over the wire."""
    posted: list[str] = []

    class Answer:
        status_code: int = 200
        headers: Mapping[str, str] = MappingProxyType({})
        text = "ok" if service == "slack" else '{"requestId": "1"}'
        content = text.encode()

        def __init__(self, *args: Any, **values: Any) -> None:
            posted.extend(str(values.get(name) or "") for name in ("data", "json"))

    Answer.status_code = {"discord": 204, "opsgenie": 202, "pagerduty": 202}.get(service, 200)
    with patch("requests.post", Answer), patch("requests.Session.request", Answer), patch("requests.request", Answer):
        Apprise("pager", SERVICES[service]).send(made)
    assert posted
    said = [text for each in filter(None, posted) for text in strings(json.loads(each))]
    assert any(made.record in text for text in said)
    for text in said:
        assert not re.search(r"@(everyone|here|channel|U0)|<[@!#]|<https|\]\(|://evil|<script", text)
