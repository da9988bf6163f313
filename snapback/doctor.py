"""`snapback doctor`: each part that Snapback needs, from credentials to channels: ok, broken with what to do, or unknown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from chalicelib.core.errors import SnapbackError
from chalicelib.core.faults import is_fault
from chalicelib.core.snapback_resources import READER
from chalicelib.version import VERSION
from snapback import accounts, deployed
from snapback.account_names import account
from snapback.errors import DENIED, describe_error
from snapback.render import age, plain
from snapback.status import health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.notify.channels.base import Channel
    from chalicelib.wiring import Application
    from snapback.status import Health

State = Literal["ok", "broken", "unknown"]
_SKEW = timedelta(minutes=4)
"""AWS refuses signatures that are five minutes old, or will be: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html."""
_PARTS = (
    "region", "credentials", "clock", "stack", "version", "roles", "trail", "ledger", "events", "writes", "records",
    "dead letters", "failed messages", "channels",
)  # fmt: skip
"""In the order in which they are checked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One part: its state, what was found, and what to do."""

    what: str
    state: State
    found: str
    do: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Doctor:
    """Examines a stack with the credentials and the region of the environment; writes nothing, unless it sends tests."""

    def __init__(
        self, open_app: Callable[[], tuple[Application, str]], stack: str, send: Callable[[Any], str] | None
    ) -> None:
        self._open, self._stack, self._send = open_app, stack, send
        self._outputs: dict[str, str] = {}

    def examine(self) -> Iterator[Line]:
        import boto3

        region = boto3.Session().region_name
        if not region:
            yield Line("region", "broken", "none", "set AWS_REGION to the stack's region")
            yield from _unchecked("region")
            return
        yield Line("region", "ok", region)
        identity: dict[str, Any] = {}
        yield self._asked("credentials", lambda: _credentials(identity), failing="broken")
        if not identity:
            yield from _unchecked("credentials")
            return
        yield self._asked("clock", lambda: _clock(identity, datetime.now(UTC)))
        yield self._asked("stack", lambda: self._deployed(region))
        yield self._version()
        app, _ = self._open()
        app.table = self._outputs.get(deployed.LEDGER, app.table)
        aws = app.sessions.reader(app.home, region)
        yield self._asked("roles", lambda: self._roles(app, aws))
        yield self._asked("trail", lambda: trail(aws.client("cloudtrail"), region))
        yield from self._health(app)
        yield from self._channels(app)

    def _asked(self, what: str, question: Callable[[], Line], failing: State = "unknown") -> Line:
        """A question that AWS refuses, or that can't reach it, has no answer."""
        try:
            return question()
        except Exception as error:  # An answer that isn't AWS's may raise anything.
            line, _ = describe_error(error)
            if not line and is_fault(error):
                raise
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            do = "`snapback permissions doctor` prints the policy that these credentials need" if code in DENIED else ""
            return Line(what, failing, plain(line or accounts.said(error)), do)

    def _deployed(self, region: str) -> Line:
        import boto3

        try:
            (found,) = boto3.client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            do = "pass --stack NAME, or set AWS_REGION to its region; `snapback deploy` makes it"
            return Line("stack", "broken", f"no stack {self._stack!r} in {region}", do)
        self._outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        status = found["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
            return Line("stack", "ok", f"{self._stack}, {status}")
        if status.endswith("IN_PROGRESS"):
            return Line("stack", "unknown", f"{self._stack} is {status}", "run this again when it has finished")
        return Line(
            "stack", "broken", f"{self._stack} is {status}", "see its events in CloudFormation, then deploy again"
        )

    def _version(self) -> Line:
        there = self._outputs.get("Version", "")
        if not there:
            return Line(
                "version", "unknown", f"here {VERSION}; the stack doesn't tell its own", "deploy again to have it told"
            )
        if there == VERSION:
            return Line("version", "ok", f"{VERSION}, here and in the stack")
        return Line(
            "version",
            "broken",
            f"here {VERSION}, in the stack {there}",
            "install the stack's version, or deploy this one",
        )

    def _roles(self, app: Application, aws: Any) -> Line:
        iam = aws.client("iam")
        try:
            iam.get_role(RoleName=READER)
        except iam.exceptions.NoSuchEntityException:
            return Line("roles", "broken", f"no role {READER} in {account(app.home)}", "deploy the stack again")
        well, found = accounts.fixers(aws, app.home)
        return Line("roles", "ok" if well else "broken", found, "" if well else "deploy the stack again")

    def _health(self, app: Application) -> Iterator[Line]:
        found: list[Health] = []

        def ledger() -> Line:
            queues = (self._outputs.get(name, "") for name in (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES))
            found.append(health(app, *queues))
            return Line("ledger", "ok", f"table {app.table}")

        yield self._asked("ledger", ledger, failing="broken")
        if found:
            yield from _of_health(found[0])
        else:
            yield from _unchecked("ledger", before="channels")

    def _channels(self, app: Application) -> Iterator[Line]:
        if not app.settings.channels:
            yield Line(
                "channels", "unknown", "these settings name none", "pass --settings FILE, the file that was deployed"
            )
        for each in app.settings.channels:
            what = f"channel {each.name}"
            if self._send is None:
                yield Line(what, "unknown", "not tested", "`snapback doctor --send` sends it one test message")
                continue
            wrong = self._send(each)
            yield (
                Line(what, "broken", wrong, f"`snapback chat test {each.name}` tests each kind of message")
                if wrong
                else Line(what, "ok", "took a test message")
            )


def _unchecked(broken: str, before: str = "") -> Iterator[Line]:
    """The parts that can't be checked while another is broken."""
    end = _PARTS.index(before) if before else None
    for each in _PARTS[_PARTS.index(broken) + 1 : end]:
        yield Line(each, "unknown", f"not checked, because {broken} is broken", "mend that first, then run this again")


def _credentials(identity: dict[str, Any]) -> Line:
    import boto3

    identity.update(boto3.client("sts").get_caller_identity())
    return Line("credentials", "ok", f"{identity['Arn']} in account {account(identity['Account'])}")


def _clock(identity: dict[str, Any], now: datetime) -> Line:
    """AWS's own time stands in each answer."""
    said = identity["ResponseMetadata"]["HTTPHeaders"].get("date")
    if not said:
        return Line("clock", "unknown", "the answer had no date")
    skew = abs(now - parsedate_to_datetime(said))
    if skew > _SKEW:
        return Line(
            "clock",
            "broken",
            f"{age(skew)} off AWS's clock",
            "set this machine's clock (NTP); AWS refuses old signatures",
        )
    return Line("clock", "ok", f"{age(skew)} off AWS's clock")


def trail(cloudtrail: Any, region: str) -> Line:
    """Whether one trail logs management events of all regions and of global services, and writes: EventBridge hears no others."""
    lacking: list[str] = []
    for each in cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]:
        wrong = []
        if not each.get("IsMultiRegionTrail"):
            wrong.append(f"covers only {each.get('HomeRegion', region)}")
        if not each.get("IncludeGlobalServiceEvents"):
            wrong.append("leaves out global services (IAM)")
        if not cloudtrail.get_trail_status(Name=each["TrailARN"])["IsLogging"]:
            wrong.append("isn't logging")
        if not _manages(cloudtrail.get_event_selectors(TrailName=each["TrailARN"])):
            wrong.append("leaves out management events that write")
        if not wrong:
            return Line("trail", "ok", f"{each['Name']}: management events, all regions, global services")
        lacking.append(f"{each['Name']} {', '.join(wrong)}")
    do = "create a trail for management events in all regions; without one, Snapback hears no API call"
    return Line("trail", "broken", "; ".join(lacking) or "none", do)


def _manages(selectors: Any) -> bool:
    basic = selectors.get("EventSelectors") or []
    if any(
        each.get("IncludeManagementEvents", True) and each.get("ReadWriteType", "All") != "ReadOnly" for each in basic
    ):
        return True
    for each in selectors.get("AdvancedEventSelectors") or []:
        fields = {field["Field"]: field.get("Equals", []) for field in each["FieldSelectors"]}
        if "Management" in fields.get("eventCategory", []) and fields.get("readOnly") != ["true"]:
            return True
    return not basic and not selectors.get("AdvancedEventSelectors")


def _of_health(found: Health) -> Iterator[Line]:
    sign = found.sign
    if found.silent:
        yield Line("events", "broken", "the canary is silent", "see the logs of the functions canary and canary_echo")
    elif sign.answered_at is None:
        yield Line("events", "unknown", "no canary was answered yet", "wait an hour after the deployment")
    else:
        yield Line("events", "ok", f"the last canary was answered {age(found.now - sign.answered_at)} ago")
    if sign.trouble:
        yield Line("settings", "broken", sign.trouble, "`snapback settings check`, then deploy or publish them again")
    if found.paused:
        yield Line("writes", "broken", found.paused, "`snapback resume`")
    else:
        yield Line("writes", "ok", "not paused")
    overdue = "an alarm rings if the function `act` fails; see its log"
    yield (
        Line("records", "broken", f"{found.overdue} overdue", overdue)
        if found.overdue
        else Line("records", "ok", "none overdue")
    )
    for what, count in (("dead letters", found.dead_letters), ("failed messages", found.failed_messages)):
        if count is None:
            yield Line(what, "unknown", "the stack has no such output", "pass --stack NAME")
        else:
            yield Line(what, "broken", str(count), "`snapback dlq list`") if count else Line(what, "ok", "none")
    for name, (count, why) in found.held.items():
        if why:
            yield Line("messages held", "broken", f"{count} for {name}: {why}", f"`snapback chat test {name}`")


def test_message(channel: Channel, message: Any) -> str:
    """Why a test message didn't arrive, or ''."""
    try:
        channel.send(message)
    except SnapbackError as error:
        return plain(error)
    return ""


def worst(lines: Sequence[Line]) -> State:
    return next((state for state in ("broken", "unknown") if any(each.state == state for each in lines)), "ok")
