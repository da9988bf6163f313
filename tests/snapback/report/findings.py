"""Records for reports: many, in many accounts, with hostile names among them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.event import Actor
from chalicelib.core.types import Status
from snapback.catalog import entries
from snapback.report.result import Unchecked, result_of
from tests.notify.test_message import NOW, record_of

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from snapback.report.result import Result

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u202e&amp;<!--"
_LIVES = (
    (Status.FIXING, Status.FIXED),
    (Status.ALERTED,),
    (Status.ASKING,),
    (Status.FIXING, Status.FAILED),
    (Status.UNJUDGED,),
    (Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE),
)
_TOOLS = ("Terraform", "AWS console", "AWS CLI", "")


def many(number: int) -> list[Record]:
    """Hostile is the first; all else is as in a large organization."""
    cards = entries()
    return [_record(place, cards[place * 101 % len(cards)]["id"]) for place in range(number)]


def _record(place: int, guardrail: str) -> Record:
    account = f"{111122223333 + place % 40}"
    name = HOSTILE if place == 0 else f"app-{place}-exports"
    person = HOSTILE if place == 0 else f"person-{place * place % 57}"
    principal = f"arn:aws:sts::{account}:assumed-role/deploy/{person}"
    service = guardrail.partition(".")[0]
    return record_of(
        *_LIVES[place % len(_LIVES)],
        id=f"{service}.{place:016x}",
        guardrail=guardrail,
        title=HOSTILE if place == 0 else f"Title of {guardrail}",
        severity=("critical", "high", "medium", "low")[place % 4],
        resource=name,
        account=account,
        arn=f"arn:aws:s3:::{name}",
        reason=f"{name} grants READ to everyone: statement {place % 9}",
        actor=Actor(
            "AssumedRole",
            principal,
            account,
            session=person,
            source_ip=f"198.51.100.{place % 250}",
            tool=_TOOLS[place % 4],
        ),
        event_time=NOW + timedelta(minutes=place * 3 % 40_000),
        event_id=f"{place:032x}",
        before={"grants": [f"READ to AllUsers of {name}"], "password": "not-for-you-1234"},
        after={"grants": [], "password": "not-for-you-1234"},
        calls=("s3:PutBucketAcl",),
        note=HOSTILE if place == 0 else "",
    )


def result(number: int) -> Result:
    unchecked = [Unchecked("s3.bucket_acl_made_public", "AccessDenied: s3:GetBucketAcl", 3)] if number else []
    return result_of(
        "replay", many(number), source="~/cloudtrail-logs/", figures={"events": number * 9}, unchecked=unchecked
    )
