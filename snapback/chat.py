"""One of each message, to see a channel work: `snapback chat test`."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.event import Actor
from chalicelib.core.record import Record
from chalicelib.core.types import REMINDED, Status
from chalicelib.notify.message import Message, message_of
from chalicelib.notify.summary import Summary, summary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from chalicelib.core.settings import Channel as ChannelSettings
    from chalicelib.core.settings import Settings
    from chalicelib.notify.channels.base import Channel

LONGEST_WAIT = 60.0
"""Seconds that a channel may ask us to wait before it takes the next one."""
_LIVES = (
    (("alerted", Status.ALERTED),),
    (
        ("asking", Status.ASKING),
        ("reminded", REMINDED),
        ("", Status.FIXING),
        ("fixed", Status.FIXED),
        ("", Status.UNDOING),
        ("undone", Status.UNDONE),
    ),
    (("", Status.FIXING), ("still_unsafe", Status.STILL_UNSAFE)),
    (("", Status.FIXING), ("failed", Status.FAILED)),
    (("fighting", Status.FIGHTING),),
)
"""The lives of five records; the steps that have a name are sent."""
_OWNER = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}
_OWNERS = {"Grantee": {**_OWNER, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
_EVERYONES = {
    "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
    "Permission": "READ",
}
_SIDES = "example with Terraform against Snapback: fixed 3 times in 60 minutes, and changed back each time; "
"""How the engine begins the reason of a fight."""
_ERROR = "PutBucketAcl: AccessDenied: an example of what AWS may say"


@dataclass(frozen=True, slots=True)
class Sent:
    """`wrong` is why it did not arrive, on one line."""

    name: str
    wrong: str = ""


def examples(now: datetime) -> dict[str, Message | Summary]:
    """One of each, by name, in the order in which they are sent; each says that it is a test."""
    run = secrets.token_hex(7)
    messages_by_name: dict[str, Message | Summary] = {}
    for number, life in enumerate(_LIVES):
        record = _record(f"{run}{number:02x}", now)
        for minutes, (name, step) in enumerate(life):
            at = now + timedelta(minutes=minutes)
            if step == REMINDED:
                record = record.noted(at, "snapback", "asked an hour ago", REMINDED)
            else:
                by = "you" if step in {Status.FIXED, Status.UNDONE} else "snapback"
                error = _ERROR if step == Status.FAILED else ""
                reason = f"{_SIDES}{record.reason}" if step == Status.FIGHTING else record.reason
                record = record.stepped(Status(step), at, by, "a test", error=error, reason=reason)
            if name:
                messages_by_name[name] = message_of(record)
    messages = [each for each in messages_by_name.values() if isinstance(each, Message)]
    return {**messages_by_name, "summary": summary_of(messages)}


def opened(chosen: ChannelSettings, settings: Settings) -> Channel:
    """A channel of the settings, which sends with the credentials of the environment."""
    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.aws.sessions import utc_now
    from chalicelib.notify.channels.open import open_channel
    from chalicelib.notify.links import open_links

    quiet = Logger(service="snapback", level="WARNING", stream=sys.stderr)
    return open_channel(chosen, source=boto3.Session(), links=open_links(settings, utc_now, quiet))


def send(channel: Channel, now: datetime, pause: Callable[[float], None]) -> Iterator[Sent]:
    """Send one of each, and tell of each whether it arrived."""
    for name, example in examples(now).items():
        for last in (False, True):
            try:
                if isinstance(example, Summary):
                    channel.sum_up(example)
                else:
                    channel.send(example)
            except (ChannelBusy, Undeliverable) as error:
                after = error.after if isinstance(error, ChannelBusy) else 0
                if 0 < after <= LONGEST_WAIT and not last:
                    pause(after)
                    continue
                yield Sent(name, str(error))
            else:
                yield Sent(name)
            break


def _record(id: str, now: datetime) -> Record:
    return Record(
        id=id,
        guardrail="s3.bucket_acl_made_public",
        title="TEST, nothing was found: S3 bucket ACL open to everyone",
        severity="high",
        kind="s3.Bucket",
        resource="snapback-test",
        account="123456789012",
        region="us-east-1",
        arn="arn:aws:s3:::snapback-test",
        reason="this is a test by `snapback chat test`: its ACL would grant READ to AllUsers",
        actor=Actor(
            kind="IAMUser",
            principal="arn:aws:iam::123456789012:user/example",
            account="123456789012",
            source_ip="198.51.100.7",
            tool="Terraform",
        ),
        event_id="00000000-0000-4000-8000-000000000000",
        event_name="PutBucketAcl",
        event_time=now - timedelta(minutes=2),
        seen_at=now,
        mode="ask",
        status=Status.ALERTED,
        before={"owner": _OWNER, "grants": [_OWNERS, _EVERYONES]},
        after={"owner": _OWNER, "grants": [_OWNERS]},
        fix="Remove the grants to everyone from the bucket's ACL, and leave the others.",
        calls=("s3:PutBucketAcl",),
    )
