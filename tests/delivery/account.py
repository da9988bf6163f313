"""An account with buckets in it, Snapback, and people, all of whom may act at once."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from aws_lambda_powertools import Logger
from botocore.client import BaseClient
from moto import mock_aws

from chalicelib import catalog
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Baseline
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.core.types import Mode
from chalicelib.fixes.s3.close_bucket_acl import is_public
from chalicelib.wiring import Application
from snapback.memory_aws import gaps
from tests.delivery.memory import Buckets, Sessions, Table
from tests.support.clients import Source
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.outcome import Outcome
    from chalicelib.core.record import Record
    from tests.delivery.turns import Turns

GUARDRAIL = "s3.bucket_acl_made_public"
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
CALL = timedelta(milliseconds=20)
"""How long a call takes."""
_QUIET = Logger(service="snapback", level="CRITICAL")


class Account(ABC):
    """`writes` are Snapback's own to the buckets: which, and the ACL before and after."""

    writes: list[tuple[str, Any, Any]]

    def __init__(self) -> None:
        self.start_again()
        self.turns: Turns | None = None

    def start_again(self) -> None:
        """With the same ids: a record's shard follows from its id, and a schedule must meet the same calls again."""
        self.clock, self._numbers = START, count(1)

    def step(self) -> None:
        """Before each call that Snapback makes."""
        if self.turns:
            self.turns.step()
        self.clock += CALL

    def later(self, **passed: float) -> None:
        self.clock += timedelta(**passed)

    def container(self, mode: Mode = Mode.FIX, **settings: Any) -> Application:
        """A Lambda container, just started: nothing is remembered."""
        made = Application(
            HOME,
            settings=Settings(mode=mode, **settings),
            now=lambda: self.clock,
            sleep=lambda seconds: self.later(seconds=seconds),
            table="snapback-ledger",
            logger=_QUIET,
        )
        self.connect(made)
        return made

    def deliver(self, envelope: Envelope, mode: Mode = Mode.FIX, **settings: Any) -> Outcome:
        """Hand the event to a function of its own. Raises what makes Lambda deliver it again."""
        engine = self.container(mode, **settings).engine
        (outcome,) = engine.handle(Event.parse(envelope), [catalog.rule(GUARDRAIL)])
        return outcome

    def event(self, bucket: str = "app-logs", *, account: str = HOME, **late: float) -> Envelope:
        """Someone changed the bucket's ACL just now, or so long ago."""
        envelope = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": bucket}, account=account)
        happened = (self.clock - timedelta(**late)).isoformat(timespec="seconds")
        envelope["time"] = envelope["detail"]["eventTime"] = happened
        envelope["id"] = envelope["detail"]["eventID"] = f"{next(self._numbers):032x}"
        return envelope

    def is_unsafe(self, bucket: str = "app-logs") -> bool:
        held = self.acl(bucket)
        return held is not None and any(is_public(grant) for grant in held["Grants"])

    def records(self) -> list[Record]:
        """The oldest first."""
        found = [self.container().ledger.load(item) for item in self.items() if item["pk"]["S"].startswith("record#")]
        return sorted(found, key=lambda record: record.history[0].at)

    def rewritten(self) -> list[str]:
        """The records whose history was not gone on with, but written anew; where that is known."""
        return []

    def locked(self) -> list[str]:
        now = self.clock.timestamp()
        return [item["pk"]["S"] for item in self.items() if float(item.get("lease_until", {}).get("N", 0)) >= now]

    @abstractmethod
    def connect(self, application: Application) -> None: ...
    @abstractmethod
    def reset(self) -> None: ...
    @abstractmethod
    def acl(self, bucket: str = "app-logs") -> Any:
        """Owner and Grants, or None."""

    @abstractmethod
    def set_acl(self, value: Any, bucket: str = "app-logs") -> None:
        """What a person does, in one go: the bucket is there now, with this ACL; None deletes it."""

    @abstractmethod
    def items(self) -> list[Any]:
        """All that is in the ledger's table."""


class Memory(Account):
    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        self.start_again()
        self.table, self.buckets = Table(self.step), Buckets(self.step)
        self.writes = self.buckets.writes

    def rewritten(self) -> list[str]:
        return self.table.rewritten

    def connect(self, application: Application) -> None:
        application.sessions = Sessions(self.buckets, application.settings)  # type: ignore[assignment]
        application.dynamodb = self.table  # type: ignore[assignment]

    def acl(self, bucket: str = "app-logs") -> Any:
        return self.buckets.acls.get(bucket)

    def set_acl(self, value: Any, bucket: str = "app-logs") -> None:
        self.buckets.acls[bucket] = value
        if value is None:
            del self.buckets.acls[bucket]

    def items(self) -> list[Any]:
        return list(self.table.items.values())


class Moto(Account):
    """The calls go as far as moto does; make it with `moto_account`."""

    def __init__(self) -> None:
        super().__init__()
        self._source: Any = Source(REGION)
        self.person: Any = boto3.client("s3", region_name=REGION)
        self._by_person = 0
        self._known: set[str] = set()
        self.container().ledger.create()
        self.reset()

    def reset(self) -> None:
        from moto.dynamodb.models import dynamodb_backends

        self.start_again()
        self.writes = []
        for bucket in list(self._known):
            self.set_acl(None, bucket)
        dynamodb_backends[HOME][REGION].tables["snapback-ledger"].items.clear()

    def connect(self, application: Application) -> None:
        application.sessions = AwsSessions(HOME, Baseline(), self._source, now=application.now)

    @contextmanager
    def _in_person(self) -> Iterator[None]:
        self._by_person += 1
        try:
            yield
        finally:
            self._by_person -= 1

    def sent(self, send: Any, client: Any, model: Any, *request: Any) -> Any:
        if self._by_person:
            return send(client, model, *request)
        self.step()
        if model.name != "PutBucketAcl":
            return send(client, model, *request)
        bucket = request[0]["context"]["input_params"]["Bucket"]
        before = self.acl(bucket)
        answer = send(client, model, *request)
        self.writes.append((bucket, before, self.acl(bucket)))
        return answer

    def acl(self, bucket: str = "app-logs") -> Any:
        if bucket not in self._known:
            return None
        with self._in_person():
            found = self.person.get_bucket_acl(Bucket=bucket)
        return {"Owner": found["Owner"], "Grants": found["Grants"]}

    def set_acl(self, value: Any, bucket: str = "app-logs") -> None:
        with self._in_person():
            if value is None:
                self.person.delete_bucket(Bucket=bucket)
                return self._known.discard(bucket)
            if bucket not in self._known:
                self.person.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
                self._known.add(bucket)
            self.person.put_bucket_acl(Bucket=bucket, AccessControlPolicy=value)
        return None

    def items(self) -> list[Any]:
        from moto.dynamodb.models import dynamodb_backends

        table = dynamodb_backends[HOME][REGION].tables["snapback-ledger"]
        return [json.loads(json.dumps(item.to_json()["Attributes"])) for item in table.all_items()]


@contextmanager
def moto_account() -> Iterator[Moto]:
    send = BaseClient._make_request  # type: ignore[attr-defined]
    made: list[Moto] = []

    def sent(client: Any, model: Any, *request: Any) -> Any:
        return made[0].sent(send, client, model, *request) if made else send(client, model, *request)

    with mock_aws(), gaps.closed(), patch.object(BaseClient, "_make_request", sent):
        made.append(Moto())
        yield made[0]
