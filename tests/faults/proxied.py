"""Lives of findings through a proxy that somebody else wrote, microburst: its faults, and its idea of AWS's errors.

Findings are fixed, approved, undone, swept and told, against a moto server behind the proxy. With each kind of fault it
has to end as it does without any. `make faults` runs it: `python -m tests.faults.proxied MICROBURST`.

moto knows no ClientRequestToken: a transaction whose answer is lost is refused when botocore sends it again, which
DynamoDB does not do. So lost answers cost more tries here than they would in AWS.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3

from bench.cold import moto_server
from chalicelib import catalog
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.event import Event
from chalicelib.core.settings import Flood, Settings
from chalicelib.core.types import Mode
from chalicelib.notify.drain import drain
from chalicelib.notify.outbox import deliver
from snapback import sweep
from snapback.replay.replay import quiet
from tests.faults.scene import Chat
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.wiring import Application

ACL, TRUST = "s3.bucket_acl_made_public", "iam.role_trusts_unknown_account"
BUCKETS = ("app-fixed", "app-approved", "app-undone", "app-swept")
STRANGER = "999988887777"
TRIES = 40
"""As often as Lambda, the clock or a person comes back, a minute later each time."""

_EVERY = {"service": "*", "sequence": {"fail": 1, "pass": 4}}
_REASONS = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "None"}]}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "500s": [{**_EVERY, "error": {"code": "InternalError", "status": 500}}],
    "throttling": [
        {**_EVERY, "service": "dynamodb", "error": {"code": "ThrottlingException"}},
        {**_EVERY, "service": "s3", "error": {"code": "SlowDown", "status": 503}},
        {**_EVERY, "service": "iam", "error": {"code": "Throttling", "status": 400}},
    ],
    "resets": [{**_EVERY, "reset": True}],
    "lost answers": [{"service": "*", "probability": 0.15, "response": {"abort_bytes": 0}}],
    "conflicts": [
        {
            "service": "dynamodb",
            "operation": "TransactWriteItems",
            "sequence": {"fail": 2, "pass": 1},
            "error": {"code": "TransactionCanceledException", "status": 400, "fields": _REASONS},
        }
    ],
}


@dataclass
class Life:
    """What goes through the proxy at `address`; `past` is the way past it."""

    past: boto3.Session
    moto: str
    clock: datetime = datetime(2026, 11, 23, 10, 0, 20, tzinfo=UTC)
    chat: Chat = field(default_factory=Chat)

    def client(self, service: str) -> Any:
        return self.past.client(service, endpoint_url=self.moto)  # type: ignore[call-overload]

    def application(self, mode: Mode) -> Application:
        settings = Settings(mode=mode, grace={"*": 0}, flood=Flood(messages=1000))
        made = quiet(HOME, settings, now=lambda: self.clock, sleep=lambda _: None, table="snapback-ledger")
        made.sessions = AwsSessions(HOME, settings, boto3.Session(region_name=REGION))
        made.channels = [self.chat]
        return made

    def begin(self) -> None:
        _ask("POST", f"{self.moto}/moto-api/reset")
        for name in BUCKETS:
            self.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
            self.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument=document)
        made = self.application(Mode.ALERT)
        made.dynamodb = self.client("dynamodb")
        made.ledger.create()

    def strive(self, act: Callable[[Application], object], mode: Mode = Mode.FIX) -> None:
        """Until it is done. Whoever comes back does so a minute later."""
        for _ in range(TRIES):
            try:
                return void(act(self.application(mode)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                last = error
                self.clock += timedelta(minutes=1)
        raise AssertionError(f"given up after {TRIES} tries: {last!r}")

    def live(self) -> None:
        for name in BUCKETS[:3]:
            mode = Mode.ASK if name == "app-approved" else Mode.FIX
            self.strive(handling("s3", "PutBucketAcl", ACL, bucketName=name), mode)
        self.strive(handling("iam", "UpdateAssumeRolePolicy", TRUST, roleName="ci"))
        self.strive(
            lambda app: settled(app, "app-approved", lambda record: app.engine.approve(record, "carol")), Mode.ASK
        )
        self.strive(lambda app: settled(app, "app-undone", lambda record: app.engine.undo(record, "bob")))
        self.strive(swept)

    def come_back(self) -> None:
        """What runs by the clock once the trouble is over."""
        for _ in range(2):
            self.clock += timedelta(minutes=5)
            self.application(Mode.FIX).maintain()

    def notify(self, app: Application) -> None:
        answer = deliver(app, {"Records": self.news()}, None)
        if answer["batchItemFailures"]:
            raise RuntimeError("Lambda delivers them again")

    def drain(self) -> None:
        """What is held, because its channel was thought to be behind, or its rate used up by what was sent again."""
        for _ in range(3):
            self.clock += timedelta(minutes=1)
            drain(self.application(Mode.FIX))

    def news(self) -> list[Any]:
        streams = self.client("dynamodbstreams")
        (stream,) = streams.list_streams()["Streams"]
        (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
        at = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        found = streams.get_records(ShardIterator=streams.get_shard_iterator(**at)["ShardIterator"])["Records"]
        news = [each for each in found if each["dynamodb"]["Keys"]["pk"]["S"].startswith("record#")]
        made: list[Any] = json.loads(json.dumps(news, default=str))
        return made

    def end(self) -> dict[str, Any]:
        """What anybody can see in the end, and who was told what, in which order, at least once."""
        app = self.application(Mode.FIX)
        records = {record.resource: str(record.status) for record in app.ledger.records()}
        acls = {name: self.client("s3").get_bucket_acl(Bucket=name)["Grants"] for name in BUCKETS}
        trust = self.client("iam").get_role(RoleName="ci")["Role"]["AssumeRolePolicyDocument"]
        said: dict[str, list[str]] = {}
        for message in self.chat.messages:
            said.setdefault(message.resource.rpartition(":")[2], []).append(message.status)
        sent = {resource: list(dict.fromkeys(statuses)) for resource, statuses in said.items()}
        return {"records": records, "acls": acls, "trust": trust, "sent": sent}


def handling(service: str, name: str, guardrail: str, **parameters: str) -> Callable[[Application], object]:
    event = Event.parse(json.loads(json.dumps(cloudtrail_event(service, name, dict(parameters)), default=str)))
    return lambda app: app.engine.handle(event, [catalog.rule(guardrail)])


def settled(app: Application, resource: str, decide: Callable[[str], object]) -> None:
    """What a person asks for, unless it is done: an answer may have been lost."""
    (record,) = (each for each in app.ledger.records() if each.resource == resource)
    if record.status in {"asking", "fixed"} and not (record.status == "fixed" and resource == "app-approved"):
        decide(record.id)
    elif record.status.traits.under_way:
        app.maintain()
        raise RuntimeError("a function is at it")


def swept(app: Application) -> None:
    rules = [rule for rule in catalog.guardrails() if rule.id == ACL]
    places = sweep.places_for(app.settings, rules, home=HOME, home_region=REGION)
    done = sweep.sweep(app, places, "2026-11-23T10:00", kept=True, threads=1)
    if done.errors:
        raise RuntimeError("; ".join(done.errors))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def void(_: object) -> None:
    """For what answers something that nobody wants."""


@contextmanager
def proxy(program: str, upstream: str) -> Iterator[str]:
    """The address of microburst, in a process of its own, on a port that is free now."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [program, "--upstream", upstream, "--host", "127.0.0.1", "--port", str(port), "--no-resign"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                _ask("GET", f"{address}/_microburst/health")
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.kill()  # It waits for connections that boto3 keeps open.
        process.wait(10)


def _ask(method: str, url: str, value: Any = None) -> Any:
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - our own, on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return json.loads(answer.read() or "null")


def run(moto: str, address: str, rules: list[dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """How it ends, and how many faults there were."""
    life = Life(boto3.Session(region_name=REGION), moto)
    life.begin()
    _ask("DELETE", f"{address}/_microburst/fired")
    _ask("POST", f"{address}/_microburst/rules", rules)
    with patch.dict("os.environ", {"AWS_ENDPOINT_URL": address}):
        life.live()
        fired = len(_ask("GET", f"{address}/_microburst/fired?limit=100000"))
        _ask("POST", f"{address}/_microburst/rules", [])
        life.come_back()
        _ask("POST", f"{address}/_microburst/rules", rules)
        life.strive(life.notify)
        _ask("POST", f"{address}/_microburst/rules", [])
        life.drain()
        return life.end(), fired


def main(program: str) -> int:
    lost = 0
    with moto_server() as moto, proxy(program, moto) as address:
        clean, _ = run(moto, address, [])
        for name, rules in FAULTS.items():
            began = time.perf_counter()
            end, fired = run(moto, address, rules)
            differs = {part for part, value in clean.items() if end[part] != value}
            lost += bool(differs) or not fired
            said = (
                "as without" if not differs else f"{sorted(differs)}: {[(clean[p], end[p]) for p in sorted(differs)]}"
            )
            say(f"{name:13} {fired:4} faults, {time.perf_counter() - began:5.1f} s: it ends {said}")
    say(f"{len(FAULTS)} kinds of faults through microburst, {len(FAULTS) - lost} survived, {lost} lost")
    return lost


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
