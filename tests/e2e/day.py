"""What a day of Snapback is made of: the account, the stack, the ledger, the chat, and how long each thing took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from chalicelib.core.settings import Settings
from chalicelib.core.types import Mode
from snapback.deployed import LEDGER, SPILL, VARIABLES
from snapback.selftest.run import settings_to_prove
from tests.e2e.emulator import ROOT, Broken, Emulator, until
from tests.support.events import HOME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from tests.e2e.slack import Slack

STACK = "snapback-e2e"
BUCKET = "e2e-code"
EXTERNAL_ID = "correct-horse-battery-staple"
BAD = {"failed", "still_unsafe", "fighting", "unjudged", "expired"}
OPTED_IN = ("ecr.image_with_critical_findings", "ecr.release_tag_forbidden", "iam.sessions_stolen")
"""What is put right only where it is named."""
ASKS = "ec2.image_shared"
UNASKED = "s3.account_public_access_block_weakened"
"""S3 Control is asked at the account's own host, `123456789012.…`, which loopback has none of."""
SECRETS = {"/snapback/page-key": "an-emulators-page-key-of-32-bytes-or-more"}


@dataclass
class Day:
    """`folder` is its own, and gone after it."""

    emulator: Emulator
    slack: Slack
    folder: Path
    times: dict[str, list[float]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    """The variables of the command line, once there is a stack."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What one step leaves for another."""

    def took(self, what: str, seconds: float) -> None:
        self.times.setdefault(what, []).append(seconds)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything is put right, told to one channel, and decided by whoever reads it."""
        return {
            "mode": "fix",
            "guardrails": {**dict.fromkeys(OPTED_IN, "fix"), ASKS: "ask", UNASKED: "off"} | self._of_selftest,
            "quarantine": "untag",
            "require": {"releases": {"lib/*": {"tags": ["latest"]}}},
            "channels": [{"name": "chat", "type": "slack", "url": "ssm:/snapback/slack", "per_minute": 600}],
            "clicks": {"page_key": "ssm:/snapback/page-key"},
            "approvers": [{"who": "page:chat"}],
            "flood": {"messages": 1000, "minutes": 1},
            "limits": {"fixes_per_minute": 1000},
            "grace": {"iam.login_profile_without_mfa": 1, "s3.bucket_allows_plain_http": 0},
            "asking": {"remind_hours": 4, "escalate_hours": 24, "expire_hours": 72, "escalate_to": ["chat"]},
        }

    @cached_property
    def _of_selftest(self) -> dict[str, Any]:
        """What the selftest says to set where the mode is fix."""
        return settings_to_prove(Settings(mode=Mode.FIX), HOME)

    def write_settings(self, **changed: Any) -> Path:
        path = self.folder / "snapback.yaml"
        path.write_text(yaml.safe_dump(self.settings | changed))
        return path

    def make(self, *arguments: str) -> str:
        """What `make` says in the checkout, against the emulator."""
        asked = ["make", "--no-print-directory", *arguments]
        return self._run(asked)

    def snapback(self, *arguments: str) -> str:
        """What the command line says, with the stack's parts as docs/operate.md has them."""
        return self._run([str(Path(sys.executable).parent / "snapback"), *arguments])

    def _run(self, asked: list[str]) -> str:
        done = subprocess.run(
            asked, cwd=ROOT, env=self.command_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Broken(f"{' '.join(asked)}: exit code {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout

    def command_environment(self) -> dict[str, str]:
        return {**self.emulator.environment(), "SNAPBACK_STACK": STACK, **self.parts}

    def outputs(self) -> dict[str, str]:
        (stack,) = self.emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def learn_parts(self) -> None:
        found = self.outputs()
        self.parts = {VARIABLES[name]: found[name] for name in (LEDGER, SPILL)}

    @cached_property
    def application(self) -> Application:
        from snapback.commands.options import deployed_application

        os.environ.update(self.emulator.environment() | self.parts)
        return deployed_application(STACK, LEDGER, SPILL)[0]

    def records(self, *guardrails: str) -> dict[str, Record]:
        """The latest of each of these guardrails."""
        found = sorted(
            (self.record(name) for name, of in self.rows() if of[0] in guardrails), key=lambda each: each.event_time
        )
        return {each.guardrail: each for each in found}

    def rows(self) -> list[tuple[str, tuple[str, str, str]]]:
        """All records' ids, with guardrail, status and ARN: a scan, as often as one likes, of a ledger that is small."""
        table = self.emulator.client("dynamodb").get_paginator("scan")
        pages = table.paginate(
            TableName=self.parts[VARIABLES[LEDGER]],
            FilterExpression="begins_with(pk, :record)",
            ExpressionAttributeValues={":record": {"S": "record#"}},
        )
        return [
            (each["pk"]["S"].removeprefix("record#"), tuple(each[name]["S"] for name in ("guardrail", "status", "arn")))
            for page in pages
            for each in page["Items"]
        ]

    def record(self, id: str) -> Record:
        found = self.application.ledger.get(id)
        if found is None:
            raise Broken(f"there is no record {id}")
        return found

    def become(self, guardrail: str, *statuses: str, arn: str = "") -> Record:
        """The guardrail's record, of this resource if one is named, once it is one of these."""
        what = f"{guardrail} {arn}".rstrip()

        def there() -> str:
            mine = {of[1]: name for name, of in self.rows() if of[0] == guardrail and arn in of[2]}
            if bad := mine.keys() & BAD - {*statuses}:
                raise Broken(f"{what} is {' and '.join(bad)}, not {' or '.join(statuses)}")
            return next((name for status, name in mine.items() if status in statuses), "")

        return self.record(until(f"{what} to be {' or '.join(statuses)}", there))

    def given_up(self) -> list[Any]:
        """The dead letters, as the command line lists them."""
        return [json.loads(line) for line in self.snapback("dlq", "list", "--json").splitlines()]

    def hear(self, record: str, messages: int) -> None:
        """Wait until the chat has so many messages about a record."""
        until(f"{messages} messages about {record}", lambda: len(self.slack.about(record)) >= messages)


def when(record: Record, status: str) -> float:
    """Seconds since 1970 when a record became so."""
    return next(datetime.fromisoformat(each.at).timestamp() for each in record.history if each.status == status)


def percentile(values: Iterable[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def shown(times: dict[str, list[float]]) -> list[str]:
    """A line for each thing that was timed, in seconds."""
    lines = []
    for what, values in times.items():
        spread = f"p50 {percentile(values, 0.5):.2f}, p99 {percentile(values, 0.99):.2f}, of {len(values)}"
        lines.append(f"{what:34} {spread if len(values) > 1 else f'{values[0]:.2f}'}")
    return lines


class Clock:
    """How long what is done within it takes."""

    def __init__(self, day: Day, what: str) -> None:
        self._day, self._what = day, what

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._day.took(self._what, time.monotonic() - self._began)
