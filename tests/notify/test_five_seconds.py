"""A tired person understands a message at once: for every status, every rule and every channel."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.event import Actor
from chalicelib.core.rule import Guardrail
from chalicelib.core.settings import Settings
from chalicelib.core.types import ESCALATED, REMINDED, Status, having
from chalicelib.notify.blocks import date
from chalicelib.notify.cards import card
from chalicelib.notify.channels import slack, slack_app, teams, webhook
from chalicelib.notify.channels.sns import SUBJECT
from chalicelib.notify.message import message_of
from chalicelib.notify.summary import summary_of
from chalicelib.resources.console import PAGES, event_page, resource_page
from tests.notify.test_message import NOW, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.rule import Rule
    from chalicelib.notify.message import Message

NAMES = Settings(account_names={"123456789012": "prod-data"}, guardrail_pages="https://wiki.example.com/rails/")
NO_PAGE = {
    "glue.Catalog": "the settings of a region's catalog have no documented address",
    "iam.InstanceProfile": "the console shows it with its role only",
    "iam.LeakedKey": "its user isn't known",
    "iam.ServerCertificate": "the console doesn't list them",
    "organizations.OrganizationPolicy": "the address depends on the policy's type, which its id doesn't tell",
    "ram.ResourceShare": "AWS documents no address of one share",
    "resource.Account": "the setting's page depends on the guardrail",
    "rolesanywhere.Profile": "AWS documents no address of one profile",
    "sso.Assignment": "the id has no address",
    "sso.PermissionSet": "AWS documents no address of one permission set",
}
"""Kinds without a page in the console, and why."""


def life_of(status: Status) -> tuple[Status, ...]:
    return (Status.ASKING, Status.FIXING, status) if status.traits.written else (status,)


LIVES = [pytest.param(life_of(status), id=status) for status in Status]


def shown(message: Message) -> dict[str, list[str]]:
    """By channel, the texts in the order in which a person reads them."""
    card = json.loads(teams.body(message))["attachments"][0]["content"]["body"]
    return {
        "slack": list(_texts(slack.body(message)["blocks"])),
        "slack_app": list(_texts(slack_app.body(message)["blocks"])),
        "teams": ["".join(run["text"] for run in each["inlines"]) for each in card if "inlines" in each],
        "sns": [message.heading(SUBJECT), *message.text.split("\n")],
        "webhook": [webhook.body(message)["headline"], json.dumps(webhook.body(message), ensure_ascii=False)],
    }


def _texts(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        if isinstance(found.get("text"), str):
            yield found["text"]
        for value in found.values():
            yield from _texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value)


@pytest.mark.parametrize("life", LIVES)
def test_the_resource_stands_first_then_where_what_and_what_became_of_it(life: tuple[Status, ...]) -> None:
    message = message_of(record_of(*life, error="PutBucketAcl: AccessDenied"), NAMES)
    word = life[-1].traits.word.format(what="fix")
    said = f"S3 bucket ACL open to everyone · {word}"
    if life[-1] is Status.UNJUDGED:
        said = "could not check: S3 bucket ACL open to everyone?"
    for channel, texts in shown(message).items():
        headline = texts[0].removeprefix(f"{message.symbol} ")
        assert headline == f"photos (prod-data): {said}", channel
        assert channel in {"sns", "webhook"} or texts[0].startswith(message.symbol), channel
        assert any("alice, with Terraform, from 198.51.100.7" in each for each in texts[1:]), channel
        assert any("prod-data" in each and "123456789012" in each for each in texts[1:]), channel
        assert not any("Who" in each for each in texts), channel


@pytest.mark.parametrize("by", ["snapback", "bob"])
def test_a_failed_fix_offers_a_retry_and_claims_no_change(by: str) -> None:
    message = message_of(record_of(Status.FIXING, Status.FAILED, by=by, error="PutBucketAcl: AccessDenied"), NAMES)
    assert not message.changed
    assert [name for name in message.commands if name != "show"] == ["retry"]
    reply = list(_texts(slack_app.reply(message)["blocks"]))
    for texts in [*shown(message).values(), reply]:
        assert not re.search(r"\b(fixed|removed|removes|undone)\b", " ".join(texts), re.IGNORECASE)


OPEN, OVER = "What the fix would change", "What the fix would have changed"
UNCHANGED = {
    Status.ALERTED: OPEN,
    Status.ASKING: OPEN,
    Status.FIGHTING: OPEN,
    Status.UNJUDGED: OVER,
    Status.FAILED: OVER,
    Status.EXPIRED: OVER,
}


@pytest.mark.parametrize(
    ("life", "title"),
    [
        *((life_of(status), UNCHANGED.get(status, "Before → after")) for status in Status),
        ((Status.ASKING, Status.GONE), OVER),
        ((Status.FIXING, Status.FIXED, Status.UNDOING, Status.FAILED), "Before → after"),
    ],
    ids=lambda each: each[-1] if isinstance(each, tuple) else "",
)
def test_above_the_difference_stands_whether_it_was_made_and_the_sentence_agrees(
    life: tuple[Status, ...], title: str
) -> None:
    message = message_of(record_of(*life, error="PutBucketAcl: AccessDenied"), NAMES)
    assert message.changed is (title == "Before → after")
    channels = shown(message) | {"slack_app": list(_texts(slack_app.reply(message)["blocks"]))}
    for channel in ("slack", "slack_app", "teams", "sns"):
        whole = "\n".join(channels[channel])
        assert re.search(rf"^\*?{title}[:*]?\n(```\n)?- ", whole, re.MULTILINE), channel
        for wrong in {OPEN, OVER, "Before → after"} - {title}:
            assert not re.search(rf"^\*?{wrong}[:*]?$", whole, re.MULTILINE), channel
    verbs = set(re.findall(r"(removes|removed) READ to AllUsers from grants", message.did))
    assert verbs <= {"removed" if message.changed else "removes"}
    assert verbs or life[-1] in {Status.UNJUDGED, *having("under_way"), *ENDED}


ENDED = {Status.FAILED, Status.UNDONE, Status.GONE, Status.EXPIRED}
"""Those that say what became of the fix, and not what it does."""


@pytest.mark.parametrize("life", LIVES)
def test_the_thread_holds_the_difference_and_does_not_repeat_the_headline(life: tuple[Status, ...]) -> None:
    message = message_of(record_of(*life), NAMES)
    thread = list(_texts(slack_app.reply(message)["blocks"]))
    assert any('- "READ to AllUsers"' in each for each in thread)
    assert not any(message.title in each or "prod-data" in each for each in thread)
    assert not any('- "READ to AllUsers"' in each for each in _texts(slack_app.body(message)["blocks"]))


@pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
def test_every_rule_says_why_it_matters_and_what_to_check_and_the_right_way(rule: Rule) -> None:
    fix = rule.fix if isinstance(rule, Guardrail) else None
    states: dict[str, Any] = {} if fix else {"before": None, "after": None, "fix": ""}
    record = replace(record_of(Status.ALERTED, **states), guardrail=rule.id, title=rule.title)
    message = message_of(record, NAMES)
    said = card(rule.id)
    assert said.why
    assert message.pages["Guardrail"] == f"https://wiki.example.com/rails/{rule.id.replace('.', '/')}.md"
    for channel, texts in shown(message).items():
        whole = "\n".join(texts).replace("&amp;", "&").replace("∗", "*").replace('\\"', '"')  # noqa: RUF001
        assert said.why.split(".")[0][:40] in whole, channel
        if not fix and channel != "slack_app":
            assert all(each.split(":")[0] in whole for each in said.check), channel
    if said.right_way:
        tool, lines = message.right_way
        assert (tool, bool(lines)) == ("Terraform", not said.right_way["terraform"].startswith("none, because "))
    blocks = slack.body(message)["blocks"]
    assert len(blocks) <= 50
    assert all(len(each) <= 3000 for each in _texts(blocks))
    assert len(teams.body(message)) <= teams.LARGEST - 1024


@pytest.mark.parametrize(
    ("tool", "name", "word"),
    [
        ("Terraform", "Terraform", "resource "),
        ("OpenTofu", "OpenTofu", "resource "),
        ("AWS CDK", "CloudFormation", "Resources:"),
        ("AWS console", "AWS CLI", "aws s3api"),
        ("", "AWS CLI", "aws s3api"),
    ],
)
def test_the_right_way_is_shown_for_the_tool_that_was_used(tool: str, name: str, word: str) -> None:
    found, lines = card("s3.bucket_acl_made_public").right_way_with(tool)
    assert found == name
    assert any(word in line for line in lines)


def test_what_a_sweep_found_says_that_nobody_is_known() -> None:
    nobody = Actor(kind="Unknown", principal="Unknown", account="123456789012")
    message = message_of(record_of(Status.ALERTED, actor=nobody, found_by="sweep"), NAMES)
    for channel, texts in shown(message).items():
        assert any("found by the daily sweep; who did it isn't known" in each for each in texts), channel
        assert channel == "webhook" or not any("Unknown" in each for each in texts), channel
    assert "CloudTrail event" not in message.pages


def test_the_time_is_the_readers_own_in_slack_and_relative_elsewhere() -> None:
    message = message_of(record_of(Status.ALERTED).noted(NOW, "snapback", "", REMINDED))
    assert date(message.event_at) == (
        f"<!date^{int(NOW.timestamp())}^{{date_short_pretty}} {{time}} ({{ago}})|2026-11-23 10:00 UTC>"
    )
    assert date(message.event_at) in slack_app.body(message)["blocks"][3]["text"]["text"]
    assert replace(message, at="2026-11-23T13:10:00+00:00").when == "2026-11-23 10:00 UTC, 3 hours before this message"
    assert (
        replace(message, at="2026-11-23T10:00:59+00:00").when == "2026-11-23 10:00 UTC, 59 seconds before this message"
    )
    assert replace(message, at="2026-11-23T09:00:00+00:00").when == "2026-11-23 10:00 UTC"


def test_a_summary_has_a_button_for_each_message_and_links_for_those_that_ask() -> None:
    messages = [
        message_of(record_of(status, id=f"s3.{number:016x}"), NAMES)
        for number, status in enumerate([Status.ASKING, Status.ALERTED, Status.UNJUDGED, Status.GONE] * 8)
    ]
    summary = summary_of(messages)
    made = slack.summary_body(summary, slack_app.button)
    assert len(made["blocks"]) <= 50
    buttons = [each["accessory"] for each in made["blocks"] if "accessory" in each]
    assert [each["action_id"] for each in buttons[:8]] == ["approve"] * 8
    assert len(buttons) == len(summary.shown) == 30
    assert "photos in prod-data (123456789012)" in buttons[0]["confirm"]["text"]["text"]
    assert all(
        line.removeprefix(each.symbol + " ").startswith("photos (prod-data)")
        for line, each in zip(summary.lines, summary.shown, strict=False)
    )


def test_every_kind_of_resource_has_its_page_or_a_reason() -> None:
    kinds = {rule.resource.kind() for rule in catalog.guardrails()}
    assert kinds == {*PAGES, *NO_PAGE} & kinds
    assert not {*PAGES} & {*NO_PAGE}
    assert {*PAGES, *NO_PAGE} <= kinds


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ("us-iso-east-1", ""),
    ],
)
def test_a_page_is_in_its_partitions_console(region: str, host: str) -> None:
    page = resource_page("s3.Bucket", "a/b?c", "", "123456789012", region)
    assert page == (f"https://{host}/s3/buckets/a%2Fb%3Fc?region={region}&tab=permissions" if host else "")


def test_only_an_event_of_cloudtrail_has_a_page() -> None:
    event = "11111111-0000-4000-8000-000000000001"
    assert event_page(event, "eu-west-1").endswith(f"/cloudtrailv2/home?region=eu-west-1#/events/{event}")
    assert event_page("x y", "eu-west-1") == ""


def test_an_escalated_question_is_still_named() -> None:
    record = record_of(Status.ASKING).noted(NOW, "snapback", "", ESCALATED)
    assert (
        message_of(record, NAMES).headline == "photos (prod-data): S3 bucket ACL open to everyone · nobody has answered"
    )
