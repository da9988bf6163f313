"""What a guardrail's tests are written with: a `World` (an in-memory AWS with Snapback in it) and `Case`s."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from chalicelib import catalog
from chalicelib.adapters.sessions import AwsSessions
from chalicelib.core.engine import is_scheduled
from chalicelib.core.event import Event
from chalicelib.core.guardrail import Guardrail
from chalicelib.core.own import READER, fixer
from chalicelib.core.settings import Bucket, Known, Mode, Settings
from chalicelib.wiring import Application
from tests.clients import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

    from chalicelib.adapters.sessions import AwsSession
    from chalicelib.core.engine import Outcome
    from chalicelib.core.ports import Session
    from chalicelib.core.record import Record

_PARAMETERS = "provide-client-params"
"""botocore's event of a call's parameters, as they are given."""
HOME = "123456789012"
REGION = "us-east-1"
STRANGER = "999988887777"
FRIEND = "210987654321"
STACK = f"arn:aws:cloudformation:{REGION}:{HOME}:stack/snapback/11111111-2222-4333-8444-555555555555"
VAULT_KEY = f"arn:aws:kms:{REGION}:{HOME}:key/12345678-1234-4234-8234-123456789012"
VAULT = Bucket(kms_key=VAULT_KEY, versioning=True, logs_to="vault-access", keep_days=365)
TAGS: Any = {"owner": "session", "made-by": "creator", "made-at": "time"}
KNOWN = Known(accounts=frozenset({FRIEND}), buckets={"vault-*": VAULT}, required_tags={"AWS::*": TAGS}, stack=STACK)

Envelope = dict[str, Any]


def cloudtrail_event(
    source: str,
    name: str,
    parameters: Any = None,
    answer: Any = None,
    *,
    actor: dict[str, Any] | None = None,
    account: str = HOME,
    region: str = REGION,
    **detail: Any,
) -> Envelope:
    """An EventBridge envelope around a CloudTrail record in its true shape; `detail` overrides its fields."""
    number = next(_NUMBERS)
    time = "2026-11-23T10:00:00Z"
    record = {
        "eventVersion": "1.11",
        "userIdentity": actor or alice(account),
        "eventTime": time,
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13",
        "requestParameters": parameters,
        "responseElements": answer,
        "requestID": f"00000000-0000-4000-8000-{number:012d}",
        "eventID": f"11111111-0000-4000-8000-{number:012d}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    return {
        "version": "0",
        "id": f"22222222-0000-4000-8000-{number:012d}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{source}",
        "account": account,
        "time": time,
        "region": region,
        "resources": [],
        "detail": record | detail,
    }


def native_event(source: str, detail_type: str, detail: Any, *, account: str = HOME, **envelope: Any) -> Envelope:
    """An EventBridge envelope of a service's own, `guardduty` say; what else it holds overrides its fields."""
    whole = cloudtrail_event("", "", account=account)
    return whole | {"source": f"aws.{source}", "detail-type": detail_type, "detail": detail} | envelope


def analyzer_finding(arn: str, type: str = "AWS::S3::Bucket", **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html."""
    finding = {
        "version": "1.0",
        "id": "44444444-0000-4000-8000-000000000001",
        "status": "ACTIVE",
        "resourceType": type,
        "resource": arn,
        "createdAt": "2026-11-23T09:58:00Z",
        "analyzedAt": "2026-11-23T09:59:00Z",
        "updatedAt": "2026-11-23T09:59:00Z",
        "principal": {"AWS": STRANGER},
        "action": ["s3:GetObject"],
        "condition": {},
        "isPublic": False,
        "isDeleted": False,
        "accountId": HOME,
        "region": REGION,
    }
    analyzer = f"arn:aws:access-analyzer:{REGION}:{HOME}:analyzer/external"
    return native_event("access-analyzer", "Access Analyzer Finding", finding | detail, resources=[analyzer])


def macie_finding(bucket: str, type: str = "S3BucketPublic", **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html."""
    finding = {
        "schemaVersion": "1.0",
        "id": "64b917aa-3843-014c-91d8-937ffexample",
        "accountId": HOME,
        "partition": "aws",
        "region": REGION,
        "type": f"Policy:IAMUser/{type}",
        "title": "The bucket is open",
        "severity": {"score": 3, "description": "High"},
        "createdAt": "2026-11-23T09:58:00Z",
        "updatedAt": "2026-11-23T09:59:00Z",
        "count": 1,
        "resourcesAffected": {
            "s3Bucket": {"arn": f"arn:aws:s3:::{bucket}", "name": bucket, "owner": {"id": "7009a8971cd53"}},
            "s3Object": None,
        },
        "category": "POLICY",
        "policyDetails": {"actor": {"userIdentity": {"type": "AssumedRole"}}},
        "sample": False,
        "archived": False,
    }
    return native_event("macie", "Macie Finding", finding | detail)


def tag_bucket(world: World, name: str) -> None:
    world.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "team", "Value": "web"}]})


def another_administrator(world: World) -> None:
    """A user `reserve` with AdministratorAccess, beside whom nobody is the last administrator."""
    from tests.moto_gaps import policies_of_aws

    policies_of_aws("AdministratorAccess")
    world.client("iam").create_user(UserName="reserve")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    world.client("iam").attach_user_policy(UserName="reserve", PolicyArn=arn)


def scheduled_event() -> Envelope:
    """The clock's: it names nothing, and asks about all."""
    return native_event("events", "Scheduled Event", {})


def about(rule: Guardrail[Any], envelope: Envelope, look: Session) -> list[Any]:
    """The resources that a guardrail is asked about for an event: those it names, or all when it names none."""
    event = Event.parse(json.loads(json.dumps(envelope, default=str)))
    all_of_them = is_scheduled(event) or rule.resource.unnamed(event)
    return list(dict.fromkeys(rule.resource.all_in(look) if all_of_them else rule.resource.in_event(event)))


def alice(account: str = HOME) -> dict[str, Any]:
    """The userIdentity of an ordinary IAM user."""
    return {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLEALICE00000",
        "arn": f"arn:aws:iam::{account}:user/alice",
        "accountId": account,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": "alice",
    }


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield (number := number + 1)


_NUMBERS = _count()


@dataclass
class Call:
    """One request that reached AWS: `s3`, `GetBucketAcl`."""

    service: str
    operation: str
    request: tuple[Any, ...] = ()
    """What was asked for; equal for the same question."""

    @property
    def about_items(self) -> bool:
        """Whether it is about items of a table, as are the ledger's own; a guardrail's is about the table."""
        return self.service == "dynamodb" and ("Item" in self.operation or self.operation == "Query")


def asked_for(request: Any, operation: str) -> tuple[Any, ...]:
    """What a request is about, as botocore is about to send it; equal for the same question."""
    target = request.headers.get("X-Amz-Target")
    return operation, request.method, request.url, repr(request.params), repr(request.data), target


@dataclass
class World:
    """An account with Snapback in it, one a test. `aws` is the person's own way in, unwatched and unlimited."""

    aws: boto3.Session
    settings: Settings = field(default_factory=lambda: Settings(known=KNOWN, grace={"*": 0}))
    clock: datetime = datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC)
    calls: list[Call] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    waiting: list[tuple[Any, datetime]] = field(default_factory=list)
    """The events that are to come again, and when."""

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.aws.client(service)  # type: ignore[call-overload]
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
            pause=self.pauses.append,
            table="snapback-ledger",
            logger=Logger(service="snapback", level="CRITICAL"),
        )
        application.later = lambda envelope, due: self.waiting.append((envelope, due))
        source: Any = Source(REGION)
        source.events.register("request-created", self._count_call)
        application.sessions = AwsSessions(HOME, application.settings.known, source)
        self._limit(application.sessions)
        if not application.ledger.exists():
            application.ledger.create()
        self.calls.clear()
        return application

    def _limit(self, sessions: AwsSessions) -> None:
        """A look may do what the reader's policies allow, a hand what its fixer's: else NotAllowed is raised."""
        from tests.permissions import check

        look, hand, role = sessions.look, sessions.hand, READER

        def limited(session: AwsSession, who: Callable[[], str]) -> AwsSession:
            def checked(params: Any, event_name: str, **_: Any) -> None:
                _event, service, operation = event_name.split(".")
                check(who(), session.account, service, operation, params)

            hooked = session._hooked

            def both(client: Any) -> None:
                hooked(client)
                client.meta.events.register(_PARAMETERS, checked)

            session._hooked = both
            return session

        def looking(account: str, region: str) -> AwsSession:
            return limited(look(account, region), lambda: READER)

        def writing(account: str, region: str, record: str, service: str) -> AwsSession:
            nonlocal role  # The clients of a hand at home are kept, whichever service's fixer it is.
            role = fixer(service)
            return limited(hand(account, region, record, service), lambda: role)

        vars(sessions).update(look=looking, hand=writing)

    def deliver(self, envelope: Envelope, id: str, mode: Mode | str = Mode.FIX) -> list[Outcome]:
        """Hand an event to the function of a guardrail, set to `mode`; answers that guardrail's outcomes."""
        application = self.application(mode, id)
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
    def denied(self, *operations: str, code: str = "AccessDenied") -> Iterator[None]:
        """While it lasts, these operations (`PutBucketAcl`) answer AccessDenied, as by an IAM policy, or another error."""
        from tests.moto_gaps import deny

        with deny(*operations, code=code):
            yield


@dataclass(frozen=True)
class Case:
    """What tests/test_every_guardrail.py needs to know about a guardrail; each function works on a fresh account.

    `unsafe`: make the resource unsafe and answer the event that tells of it, once for each way.
    `near_misses`: the closest thing that is to be let be, and its event.
    `whole`: the resource's whole state as boto3 tells it, parts that no fix is about included.
    `remove`: delete the resource; None where it can't be deleted.
    `disturb`: change something about the resource that the fix is not about, as someone else may do in between.
    """

    unsafe: tuple[Callable[[World], Envelope], ...]
    near_misses: tuple[Callable[[World], Envelope], ...]
    whole: Callable[[World], Any]
    remove: Callable[[World], None] | None = None
    disturb: Callable[[World], object] | None = None


def case_of(id: str) -> Case:
    """The `CASE` of a guardrail's test file, which mirrors the guardrail's own path."""
    from importlib import import_module

    service, name = id.split(".")
    case = import_module(f"tests.guardrails.{service}.test_{name}").CASE
    assert isinstance(case, Case)
    return case


GUARDRAILS: list[Guardrail[Any]] = [rule for rule in catalog.all_rules() if isinstance(rule, Guardrail)]
