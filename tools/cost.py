"""docs/cost.md: what Snapback costs a month, worked out from what the template has and what an account does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.analysis.text import counted
from snapback.deploy.template.whole import nested_templates, template

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNTS = (1, 50, 500)
MONTH = 30
"""Days."""
PRICED = "November 2026"
EVENTS, FINDINGS, RESOURCES = 3_000, 60, 2_000
"""Of one account: a month's events that a pattern lets through, and findings of them; and resources that a sweep asks about."""
SECONDS, GB = 0.3, 0.5
"""Billed for an event, cold starts spread over all, and the memory of a guard function."""
SWEPT = 0.05
"""Seconds of a function to ask about one resource: docs/sweep.md."""
MESSAGE = 20
"""Resources in one message of the sweep."""
MINUTES = MONTH * 24 * 60
TICKS = MINUTES + MINUTES // 5 + 2 * MONTH * 24
"""Scheduled calls: what is held is sent each minute, what was left is recovered every five, and the canary's two ends."""
LOG_KB = 1.0
"""Of one invocation: Lambda's own three lines, and a metric or a finding."""
WRITES, READS = 16, 12
"""Request units of a finding: its record and its slot, written together and indexed, five steps on; the messages about it."""
LATE = 0.5
"""Of the events; AWS gives no number for how soon it delivers one."""
LOOK = 3 * 0.40 + SECONDS * GB * 13.3334 + 0.1 * 0.20
"""Dollars for a million second looks: sent, received, deleted; a function's time, and a tenth of an invocation."""
POLLS = 5 * 3 * MINUTES
"""Requests with which Lambda looks for messages in one quiet queue: five pollers, 20 seconds each."""


@dataclass(frozen=True)
class Line:
    what: str
    price: float
    per: str
    quantity: Callable[[int], float]
    how: str

    def dollars(self, accounts: int) -> float:
        units = {"million": 1e6, "thousand": 1e3}.get(self.per.split()[0], 1)
        return self.quantity(accounts) / units * self.price


def lines() -> list[Line]:
    made = (template(), *nested_templates().values())
    resources = [each for one in made for each in one["Resources"].values()]
    alarms = sum(each.get("Type") == "AWS::CloudWatch::Alarm" and "Condition" not in each for each in resources)
    polled = sum(
        event["Type"] == "SQS" for each in resources for event in each.get("Properties", {}).get("Events", {}).values()
    )
    metrics = len(set(re.findall(r'"Snapback", ?\\?"([A-Za-z.]+)', str(resources).replace("'", '"'))))

    def swept(accounts: int) -> float:
        return accounts * RESOURCES * MONTH

    def calls(accounts: int) -> float:
        return accounts * (EVENTS + FINDINGS) + TICKS + swept(accounts) / MESSAGE

    return [
        Line("Lambda: requests", 0.20, "million", calls,
             f"{EVENTS:,} events and {FINDINGS} findings an account, {TICKS:,} scheduled calls, a message per {MESSAGE} resources swept"),
        Line("Lambda: time (arm64)", 0.0000133334, "GB-second",
             lambda n: n * EVENTS * SECONDS * GB + swept(n) * SWEPT * GB + n * FINDINGS * 0.2 + TICKS * 0.1 * 0.25,
             f"{SECONDS} s at {GB} GB an event; {SWEPT} s a resource and day; 0.1 s at 0.25 GB a scheduled call"),
        Line("EventBridge: events of other accounts", 1.00, "million", lambda n: (n - 1) * EVENTS,
             "AWS's own events are free in their account; each that a member forwards is billed to the member"),
        Line("DynamoDB: writes", 0.625, "million", lambda n: n * FINDINGS * WRITES + 3 * MONTH * 24, f"{WRITES} units a finding; an event that finds nothing writes nothing"),
        Line("DynamoDB: reads", 0.125, "million", lambda n: n * FINDINGS * READS + TICKS * 4, f"{READS} units a finding, 4 a scheduled call"),
        Line("DynamoDB: storage and point-in-time recovery", 0.45, "GB-month", lambda n: n * FINDINGS * 13 * 8 / 1e6, "8 KB a finding, kept for 400 days"),
        Line("Second looks", LOOK, "million", lambda n: n * EVENTS * LATE,
             f"{LATE:.0%} of the events are handled within ten seconds, found safe, and looked at again: three requests of SQS, and the time; none with `second_look: false`"),
        Line("SQS", 0.40, "million", lambda n: polled * POLLS + 3 * swept(n) / MESSAGE, f"{polled} queues that Lambda polls, quiet or not"),
        Line("CloudWatch: logs", 0.53, "GB", lambda n: calls(n) * LOG_KB / 1e6, f"{LOG_KB:.0f} KB an invocation, taken in and kept for 90 days"),
        Line("CloudWatch: metrics", 0.30, "metric", lambda _: metrics, "those on the dashboard and in alarms, whatever the number of accounts"),
        Line("CloudWatch: alarms", 0.10, "alarm", lambda _: alarms, "two a function, and those of queues, the canary and the stream"),
        Line("CloudWatch: dashboard", 3.00, "dashboard", lambda _: 1, "one"),
        Line("X-Ray", 5.00, "million", lambda n: min(calls(n), MINUTES * 60) * 0.3, "at most a trace a second and 5%: about 0.3 of the calls; none with Tracing=PassThrough"),
        Line("API Gateway", 3.50, "million", lambda n: n * FINDINGS, "a click a finding"),
        Line("Secrets Manager", 0.40, "secret", lambda _: 1, "one channel's address; none if it is in Parameter Store"),
        Line("Scheduler, Parameter Store, SNS, S3", 1.00, "month", lambda n: 0.02 + n * 0.002, "cents: events that come again, settings, mail, large states, the zip"),
    ]  # fmt: skip


def page(made: str) -> str:
    """In Markdown; `made` says who made it."""
    found = lines()
    rows = [
        "| | price, $ | " + " | ".join(counted(n, "account") for n in ACCOUNTS) + " |",
        "|---|---:|" + "---:|" * len(ACCOUNTS),
    ]
    for line in found:
        sums = " | ".join(f"{line.dollars(n):,.2f}" for n in ACCOUNTS)
        rows.append(f"| {line.what} | {_plain(line.price)} per {line.per} | {sums} |")
    totals = {n: sum(line.dollars(n) for line in found) for n in ACCOUNTS}
    rows.append("| **together** | | " + " | ".join(f"**{totals[n]:,.2f}**" for n in ACCOUNTS) + " |")
    rows.append("| an account | | " + " | ".join(f"{totals[n] / n:,.2f}" for n in ACCOUNTS) + " |")
    how = [f"- **{line.what}**: {line.how}." for line in found]
    return "\n".join(
        [
            "# What it costs a month",
            "",
            made,
            f"US dollars, us-east-1, on demand, {PRICED}, without free tiers; check your own prices before you rely on this page. One home",
            "stack with all its defaults. A KMS key costs extra, if `KmsKeyArn` names one ($1, and $0.03 per 10,000 requests).",
            "",
            *rows,
            "",
            "## How the prices are calculated",
            "",
            f"Assumed for each account: {EVENTS:,} changes a month that a guardrail evaluates, {FINDINGS} of them unsafe, and {RESOURCES:,} resources that the daily",
            "sweep evaluates. With twice the changes, the lines that depend on events or findings double; the others stay.",
            "",
            *how,
            "",
            "Not counted, because you have them anyway: the CloudTrail trail (its first copy of management events is free), Security Hub, the bucket for OCSF.",
            "",
            "## What makes it more expensive",
            "",
            "- You pay for metrics, alarms and queues once. Other accounts and regions forward to this one stack, and have none of their own.",
            "- A pipeline that fights Snapback: three rounds, then Snapback stops (`limits` in the settings).",
            "- CloudTrail's data events are not needed, and cost more than all of this.",
            "",
        ]
    )


def _plain(price: float) -> str:
    return f"{price:.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    print(page(""))
