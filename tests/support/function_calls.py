"""Every function's life, on an in-memory AWS with the names and variables of a deployed stack: what its own role asks of AWS."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlencode

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities import parameters
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib import catalog, wiring
from chalicelib.aws import settings_source
from chalicelib.aws.action_tokens import ActionTokens
from chalicelib.aws.ledger_items import from_item, to_item
from chalicelib.aws.ledger_table import FILLED, TABLE_VARIABLE
from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.clicks.http import FORM
from chalicelib.core.errors import Unfinished
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.settings import Approver, Clicks, Exports, Settings, SnsSettings, WebhookSettings
from chalicelib.core.types import Mode, Status
from chalicelib.engine import second_look
from chalicelib.sweep import queues
from chalicelib.wiring import Application
from snapback.deploy.iam_policies import functions, logical_id
from snapback.memory_aws import gaps
from tests.clicks.server import Api
from tests.security.mutation import example_of
from tests.support.asked import Ask, asked_by
from tests.support.cases import GUARDRAILS, case_of
from tests.support.deployed import MEMBER, homes
from tests.support.events import HOME, REGION, cloudtrail_event
from tests.support.http import Handler, listening
from tests.support.moto_gaps import default_bus, event_history
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.core.rule import Guardrail

ACL = "s3.bucket_acl_made_public"
TABLE, PAGE_KEY = homes()[-1].environment("act")[TABLE_VARIABLE], "k" * 32
BUS, BUCKET = f"arn:aws:events:{REGION}:{HOME}:event-bus/siem", "arn:aws:s3:::findings"


@dataclass
class Deployment:
    """An account with a stack's own things in it. What a function asks with its own credentials is added to `asked`."""

    asked: set[Ask]
    world: World = field(default_factory=lambda: World(boto3.Session(region_name=REGION)))
    running: str = ""

    def __post_init__(self) -> None:
        stack, client = homes()[-1], self.world.client
        for name, each in stack.resources.items():
            match each.get("Type"):
                case "AWS::SQS::Queue":
                    client("sqs").create_queue(QueueName=f"snapback-{name}-1A2B3C")
                case "AWS::SNS::Topic":
                    client("sns").create_topic(Name=f"snapback-{name}-1A2B3C")
                case "AWS::Scheduler::ScheduleGroup":
                    client("scheduler").create_schedule_group(Name=f"snapback-{name}-1A2B3C")
        with self.as_function("act"):
            self.running = ""
            self.application().ledger.create()
            client("s3").create_bucket(Bucket=os.environ[SPILL_VARIABLE])

    @contextmanager
    def as_function(self, function: str) -> Iterator[Any]:
        """Answers the context that Lambda gives it."""
        stack = homes()[-1]
        arn = stack.arn(logical_id(function))
        with (
            patch.dict(os.environ, stack.environment(function)),
            patch.object(BaseClient, "_make_api_call", self._spied()),
        ):
            self.running = function
            try:
                yield SimpleNamespace(invoked_function_arn=arn, get_remaining_time_in_millis=lambda: 60_000)
            finally:
                self.running = ""

    def application(self, mode: Mode = Mode.FIX, **settings: Any) -> Application:
        values = {name: getattr(self.world.settings, name) for name in Settings.__struct_fields__}
        made = Application(
            HOME,
            settings=Settings(**(values | {"mode": mode, "accounts": frozenset({MEMBER})} | settings)),
            now=lambda: self.world.clock,
            sleep=lambda _: None,
            logger=Logger(service="snapback", level="CRITICAL"),
            rules=lambda service, _: catalog.rules(service),  # Others, while they are patched.
        )
        wiring.use(made)
        return made

    def guard(self, service: str, envelope: Any, mode: Mode = Mode.FIX, **settings: Any) -> list[Any]:
        with self.as_function(f"guard_{service}") as context, suppress(Unfinished):
            self.application(mode, **settings)
            return wiring.guard(service, json.loads(json.dumps(envelope, default=str)), context)
        return []

    def _spied(self) -> Any:
        real = BaseClient._make_api_call  # type: ignore[attr-defined]

        def spied(client: Any, operation: str, given: Any) -> Any:
            if self.running and client._request_signer._credentials.access_key == os.environ["AWS_ACCESS_KEY_ID"]:
                self.asked.update(asked_by(self.running, client.meta.service_model.service_name, operation, given))
            return real(client, operation, given)

        return spied


@cache
def recorded() -> frozenset[Ask]:
    asked: set[Ask] = set()
    with mock_aws() as account, gaps.closed(), event_history(), patch("chalicelib.aws.ledger.SPILL_OVER", 1):

        def fresh() -> Deployment:
            account.reset()
            parameters.clear_caches()  # type: ignore[no-untyped-call]
            Metrics(namespace="Snapback").clear_metrics()  # The 100th value of a disabled one warns.
            return Deployment(asked)

        for service in catalog.services():
            _guarded(fresh, service)
        for live in (_settings, _canaries, _people, _sweep, _outbox):
            live(fresh())
    wiring._APPLICATION.clear()
    return frozenset(asked)


def _guarded(fresh: Callable[[], Deployment], service: str) -> None:
    """A finding that is fixed, one in a member account, one in its grace, and one that is safe right after the event."""
    rules = [rule for rule in GUARDRAILS if rule.service == service]

    def handled(
        rule: Guardrail[Any], mode: Mode = Mode.FIX, *, member: bool = False, near: bool = False, **more: Any
    ) -> Any:
        home, case = fresh(), case_of(rule.id)
        envelope = json.dumps((case.near_misses if near else case.unsafe)[0](home.world), default=str)
        envelope = envelope.replace(HOME, MEMBER) if member else envelope
        found: list[Any] = []
        for _ in range(2):  # The second time, there may be a record, with its states in the bucket.
            found += home.guard(service, json.loads(envelope), Mode.OFF, guardrails={rule.id: mode}, **more)
        return {each["status"] for each in found}

    if not rules:
        wire: Any = catalog.rules(service)[0]
        telling: Any = replace(wire, evaluate=lambda *_: "it is told")
        with patch.object(catalog, "rules", {service: [telling]}.__getitem__):
            fresh().guard(service, example_of(wire.on))
    for rule in (each for each in rules if each.fix):
        if "fixed" in handled(rule):
            break
    if rules:
        handled(rules[0], Mode.ALERT)
        handled(rules[0], member=True)
        handled(rules[0], near=True)
    if patient := [each for each in rules if each.grace]:
        handled(patient[0], grace={})


def _settings(home: Deployment) -> None:
    """Each function reads its settings, where they may be published."""
    for stack in {each.parameters["Settings"]: each for each in homes()}.values():
        for function in functions():
            with home.as_function(function), patch.dict(os.environ, stack.environment(function)):
                if live := settings_source.live_settings():
                    live.current()


def _canaries(home: Deployment) -> None:
    with default_bus() as bus, home.as_function("canary") as context:
        home.application()
        wiring.canary(context)
    with home.as_function("canary_echo") as context:
        home.application()
        wiring.canary_echo(bus[-1], context)


def _public(home: Deployment, bucket: str) -> str:
    """A public bucket's record, of a question."""
    s3 = home.world.client("s3")
    s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    event = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": bucket})
    (found,) = home.guard("s3", event, Mode.OFF, guardrails={ACL: Mode.ASK})
    return str(found["record"])


def _people(home: Deployment) -> None:
    """A click on the action page, what `act` does for it, an undo; and what the clock has `act` do."""
    client, record = home.world.client, _public(home, "app-clicked")
    client("ssm").put_parameter(Name="/snapback/slack-signing", Value="x" * 32, Type="SecureString")
    client("secretsmanager").create_secret(Name="snapback/page-key", SecretString=PAGE_KEY)
    clicks = Clicks(slack_signing_secret="ssm:/snapback/slack-signing", page_key="secretsmanager:snapback/page-key")
    settings: Any = {"clicks": clicks, "approvers": (Approver("page:teams"),)}
    handed: list[Any] = []
    with home.as_function("api_handler"):
        import app as entry

        made = home.application(**settings)
        really = made.ask_act

        def ask_act(request: Any) -> None:
            handed.append(json.loads(json.dumps(request)))
            with suppress(ClientError):  # There is no such function here.
                really(request)

        made.ask_act = ask_act
        token = ActionTokens(PAGE_KEY.encode()).issue(record, "approve", "teams", home.world.clock)
        api = Api(entry.app)
        shown = api.ask("POST", "/page/show", urlencode({"token": token}).encode(), content_type=FORM)
        seen = re.findall(r'name="seen" value="([^"]*)"', shown.text)[0]
        api.ask("POST", "/page/do", urlencode({"token": token, "seen": seen}).encode(), content_type=FORM)
        signed = {"x_slack_request_timestamp": f"{home.world.clock:%s}", "x_slack_signature": f"v0={'0' * 64}"}
        api.ask("POST", "/slack", b"payload=x", content_type=FORM, **signed)
    with home.as_function("act") as context:
        home.application(**settings)
        assert wiring.act(handed[0], context)["status"] == "fixed"
        assert wiring.act({"action": "undo", "record": record, "by": "bob"}, context)["status"] == "undone"
    _public(home, "app-waiting")
    home.world.later(days=2)
    for item in (
        {"pk": {"S": "outbox"}, "channels": {"SS": ["ops"]}},
        {"pk": {"S": "message#ops#s3.1#1"}, "status": {"S": "held#ops"}, "updated_at": {"S": "2026"}},
    ):  # As a version before left it.
        client("dynamodb").put_item(TableName=TABLE, Item=item)
    client("dynamodb").delete_item(TableName=TABLE, Key={"pk": {"S": FILLED}})
    with home.as_function("act") as context:
        home.application(**settings)
        wiring.act({"action": "maintain"}, context)


def _sweep(home: Deployment) -> None:
    """The clock, a place, its resources, some of which have to wait; and a second look that meets a grace."""
    _public(home, "app-swept")
    sqs, stack = home.world.client("sqs"), homes()[-1]

    def messages(queue: str) -> list[Any]:
        url = stack.environment("sweep")[queue]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        return [{"body": each["Body"], "eventSourceARN": url.rpartition("/")[2]} for each in found]

    rule = next(rule for rule in GUARDRAILS if rule.grace and rule.resource.kind() == "s3.Bucket")
    only: dict[str, Any] = {"guardrails": {ACL: Mode.FIX, rule.id: Mode.FIX}, "accounts": frozenset()}
    with home.as_function("sweep") as context:
        home.application(Mode.OFF, **only)
        wiring.sweep({"time": "2026-11-23T10:00:00Z"}, context)
        wiring.sweep({"Records": messages(queues.PLACES_VARIABLE)}, context)
    resources = messages(queues.RESOURCES_VARIABLE)
    for grace in ({}, {"*": 0}):  # moto holds a delayed message back by the real clock.
        with home.as_function("sweep_worker") as context:
            home.application(Mode.OFF, grace=grace, **only)
            with suppress(Unfinished):
                wiring.sweep_worker({"Records": resources}, context)
    rule = next(rule for rule in GUARDRAILS if rule.grace and rule.service in EVENTUAL)
    envelope = {**case_of(rule.id).unsafe[0](home.world), second_look.KEY: [rule.id]}
    again = {"messageId": "1", "body": json.dumps(envelope, default=str)}
    with home.as_function("sweep_worker") as context:
        home.application(Mode.OFF, guardrails={rule.id: Mode.FIX}, grace={})
        wiring.sweep_worker({"Records": [{**again, "eventSourceARN": stack.arn("SecondLooks")}]}, context)


def _outbox(home: Deployment) -> None:
    """Both readers of the stream: what they send where, what they can't read, and what no channel takes."""
    client, record = home.world.client, _public(home, "app-told")
    key = {"pk": {"S": f"record#{record}"}}
    image = client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    change = {"Keys": key, "NewImage": image, "SequenceNumber": "1"}
    good: dict[str, Any] = {"eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}
    bad = {**good, "dynamodb": {**change, "SequenceNumber": "2", "NewImage": {**image, "status": {"S": "unknown"}}}}
    moved = {**change, "SequenceNumber": "3", "OldImage": image}
    moved["NewImage"] = to_item(from_item(image).stepped(Status.FIXED, home.world.clock, "bob"))
    client("sns").create_topic(Name="snapback-ops")
    client("secretsmanager").create_secret(Name="snapback/hook", SecretString=f"whsec_{'a' * 32}")
    topic = SnsSettings(name="ops", topic=f"arn:aws:sns:{REGION}:{HOME}:snapback-ops")
    hook = WebhookSettings(name="hook", url="ssm:/snapback/hook", secret="secretsmanager:snapback/hook")
    with listening(_Taking) as address:
        for url, channels in (("http://127.0.0.1:9", (topic, hook)), (address, (topic, hook)), (address, ())):
            client("ssm").put_parameter(Name="/snapback/hook", Value=url, Type="SecureString", Overwrite=True)
            parameters.clear_caches()  # type: ignore[no-untyped-call]
            with home.as_function("notify") as context:
                home.application(channels=channels)
                wiring.notify({"Records": [good, bad]}, context)
            _of_a_later_version(client("dynamodb"))
            home.world.later(minutes=5)
            with home.as_function("notify") as context:
                home.application(channels=channels)
                wiring.notify({"drain": True}, context)
    exports = Exports(security_hub=True, bus=BUS, ocsf=BUCKET)
    with home.as_function("exports") as context:
        home.application(exports=exports)
        wiring.exports({"Records": [good, bad, {**good, "dynamodb": moved}]}, context)


class _Taking(Handler):
    def serve(self) -> None:
        self.body()
        self.answer(200, {}, b"")


def _of_a_later_version(client: Any) -> None:
    """What is held was held by another version."""
    for item in client.scan(TableName=TABLE)["Items"]:
        if item.get("state") == {"S": "held"}:
            record = json.loads(item["message"]["S"])["record"]
            client.put_item(TableName=TABLE, Item={**item, "message": {"S": json.dumps({"record": record})}})
