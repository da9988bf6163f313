"""Checks that each account and region in the settings is covered: its roles, its rules, its trail, its events."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import catalog
from chalicelib.aws.sessions import AwsSession
from chalicelib.core.event import dig
from chalicelib.core.partitions import global_regions
from chalicelib.core.pattern import reports_to_one_region
from chalicelib.core.snapback_resources import READER, fixer, forwarding, suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.wiring import Application

TRAILS, RULES = ("cloudtrail:DescribeTrails",), ("events:DescribeRule",)
"""IAM actions that this needs of the reader, besides what guardrails need: about all trails, and about our rules."""
LATELY = timedelta(days=1)
"""Within which something happens in any account that is used."""


@dataclass(frozen=True)
class Check:
    """One question about one account and region: the answer, and whether it is as it should be."""

    account: str
    region: str
    what: str
    well: bool
    found: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def places(application: Application, home_region: str) -> list[tuple[str, str]]:
    """All accounts of the settings in all regions, the home account in its own region first."""
    settings: Settings = application.settings
    regions = [home_region, *sorted(settings.regions - {home_region})]
    accounts = [application.home, *sorted(settings.accounts - {application.home})]
    return [(account, region) for account in accounts for region in regions]


def check(application: Application, home_region: str, records: Iterable[Record]) -> Iterator[Check]:
    """Check each account and region with the reader role; this writes nothing.

    The fixers are read, and not assumed: their sessions are for records, and any other is reported.
    """
    found = last_found(records)
    for account, region in places(application, home_region):
        source = application.sessions.assuming(account, region, READER, RoleSessionName="snapback-look")
        aws = AwsSession(source, {}, account, region, application.settings)
        reader = _asked(lambda aws=aws: _reader(aws))  # type: ignore[misc]
        yield Check(account, region, "reader", *reader)
        if not reader[0]:
            continue
        at_home = (account, region) == (application.home, home_region)
        questions: dict[str, Callable[[], tuple[bool, str]]] = {
            "fixers": lambda aws=aws: fixers(aws, application.home),  # type: ignore[misc]
            "rules": lambda aws=aws, at_home=at_home: (True, "the stack's own") if at_home else _rules(aws),  # type: ignore[misc]
            "trail": lambda aws=aws: _trail(aws),  # type: ignore[misc]
            "events": lambda aws=aws: _events(aws, found.get((aws.account, aws.region)), application.now()),  # type: ignore[misc]
        }
        for what, question in questions.items():
            yield Check(account, region, what, *_asked(question))


def last_found(records: Iterable[Record]) -> dict[tuple[str, str], datetime]:
    """When the newest finding of each account and region was made by an event: that its events do arrive."""
    last: dict[tuple[str, str], datetime] = {}
    for record in records:
        if record.found_by == "event":
            where = (record.account, record.region)
            last[where] = max(record.seen_at, last.get(where, record.seen_at))
    return last


def _asked(question: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    try:
        return question()
    except (ClientError, BotoCoreError) as error:
        return False, said(error)


def said(error: Exception) -> str:
    """What AWS says, on one line."""
    if not isinstance(error, ClientError):
        return str(error)
    told = error.response["Error"]
    return f"{error.operation_name}: {told.get('Code')}: {told.get('Message', '')}"


def _reader(aws: AwsSession) -> tuple[bool, str]:
    arn = aws.client("sts").get_caller_identity()["Arn"]
    return True, f"assumed as {arn.rpartition('assumed-role/')[2] or arn}"


def fixers(aws: AwsSession, home: str) -> tuple[bool, str]:
    """Those that are there, and trust the home account and no other."""
    here = [rule for rule in catalog.guardrails() if aws.account == home or not rule.home_only]
    fixes = [(rule.service, rule.fix) for rule in here if rule.fix]
    names = {fixer(service) for service, _ in fixes}
    names |= {fixer(service, undo=True) for service, fix in fixes if fix.undo_writes}
    iam: Any = aws.client("iam")
    missing: list[str] = []
    strange: list[str] = []
    for name in sorted(names):
        try:
            trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            missing.append(name)
            continue
        trusted = [str(dig(statement, "Principal", "AWS")) for statement in trust["Statement"]]
        if not all(arn.split(":")[4:5] == [home] for arn in trusted):
            strange.append(name)
    wrong = _listed({"missing": missing, "trust other accounts": strange})
    return not wrong, wrong or f"{len(names)} exist"


def _rules(aws: AwsSession) -> tuple[bool, str]:
    events: Any = aws.client("events")
    missing: list[str] = []
    disabled: list[str] = []
    everything = aws.region in global_regions(aws.region)
    for service in sorted({*catalog.services()} - catalog.of_home()):
        for number, pattern in enumerate(catalog.patterns(service), start=1):
            if reports_to_one_region(pattern) and not everything:
                continue  # AWS sends these events to one region only, and the rule is there.
            told = f"{service}{suffix(number)}"
            try:
                rule = events.describe_rule(Name=forwarding(service, number))
            except events.exceptions.ResourceNotFoundException:
                missing.append(told)
                continue
            if rule["State"] == "DISABLED":
                disabled.append(told)
    wrong = _listed({"missing": missing, "disabled": disabled})
    return not wrong, wrong or "all enabled"


def _listed(wrong: Mapping[str, Sequence[str]]) -> str:
    """`missing: a, b; disabled: c`, or nothing when nothing is wrong."""
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in wrong.items() if names)


def _trail(aws: AwsSession) -> tuple[bool, str]:
    """A trail that sees this region's management events; whether an organization's logs, only its own account knows."""
    cloudtrail = aws.client("cloudtrail")
    trails = cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]
    lines: list[str] = []
    for trail in trails:
        if not trail.get("IsMultiRegionTrail") and trail["HomeRegion"] != aws.region:
            continue
        if trail["TrailARN"].split(":")[4] != aws.account:
            return True, f"{trail['Name']}, the organization's"
        if cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"]:
            return True, f"{trail['Name']} is logging"
        lines.append(f"{trail['Name']} is not logging")
    return False, ", ".join(lines) or "none: EventBridge gets no API calls; create a trail for management events"


def _events(aws: AwsSession, last: datetime | None, now: datetime) -> tuple[bool, str]:
    """What came of an event, or at least that CloudTrail has some of late."""
    if last:
        return True, f"last finding {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    seen = aws.client("cloudtrail").lookup_events(StartTime=now - LATELY, EndTime=now, MaxResults=1)["Events"]
    if not seen:
        return False, f"none in CloudTrail within {LATELY.days * 24} hours, and no finding yet"
    return True, f"no finding yet; CloudTrail's last: {seen[0]['EventName']} {seen[0]['EventTime']:%Y-%m-%d %H:%M} UTC"
