from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.core.errors import NoLedger
from chalicelib.core.settings import Quiet, Route, Settings, SlackSettings
from chalicelib.core.types import Mode
from snapback.replay.forms import is_event
from snapback.replay.logs import read
from snapback.replay.replay import STORY, EventOutcome, Player, handle, replay
from tests.support.events import alice, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME, MEMBER = "111122223333", "444455556666"
SHARED = Path(__file__).parents[3].parent / "shared" / "events"
ACL, HTTP = "s3.bucket_acl_made_public", "s3.bucket_allows_plain_http"


def at(seconds: int, *what: Any, account: str = HOME, **detail: Any) -> dict[str, Any]:
    """An event at so many seconds past nine."""
    time = f"2025-11-18T09:{seconds // 60:02}:{seconds % 60:02}Z"
    envelope = cloudtrail_event(*what, account=account, eventTime=time, **detail)
    return {**envelope, "time": time}


def opened(seconds: int, bucket: str = "acme", acl: str = "public-read", **more: Any) -> dict[str, Any]:
    return at(seconds, "s3", "PutBucketAcl", {"bucketName": bucket, "acl": "", "x-amz-acl": acl}, **more)


def played(tmp_path: Path, *envelopes: Any, mode: str = "fix", **options: Any) -> list[EventOutcome]:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(envelope) + "\n" for envelope in envelopes))
    return replay([path], settings=options.pop("settings", Settings()), mode=mode, **options).events


def statuses(event: EventOutcome) -> dict[str, str]:
    return {outcome.guardrail: outcome.status for outcome in event.outcomes}


def test_an_unsafe_change_is_found_fixed_and_told(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(opened(5)))
    seen: list[EventOutcome] = []
    done = replay([path], settings=Settings(), mode="fix", on_event=seen.append)
    (event,) = seen
    assert done.events == seen
    assert event.to_json() == {
        "event_id": event.event_id,
        "time": "2025-11-18T09:00:05Z",
        "source": "s3.amazonaws.com",
        "name": "PutBucketAcl",
        "actor": "alice",
        "account": HOME,
        "region": "us-east-1",
        "reenacted": True,
        "tool": "AWS CLI",
        "principal": "arn:aws:iam::111122223333:user/alice",
        "why": "presupposed bucket acme, private;"
        " presupposed Block Public Access off, or AWS would have refused the public ACL",
        "outcomes": [
            {
                "guardrail": ACL,
                "resource": "arn:aws:s3:::acme",
                "status": "fixed",
                "reason": "its ACL grants READ to AllUsers",
                "record": event.outcomes[0].record,
                "missing": "",
                "reported": "",
            }
        ],
    }
    (message,) = done.messages
    assert (message.status, message.resource, message.at[:19]) == ("fixed", "arn:aws:s3:::acme", "2025-11-18T09:00:07")
    assert done.counts == {"events": 1, "reenacted": 1, "fixed": 1, "refused": 0}


def test_the_settings_channels_never_hear_of_a_replay(tmp_path: Path) -> None:
    loud = Settings(channels=(SlackSettings(name="team", url="ssm:/snapback/never"),))
    assert statuses(played(tmp_path, opened(5), settings=loud)[0]) == {ACL: "fixed"}


def test_a_replay_counts_each_message_whatever_is_summed_up_routed_or_waits_for_the_morning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(opened(5 + number, f"bucket{number}")) + "\n" for number in range(30)))
    quiet = Quiet(start="00:00", end="23:59", severities=frozenset({"low", "medium", "high", "critical"}))
    settings = Settings(routes=(Route(channels=("team",)), Route(channels=())), quiet=quiet)
    assert len(replay([path], settings=settings, mode="alert").messages) == 30


def test_a_mode_takes_the_place_of_the_settings(tmp_path: Path) -> None:
    configured = Settings(mode=Mode.FIX, guardrails={ACL: Mode.OFF})
    assert statuses(played(tmp_path, opened(5), settings=configured, mode="alert")[0]) == {ACL: "alerted"}


def test_without_a_mode_the_settings_hold(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(opened(5)))
    done = replay([path], settings=Settings(mode=Mode.FIX, guardrails={ACL: Mode.OFF}))
    assert statuses(done.events[0]) == {ACL: "off"}


def test_a_duplicate_is_re_enacted_once_and_changes_nothing(tmp_path: Path) -> None:
    event = opened(5)
    first, again = played(tmp_path, event, event, mode="alert")
    assert (statuses(first), again.reenacted, again.why) == ({ACL: "alerted"}, None, "delivered again")
    assert statuses(again) == {ACL: "duplicate"}
    assert again.outcomes[0].record == first.outcomes[0].record


def test_the_effect_of_a_late_event_is_there_before_it_is_delivered(tmp_path: Path) -> None:
    late = opened(30, acl="public-read")
    closing = opened(60, acl="private")
    first, second = played(tmp_path, closing, late)
    assert (first.reenacted, statuses(first)) == (True, {ACL: "compliant"})
    assert (second.reenacted, statuses(second)) == (True, {ACL: "compliant"})


def test_what_comes_later_is_not_there_yet(tmp_path: Path) -> None:
    first, second = played(tmp_path, opened(30, acl="public-read"), opened(60, acl="private"), mode="alert")
    assert (statuses(first), statuses(second)) == ({ACL: "alerted"}, {ACL: "compliant"})


def test_without_re_enactment_nothing_can_be_judged(tmp_path: Path) -> None:
    (event,) = played(tmp_path, opened(5), reenact=False)
    assert (event.reenacted, event.why, statuses(event)) == (None, "not asked for", {ACL: "unjudged"})


def test_events_of_all_accounts_in_the_input_are_believed(tmp_path: Path) -> None:
    events = played(
        tmp_path, opened(5), opened(6), opened(10, "theirs", account=MEMBER, actor=alice(MEMBER)), opened(11, "other")
    )
    assert [event.account for event in events] == [HOME, HOME, MEMBER, HOME]
    assert statuses(events[2]) == {ACL: "fixed"}


def test_a_function_that_raises_is_invoked_twice_more_and_then_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl

    tried: list[str] = []

    def fails(*_: Any) -> None:
        tried.append("write")
        raise RuntimeError("no luck today")

    monkeypatch.setattr(CloseBucketAcl, "write", fails)
    (event,) = played(tmp_path, opened(5))
    (dead,) = event.outcomes
    assert (dead.guardrail, dead.status) == ("guard_s3", "dead_letter")
    assert "a fault in Snapback, number " in dead.reason
    assert "no luck today" not in dead.reason
    assert len(tried) == 3


def test_a_retry_that_succeeds_is_no_dead_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl

    real, tried = CloseBucketAcl.write, []

    def fails_once(self: Any, *rest: Any) -> None:
        tried.append("write")
        if len(tried) == 1:
            raise RuntimeError("no luck yet")
        real(self, *rest)

    monkeypatch.setattr(CloseBucketAcl, "write", fails_once)
    (event,) = played(tmp_path, opened(5))
    assert statuses(event) == {ACL: "fixed"}


def test_records_that_only_read_are_not_delivered(tmp_path: Path) -> None:
    root = {"type": "Root", "accountId": HOME, "arn": f"arn:aws:iam::{HOME}:root"}
    reads = at(5, "s3", "ListBuckets", {}, actor=root, readOnly=True)
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"Records": [reads["detail"]]}))
    (from_log,) = replay([log], settings=Settings()).events
    (delivered,) = played(tmp_path, reads)
    assert from_log.outcomes == ()
    assert statuses(delivered) == {"signin.root_used": "alerted"}


def test_ids_are_shown_as_the_records_have_them(tmp_path: Path) -> None:
    rule = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
    asked = {"groupId": "sg-0a1b2c3d4e5f60002", "ipPermissions": {"items": [rule]}}
    (event,) = played(tmp_path, at(5, "ec2", "AuthorizeSecurityGroupIngress", asked))
    (outcome,) = (each for each in event.outcomes if each.status == "fixed")
    assert outcome.resource == f"arn:aws:ec2:us-east-1:{HOME}:security-group/sg-0a1b2c3d4e5f60002"


def test_a_replay_can_be_looked_into_and_undone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(opened(5)) + "\n")
    with Player(read([path]), settings=Settings(), mode="fix") as player:
        (event,) = player.run()
        undone = player.application.engine.undo(event.outcomes[0].record, "bob")
        player.drain()
        assert undone.status == "undone"
        assert [message.status for message in player.messages] == ["fixed", "undone"]


def test_a_replay_writes_nothing_to_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    played(tmp_path, *(opened(number, f"acme-{number}") for number in range(120)))
    assert capfd.readouterr().out == ""


def test_afterwards_the_process_is_as_before(tmp_path: Path) -> None:
    before = dict(wiring._APPLICATION)
    played(tmp_path, opened(5))
    assert before == wiring._APPLICATION


# What becomes of the story in mode fix: (time, eventName) → guardrail: status, where there is any.
def unsafe(event: EventOutcome) -> dict[str, str]:
    return {guardrail: status for guardrail, status in statuses(event).items() if status != "compliant"}


THE_STORY = {
    ("09:00:20", "CreateVpc"): {"ec2.vpc_without_flow_logs": "alerted"},
    ("09:25:03", "AuthorizeSecurityGroupIngress"): {"ec2.security_group_opened_to_internet": "fixed"},
    ("09:32:02", "PutAccountPublicAccessBlock"): {"s3.account_public_access_block_weakened": "fixed"},
    ("09:32:11", "DeleteBucketPublicAccessBlock"): {"s3.bucket_public_access_block_weakened": "fixed"},
    ("09:32:30", "PutBucketPolicy"): {HTTP: "fixed", "s3.bucket_policy_made_public": "fixed"},
    ("09:32:52", "PutBucketAcl"): {ACL: "fixed"},
    ("09:34:05", "CreateAccessKey"): {"iam.access_key_created": "fixed"},
    ("09:34:20", "AttachUserPolicy"): {
        "iam.admin_policy_attached": "alerted",
        "iam.policy_directly_on_user": "alerted",
    },
    ("09:34:48", "UpdateAssumeRolePolicy"): {"iam.role_trusts_unknown_account": "fixed"},
    ("09:36:10", "AuthorizeSecurityGroupIngress"): {"ec2.security_group_opened_to_internet": "fixed"},
    ("09:36:55", "ModifySnapshotAttribute"): {"ec2.snapshot_shared": "fixed"},
    ("09:37:20", "ModifyImageAttribute"): {"ec2.image_shared": "fixed"},
    ("09:38:00", "PutImageScanningConfiguration"): {"ecr.scan_on_push_off": "fixed"},
    ("09:38:21", "SetRepositoryPolicy"): {"ecr.repository_policy_made_public": "fixed"},
    ("09:39:12", "ECR Image Scan"): {"ecr.image_with_critical_findings": "alerted"},
    ("09:40:02", "StopLogging"): {"cloudtrail.trail_stopped_or_weakened": "fixed"},
    ("09:41:30", "LeaveOrganization"): {"organizations.leaving_attempted": "alerted"},
    ("09:42:10", "ConsoleLogin"): {"signin.console_login_without_mfa": "alerted"},
    ("09:43:00", "ConsoleLogin"): {"signin.root_used": "alerted"},
    ("09:35:30", "AuthorizeSecurityGroupIngress"): {"ec2.security_group_opened_to_internet": "fixed"},
}


def test_the_story_ends_as_it_is_told() -> None:
    done = replay([STORY], settings=Settings(), mode="fix")
    assert len(done.events) == 45
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for event in done.events:
        if event.outcomes:
            key = (event.time[11:19], event.name)
            found[(*key, "again") if key in found else key] = unsafe(event)
    assert {key: unsafe for key, unsafe in found.items() if unsafe} == THE_STORY
    assert not [event for event in done.events if event.reenacted is False]
    assert Counter(message.status for message in done.messages) == {"fixed": 15, "alerted": 7}


def test_the_story_in_alert_changes_nothing_and_tells_as_much() -> None:
    done = replay([STORY], settings=Settings(), mode="alert")
    assert done.counts["fixed"] == 0
    assert done.counts["alerted"] == len(done.messages) == 22


def test_handle_needs_a_ledger_and_acts_on_the_aws_of_the_environment(tmp_path: Path) -> None:
    import boto3
    from moto import mock_aws

    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(opened(5, account="123456789012")))
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="acme", ACL="public-read", ObjectOwnership="ObjectWriter")
        with pytest.raises(NoLedger, match="does not exist"):
            handle([path], settings=Settings(), mode="fix")
        done = handle([path], settings=Settings(), mode="fix", create_ledger=True)
        assert statuses(done.events[0]) == {ACL: "fixed"}
        assert (done.events[0].reenacted, done.messages) == (None, [])
        assert len(s3.get_bucket_acl(Bucket="acme")["Grants"]) == 1
        again = handle([path], settings=Settings(), mode="fix")
        assert statuses(again.events[0]) == {ACL: "compliant"}


def test_handle_refuses_events_of_accounts_that_it_doesnt_know(tmp_path: Path) -> None:
    from moto import mock_aws

    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(opened(5, account=MEMBER)))
    with mock_aws():
        done = handle([path], settings=Settings(), create_ledger=True)
    assert done.events[0].outcomes == ()
    assert done.counts["refused"] == 1
    assert "name it under `accounts`" in done.events[0].why


JUNK: list[Any] = [None, "", 0, -1.5, True, [], {}, "x", [None], [[]], {"items": None}, {"items": [None, 1, "a", {}]}]
TOLD = [json.loads(line) for line in STORY.read_text().splitlines()]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into a JSON value, its own left out."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths_of(each, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """An event of the story with one thing in it missing, null or of another type."""
    envelope = deepcopy(draw(st.sampled_from(TOLD)))
    *way, last = draw(st.sampled_from(list(paths_of(envelope))))
    target = envelope
    for key in way:
        target = target[key]
    if draw(st.booleans()):
        target[last] = deepcopy(draw(st.sampled_from(JUNK)))
    else:
        del target[last]
    return envelope


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(envelopes=st.lists(spoilt(), min_size=25, max_size=25), odd=st.lists(st.sampled_from([*JUNK, {"detail": 5}])))
def test_whatever_is_missing_or_mistyped_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, envelopes: list[Any], odd: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "log.jsonl"
    values = [*envelopes, TOLD[0], *({"Records": [each]} for each in odd)]
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    skipped: list[str] = []
    assert list(read([path], skipped=skipped.append))
    done = replay([path], settings=Settings(), mode="fix")
    assert len(done.events) + len(skipped) == len(values), skipped
    told = ("reenacted", "not_reenacted", "nothing_to_reenact")
    assert sum(done.counts[each] for each in told) == done.counts["events"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection of other people's events isn't here")
def test_other_peoples_events_are_replayed(tmp_path: Path) -> None:
    texts = [(SHARED / f"{name}.jsonl").read_text() for name in ("cloudtrail", "native")]
    lines = [json.loads(line) for line in "".join(texts).splitlines()]
    path = tmp_path / "shared.jsonl"
    path.write_text("".join(json.dumps(line.get("record") or line["event"]) + "\n" for line in lines))
    done = replay([path], settings=Settings(), mode="fix")
    assert len(done.events) == sum(is_event(line.get("record") or line["event"]) for line in lines)
    assert all(event.why for event in done.events if event.reenacted is False)
    missed = [event for event in done.events if event.reenacted is False]
    assert not {"gone", "dead_letter", "fixed"} & {each.status for event in missed for each in event.outcomes}
    judged = [event for event in done.events if event.reenacted is not None and event.outcomes]
    ours = [event for event in judged if event.reenacted is False and not event.why.startswith(THEIRS)]
    assert len(ours) / len(judged) <= 0.01, [(event.name, event.why) for event in ours]


THEIRS = ("the record leaves out", "Parameter validation failed", "Invalid length for parameter")
"""Reasons that lie in a record: a call can't be made of it."""
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


def made(seconds: int) -> dict[str, Any]:
    return at(seconds, "s3", "CreateBucket", {"bucketName": "acme", "Host": "acme.s3.amazonaws.com"})


def test_an_event_that_has_to_come_again_is_answered_once_when_it_has(tmp_path: Path) -> None:
    other = opened(60, bucket="other")
    first, second = played(tmp_path, made(0), other)
    assert (first.name, second.name) == ("CreateBucket", "PutBucketAcl")
    assert statuses(first)[HTTP] == "fixed"
    assert statuses(second) == {ACL: "fixed"}


def test_what_a_pipeline_finishes_in_time_is_let_be(tmp_path: Path) -> None:
    policy = at(120, "s3", "PutBucketPolicy", {"bucketName": "acme", "bucketPolicy": POLICY})
    told = {event.name: statuses(event) for event in played(tmp_path, made(0), policy)}
    assert told["CreateBucket"][HTTP] == "compliant"
    assert "fixed" not in told["CreateBucket"].values()


def test_what_can_not_be_looked_at_is_shown_as_unjudged(tmp_path: Path) -> None:
    from tests.support.moto_gaps import BY_RESOURCE_POLICY, deny

    with deny("GetBucketAcl", because=BY_RESOURCE_POLICY):
        (event,) = played(tmp_path, opened(5))
    (outcome,) = event.outcomes
    assert (outcome.guardrail, outcome.status) == (ACL, "unjudged")
    assert "resource-based policy" in outcome.reason
