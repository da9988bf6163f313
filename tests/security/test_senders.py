"""Who can send events, and what a lie gets: a refusal, or a look at what is true."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from chalicelib import catalog
from chalicelib.core.errors import EventRejected
from chalicelib.core.event import Event
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import SCHEDULED, matches
from chalicelib.resources.s3 import Bucket
from tests.security.mutation import example_of
from tests.support.cases import GUARDRAILS, case_of
from tests.support.events import FRIEND, HOME, STRANGER, cloudtrail_event

if TYPE_CHECKING:
    from chalicelib.core.rule import Guardrail
    from tests.support.world import World

EVERY = [pytest.param(rule, id=rule.id) for rule in GUARDRAILS]
RULE = "s3.bucket_acl_made_public"


def put(**changed: Any) -> dict[str, Any]:
    return cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-media"}) | changed


@pytest.mark.parametrize("rule", EVERY)
def test_an_event_of_an_account_that_we_dont_know_is_refused(rule: Guardrail[Any], world: World) -> None:
    """Also of a partner: that its account may be let in doesn't make its events ours."""
    envelope = json.loads(json.dumps(case_of(rule.id).unsafe[0](world), default=str))
    for account in (STRANGER, FRIEND):
        foreign = json.loads(json.dumps(envelope).replace(HOME, account))
        assert world.deliver(foreign, rule.id) == []
        assert not world.calls
    assert not world.records()


def test_only_accounts_that_the_settings_name_are_believed_besides_home(world: World) -> None:
    application = world.application()
    application.believe(Event.parse(put()))
    stranger = Event.parse(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "x"}, account=STRANGER))
    with pytest.raises(EventRejected, match="settings"):
        application.believe(stranger)
    world.application(accounts=frozenset({STRANGER})).believe(stranger)


@pytest.mark.parametrize(
    "source",
    [
        "my.app",
        "aws",
        "aws.",
        "AWS.s3",
        " aws.s3",
        "aws.s3 ",
        "aws.s3\n",
        "custom.aws.s3",
        "aws.s3/x",
        "",
        None,
        "aws.partner/example.com/tenant/1",
        ["aws.s3", "aws.s3"],
        {"prefix": "aws."},
        0,
        "\uff41ws.s3",
    ],
)
def test_a_custom_event_cannot_pass_for_one_of_aws(source: Any, world: World) -> None:
    """PutEvents refuses `aws.` to everyone else, but a partner's bus carries `aws.partner/…`, filled as they like.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreatePartnerEventSource.html
    """
    with pytest.raises(EventRejected, match="not AWS"):
        Event.parse(put(source=source))
    assert world.deliver(put(source=source), RULE) == []
    assert not world.calls


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in catalog.all_rules()])
def test_no_pattern_lets_through_what_aws_didnt_send_or_another_kind_of_event(rule: Any) -> None:
    """EventBridge's own half of it: what isn't matched costs nothing."""
    if rule.on == SCHEDULED:
        assert SCHEDULED not in catalog.pattern(rule.service).get("$or", []), "the clock calls by itself, past the bus"
        return
    event = example_of(rule.on)
    assert matches(rule.on, event)
    assert not matches(rule.on, {**event, "source": "my.app"})
    assert not matches(rule.on, {**event, "detail-type": "Scheduled Event"})
    assert not matches(rule.on, {key: value for key, value in event.items() if key != "detail-type"})


@pytest.mark.parametrize(
    "changed",
    [{"recipientAccountId": STRANGER}, {"recipientAccountId": [HOME]}, {"recipientAccountId": int(HOME)}],
)
def test_an_envelope_and_its_detail_that_name_two_accounts_are_refused(changed: Any) -> None:
    envelope = put()
    envelope["detail"] |= changed
    with pytest.raises(EventRejected, match="another account"):
        Event.parse(envelope)


@pytest.mark.parametrize(
    "region",
    [
        "evil.example",
        "us-east-1.evil.example/",
        "us-east-1@evil",
        "us-east-1#",
        "us-east-1\n",
        "US-EAST-1",
        "us",
        "../us-east-1",
        "us--1",
        "aws-global.evil",
    ],
)
def test_no_region_sends_our_credentials_to_another_host(region: str) -> None:
    """The region becomes part of a host's name."""
    for envelope in (put(region=region), put(region=region)):
        envelope["detail"]["awsRegion"] = region
        with pytest.raises(EventRejected, match="region"):
            Event.parse(envelope)


def test_a_refusal_is_counted_and_logged_and_says_why_without_what_it_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED")
    application = world.application()
    log = io.StringIO()
    application.logger = Logger(service="refused", stream=log)
    assert application.guard("s3", put(source="forged\n{}", account=STRANGER)) == []
    line = json.loads(log.getvalue())
    assert (line["level"], line["message"]) == ("WARNING", "event refused")
    assert "forged" not in log.getvalue()
    assert json.loads(capsys.readouterr().out)[Metric.EVENTS_REFUSED] == [1.0]


def test_what_an_event_says_about_a_state_is_never_believed(world: World) -> None:
    """It claims a public ACL; the bucket's own is private."""
    world.client("s3").create_bucket(Bucket="app-media")
    lie = put()
    lie["detail"]["requestParameters"] |= {"x-amz-acl": ["public-read-write"], "AccessControlPolicy": {"x": 1}}
    (outcome,) = world.deliver(lie, RULE)
    assert outcome.status == "compliant"


def test_a_call_on_another_accounts_bucket_is_that_accounts_event(world: World) -> None:
    """CloudTrail tells both; ours would be refused by the bucket's owner, and end as a dead letter, as often as sent.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
    """
    envelope = put()
    arn = {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::app-media"}
    envelope["detail"]["resources"] = [{**arn, "accountId": STRANGER}]
    assert not list(Bucket.in_event(Event.parse(envelope)))
    assert world.deliver(envelope, RULE) == []
    assert not world.calls
    for own in ([{**arn, "accountId": HOME}], [arn], None, "x"):
        envelope["detail"]["resources"] = own
        assert [bucket.id for bucket in Bucket.in_event(Event.parse(envelope))] == ["app-media"]
