"""What a guardrail's tests are written with: a `World` (an in-memory AWS with Snapback in it) and `Case`s."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow, Baseline, Require, RequiredBucket
from chalicelib.core.settings import Settings
from chalicelib.core.snapback_resources import READER, fixer
from chalicelib.core.types import Mode
from chalicelib.wiring import Application
from tests.support.calls import Call, asked_for
from tests.support.clients import Source, whole
from tests.support.events import FRIEND, HOME, REGION, STACK, Envelope
from tests.support.quick_dynamodb import lay_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

    from chalicelib.aws.sessions import AwsSession
    from chalicelib.core.outcome import Outcome
    from chalicelib.core.record import Record

_PARAMETERS = "provide-client-params"
"""botocore's event of a call's parameters, as they are given."""
VAULT_KEY = f"arn:aws:kms:{REGION}:{HOME}:key/12345678-1234-4234-8234-123456789012"
VAULT = RequiredBucket(kms_key=VAULT_KEY, versioning=True, logs_to="vault-access", keep_days=365)
TAGS: Any = {"owner": "session", "made-by": "creator", "made-at": "time"}
KNOWN = Baseline(
    allow=Allow(accounts=frozenset({FRIEND})),
    require=Require(buckets={"vault-*": VAULT}, required_tags={"AWS::*": TAGS}),
    stack=STACK,
)


def baseline_of(baseline: Baseline) -> dict[str, Any]:
    """Its fields, as settings take them too."""
    return {name: getattr(baseline, name) for name in Baseline.__struct_fields__}


def settings_with(baseline: Baseline, **settings: Any) -> Settings:
    """Settings that hold resources against this baseline."""
    return Settings(**baseline_of(baseline) | settings)


def tag_bucket(world: World, name: str) -> None:
    """Give a bucket the tag team=web, and no other."""
    world.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "team", "Value": "web"}]})


def another_administrator(world: World) -> None:
    """A user `reserve` with AdministratorAccess, beside whom nobody is the last administrator."""
    from tests.support.moto_gaps import policies_of_aws

    policies_of_aws("AdministratorAccess")
    world.client("iam").create_user(UserName="reserve")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    world.client("iam").attach_user_policy(UserName="reserve", PolicyArn=arn)


@dataclass
class World:
    """An account with Snapback in it, one a test. `aws` is the person's own way in, unwatched and unlimited."""

    aws: boto3.Session
    settings: Settings = field(default_factory=lambda: settings_with(KNOWN, grace={"*": 0}))
    clock: datetime = datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC)
    calls: list[Call] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    waiting: list[tuple[Any, datetime]] = field(default_factory=list)
    """The events that are to come again, and when."""
    function: str = ""
    """Which function is running; nobody's limits hold without one."""

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = Source(self.aws.region_name, whole).client(service)
        return self.clients[service]

    def later(self, **passed: float) -> None:
        self.clock += timedelta(**passed)

    def application(self, mode: Mode | str = Mode.FIX, guardrail: str = "", **settings: Any) -> Application:
        """Snapback as settings make it; with a guardrail's id, the mode is set for it by name, and the others are off."""
        values = {name: getattr(self.settings, name) for name in Settings.__struct_fields__}
        values |= {"mode": Mode.OFF, "guardrails": {guardrail: Mode(mode)}} if guardrail else {"mode": Mode(mode)}
        application = Application(
            HOME,
            settings=Settings(**(values | settings)),
            now=lambda: self.clock,
            sleep=self.pauses.append,
            table="snapback-ledger",
            logger=Logger(service="snapback", level="CRITICAL"),
        )
        application.later = lambda envelope, due: self.waiting.append((envelope, due))
        source: Any = Source(REGION)
        source.events.register("request-created", self._count_call)
        source.events.register(f"{_PARAMETERS}.dynamodb", self._hold_to_function)
        application.sessions = AwsSessions(HOME, application.settings, source, now=application.now)
        self._limit(application.sessions)
        lay_ledger(application)
        self.calls.clear()
        return application

    def _limit(self, sessions: AwsSessions) -> None:
        """A look may do what the reader's policies allow, a hand what its fixer's: else NotAllowed is raised."""
        from tests.support.iam import check

        reader, writer, fork, role = sessions.reader, sessions.writer, sessions.fork, READER

        def limited(session: AwsSession, who: Callable[[], str]) -> AwsSession:
            asking = session.asking

            def checked(client: Any, operation: str, asked: Any) -> Any:
                service = client.meta.service_model.service_id.hyphenize()
                check(who(), session.account, service, operation, asked)
                return asking(client, operation, asked)

            session.asking = checked
            return session

        def looking(account: str, region: str) -> AwsSession:
            return limited(reader(account, region), lambda: READER)

        def writing(account: str, region: str, record: str, service: str, *, undo: bool = False) -> AwsSession:
            nonlocal role  # The clients of a hand at home are kept, whichever service's fixer it is.
            role = fixer(service, undo=undo)
            return limited(writer(account, region, record, service, undo=undo), lambda: role)

        def forked() -> AwsSessions:
            found = fork()
            self._limit(found)
            return found

        vars(sessions).update(reader=looking, writer=writing, fork=forked)

    def deliver(self, envelope: Envelope, id: str, mode: Mode | str = Mode.FIX) -> list[Outcome]:
        """Hand an event to the function of a guardrail, set to `mode`; answers that guardrail's outcomes."""
        application = self.application(mode, id)
        with self.running(f"guard_{id.partition('.')[0]}"):
            outcomes = application.guard(id.partition(".")[0], json.loads(json.dumps(envelope, default=str)))
        return [outcome for outcome in outcomes if outcome.guardrail == id]

    def record(self, id: str) -> Record:
        found = self.application().ledger.get(id)
        assert found is not None
        return found

    def records(self) -> list[Record]:
        return list(self.application().ledger.records())

    def _count_call(self, request: Any, operation_name: str, event_name: str, **_: Any) -> None:
        self.calls.append(Call(event_name.split(".")[1], operation_name, asked_for(request, operation_name)))

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """While it lasts, what is asked of the ledger's items is held to this function's policy: else NotAllowed is raised."""
        before, self.function = self.function, function
        try:
            yield
        finally:
            self.function = before

    def _hold_to_function(self, params: Any, model: Any, **_: Any) -> None:
        from tests.support.iam import check_function

        if self.function and ("Item" in model.name or model.name == "Query"):
            check_function(self.function, model.name, params)

    @contextmanager
    def denied(self, *operations: str, code: str = "AccessDenied") -> Iterator[None]:
        """While it lasts, these operations (`PutBucketAcl`) answer AccessDenied, as by an IAM policy, or another error."""
        from tests.support.moto_gaps import deny

        with deny(*operations, code=code):
            yield
