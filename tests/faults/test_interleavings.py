"""The pairs of fixes that replace one whole document: two deliveries at once, in every order of their steps."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import catalog
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_items import from_item
from chalicelib.core.errors import StepRefused, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.types import Mode, Status
from chalicelib.engine.context import Context
from chalicelib.engine.engine import Engine
from tests.delivery.turns import Plan, Turns, every_schedule
from tests.faults.interleaving import Ledger, MemoryAws, MemorySessions
from tests.support import shared_documents as documents
from tests.support.events import HOME, STRANGER, cloudtrail_event
from tests.support.world import KNOWN, settings_with

BEGIN = datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC)
BUCKET = [
    documents.allow("Own", {"AWS": documents.root(HOME)}, "s3:*"),
    documents.allow("Public", "*"),
    documents.allow("Unknown", {"AWS": [documents.root(STRANGER), documents.root(HOME)]}),
]
CLAIMS = {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}
TRUST = [
    documents.allow("Partner", {"AWS": [documents.root(STRANGER), documents.root(HOME)]}, "sts:AssumeRole"),
    documents.allow("Web", {"Federated": documents.GITHUB}, "sts:AssumeRoleWithWebIdentity", Condition=CLAIMS),
]
UP = [
    {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"},
]
TLS, PUBLIC, UNKNOWN = (
    "s3.bucket_allows_plain_http",
    "s3.bucket_policy_made_public",
    "s3.bucket_policy_trusts_unknown_account",
)
PUT_BUCKET = cloudtrail_event("s3", "PutBucketPolicy", {"bucketName": documents.BUCKET})
PUT_ROLE = cloudtrail_event("iam", "UpdateAssumeRolePolicy", {"roleName": documents.ROLE})
PUT_USER = cloudtrail_event("iam", "PutUserPolicy", {"userName": "maria", "policyName": "up"})
PAIRS = [
    (PUT_BUCKET, TLS, PUBLIC),
    (PUT_BUCKET, TLS, UNKNOWN),
    (PUT_BUCKET, PUBLIC, UNKNOWN),
    (PUT_ROLE, "iam.role_trusts_unknown_account", "iam.role_trusts_any_web_identity"),
    (PUT_USER, "iam.inline_policy_escalates", "iam.policy_directly_on_user"),
]
RULES = {rule for _, *rules in PAIRS for rule in rules}
PREEMPTIONS = 99 if os.environ.get("SNAPBACK_FAULTS") == "all" else 2
"""`make test` tries the orders with so many preemptions; `make faults` tries all."""


class Account:
    """One account, its documents in memory, and the deliveries to it."""

    def __init__(self, turns: Turns) -> None:
        self.late, self._turns = timedelta(), turns
        self.table = Ledger(turns.step)
        self.aws = MemoryAws(
            turns.step,
            {
                "bucket": documents.policy(BUCKET),
                "role": documents.policy(TRUST),
                "inline": {"up": documents.policy(UP)},
            },
        )
        ledger: Any = DynamoLedger(self.table, "ledger", self.now)  # type: ignore[arg-type]
        ledger.paused = lambda: ""  # Asked once in half a minute, so no step of a delivery.
        settings = settings_with(KNOWN, guardrails=dict.fromkeys(RULES, Mode.FIX), grace={"*": 0})
        self.sessions = MemorySessions(self.aws, settings)
        self.engine = Engine(
            Context(
                ledger=ledger,
                sessions=self.sessions,
                settings=settings,
                rule=catalog.rule,
                who_changed=lambda *_: None,
                now=self.now,
                sleep=lambda _: None,
                time_left=lambda: 300.0,
                later=lambda *_: None,
            )
        )

    def now(self) -> datetime:
        return BEGIN + self.late + timedelta(milliseconds=10) * len(self._turns.steps)

    def deliver(self, event: Any, rule: str) -> None:
        try:
            self.engine.handle(Event.parse(event), [catalog.rule(rule)])
        except Unfinished as unfinished:  # Lambda delivers it again.
            if not all(isinstance(error, StepRefused) for error in unfinished.errors):
                raise

    def records(self) -> list[Any]:
        return [from_item(item) for key, item in self.table.items.items() if key.startswith("record#")]

    def why(self, record: Any) -> str | None:
        rule: Any = catalog.rule(record.guardrail)
        found: str | None = rule(record.pointer(), self.sessions.reader(record.account, record.region))
        return found


@pytest.mark.parametrize(("event", "first", "second"), PAIRS)
def test_two_deliveries_at_once_leave_it_safe_in_every_order(event: Any, first: str, second: str) -> None:
    met = set[str]()

    def run(plan: Plan) -> None:
        turns = Turns(plan.choose)
        account = Account(turns)
        turns.run([lambda: account.deliver(event, first), lambda: account.deliver(event, second)])
        met.update(each.status for each in account.records())
        for _ in range(2):  # What was busy is delivered again, a minute later.
            account.late += timedelta(minutes=3)
            for rule in (first, second):
                account.deliver(event, rule)
        for record in account.records():
            assert record.status in {Status.FIXED, Status.EXPIRED}, (record.guardrail, record.status, turns.steps)
            assert account.why(record) is None, (record.guardrail, turns.steps)
        for rule in (first, second):
            assert rule in {each.guardrail for each in account.records()} or not _finds(account, rule, event)

    assert every_schedule(run, PREEMPTIONS) > 50
    assert Status.FIXED in met


@pytest.mark.parametrize(
    ("rule", "event", "name", "third"),
    [
        (PUBLIC, PUT_BUCKET, "bucket", documents.THIRD_BUCKET),
        ("iam.role_trusts_unknown_account", PUT_ROLE, "role", documents.THIRD_ROLE),
    ],
)
def test_a_third_hands_edit_is_kept_but_between_the_last_read_and_the_write(
    rule: str, event: Any, name: str, third: Any
) -> None:
    """There AWS offers no condition to write on; the read directly before the write makes that gap as small as it can be."""
    kept = list[bool]()

    def run(plan: Plan) -> None:
        turns = Turns(plan.choose)
        account = Account(turns)

        def edit() -> None:
            found = json.loads(account.aws.documents[name])["Statement"]
            account.aws.documents[name] = documents.policy([*found, third])

        turns.run([lambda: account.deliver(event, rule), edit])
        account.late += timedelta(minutes=3)
        account.deliver(event, rule)
        assert not _finds(account, rule, event)
        assert all(account.why(each) is None for each in account.records() if each.status is Status.FIXED)
        kept.append(third in json.loads(account.aws.documents[name])["Statement"])

    every_schedule(run, 99)
    assert kept.count(False) == 1
    assert len(kept) > 5


def _finds(account: Account, rule: str, event: Any) -> bool:
    asked: Any = catalog.rule(rule)
    (resource,) = asked.resource.in_event(Event.parse(event))
    return asked(resource, account.sessions.reader(resource.account, resource.region)) is not None
