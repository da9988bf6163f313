"""A version of the settings that is not in use is reported as a finding is: by a record, once, through the outbox."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.core.errors import StepRefused
from chalicelib.core.event import Actor
from chalicelib.core.record import Record
from chalicelib.core.settings import Limits
from chalicelib.core.types import Mode, Status

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.aws.settings_source import Refusal
    from chalicelib.core.ports import Ledger
    from chalicelib.core.resource import Account

RULE = "snapback.settings_refused"
"""In the place of a guardrail's id, for routes; it is none, and no setting turns it off."""


def report(refusal: Refusal, ledger: Ledger, account: Account, now: datetime) -> None:
    """Once for each version, and once a day while there is none to be read, whoever finds it first."""
    version = refusal.version or f"unreadable on {now:%Y-%m-%d}"
    record = Record(
        id=Record.id_for(RULE, account, version),
        guardrail=RULE,
        title="Published settings refused",
        severity="critical",
        kind=account.kind(),
        resource=account.id,
        account=account.account,
        region=account.region,
        arn=account.arn,
        reason=f"{refusal.why} (version {version}); Snapback continues with the last good settings; without any, it fixes nothing",
        actor=Actor.of(None, account.account),
        event_id=version,
        event_name="SettingsRefused",
        event_time=now,
        seen_at=now,
        mode=Mode.ALERT,
        status=Status.ALERTED,
    )
    note = "publish settings that pass `snapback settings check`"
    with suppress(StepRefused):  # It is reported already.
        ledger.open(record.stepped(Status.ALERTED, now, "snapback", note), now, Limits())
