"""The one seam to AWS: a session for an account, a region and a purpose."""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import botocore
from botocore.client import BaseClient
from botocore.config import Config

from chalicelib.aws.source import open_source, with_credentials
from chalicelib.core.errors import ReadOnly
from chalicelib.core.partitions import partition
from chalicelib.core.snapback_resources import READER, fixer
from chalicelib.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import boto3
    from mypy_boto3_sts import STSClient

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Prefetched

ROLES_VARIABLE, EXTERNAL_ID_VARIABLE = "SNAPBACK_ROLES", "SNAPBACK_EXTERNAL_ID"
"""Set where the functions run: the home account's roles are assumed too. And what member accounts know us by."""
_LONGEST_WRITE = 1800
"""Seconds that a fixer's session lasts; botocore takes those of 900 for all but expired, and has each call assume anew."""
_READS = re.compile(r"Get|List|Describe|Head|BatchGet|Lookup")
# At DEBUG, botocore logs whole requests and answers, with states and secrets. At INFO, each cold start logs where the
# credentials are.
logging.getLogger("botocore").setLevel(logging.WARNING)


def _config(retries: Literal["standard", "adaptive"]) -> Config:
    return Config(
        retries={"mode": retries, "max_attempts": 5},
        connect_timeout=3,
        read_timeout=10,
        user_agent=f"snapback/{VERSION} botocore/{botocore.__version__}",  # botocore composes its own thrice a call.
    )


_STANDARD = _config("standard")
_OPENING = RLock()
"""Threads may share a client, but not open two at a time:
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients.
"""


class _Answer(NamedTuple):
    """An answer as it came: botocore's own handlers, such as the one that opens IAM's policies, see it each time."""

    response: Any
    parsed: Any
    context: dict[str, Any]


class _Memory:
    """What the present look at one account has seen.

    A look refuses what isn't a read, and answers a repeated call from memory. A hand may be answered from the same
    memory, so that a write starts from the very state that was judged and recorded; its first write ends that.
    """

    def __init__(self) -> None:
        self.answers: dict[Any, _Answer] = {}
        """By what was asked; those that were prefetched are of calls that were not made."""
        self.writes: list[str] = []
        self.baseline: Baseline | None = None
        """What the last look went by, with what it found to be the account's own."""
        self._asking: Any = None

    def forget(self) -> None:
        self.answers.clear()

    def prefetch(self, client: Any, operation: str, asked: Mapping[str, Any], answer: Any) -> None:
        self.answers.setdefault(_question(client, operation, asked), _Answer(_Fine, answer, {}))

    def looking(self, client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if not _READS.match(operation):
            raise ReadOnly(
                f"{client.meta.service_model.service_name}:{operation} isn't a read: a guardrail may only read; put the"
                " call in a fix's write"
            )
        return self._read(client, operation, asked, keep=True)

    def writing(self, client: Any, operation: str, asked: dict[str, Any]) -> Any:
        """What it reads itself isn't kept: that may be what AWS makes of a write, and soon another."""
        if _READS.match(operation):
            return self._read(client, operation, asked, keep=False)
        self.forget()
        self.writes.append(f"{client.meta.service_model.service_name}:{operation}")
        return send(client, operation, asked)

    def _read(self, client: Any, operation: str, asked: dict[str, Any], *, keep: bool) -> Any:
        question = _question(client, operation, asked)
        if answer := self.answers.get(question):
            return _recalled(client, operation, answer)
        self._asking = question if keep else None
        try:
            return send(client, operation, asked)
        finally:
            self._asking = None

    def listen(self, client: Any) -> None:
        client.meta.events.register_first(f"after-call.{_event_name(client)}", self._keep)

    def _keep(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        """Not what botocore asks on its own within a call, such as S3's HeadBucket for the bucket's region."""
        if self._asking and model.name == self._asking[1] and http_response.status_code < 500:  # noqa: PLR2004
            self.answers[self._asking] = _Answer(http_response, _copied(parsed), context)


def _event_name(client: Any) -> str:
    """A service's, in botocore's events."""
    return str(client.meta.service_model.service_id.hyphenize())


def _question(client: Any, operation: str, asked: Mapping[str, Any]) -> tuple[str, str, str, str]:
    meta = client.meta
    return meta.service_model.service_name, operation, meta.region_name, repr(sorted(asked.items()))


def send(client: Any, operation: str, asked: dict[str, Any]) -> Any:
    return BaseClient._make_api_call(client, operation, asked)  # type: ignore[attr-defined]  # noqa: SLF001 - botocore has no public way to it


def _recalled(client: Any, operation: str, answer: _Answer) -> Any:
    """As botocore goes on after a call: composing, signing and sending it is what costs."""
    parsed = _copied(answer.parsed)
    client.meta.events.emit(
        f"after-call.{_event_name(client)}.{operation}",
        http_response=answer.response,
        parsed=parsed,
        model=client.meta.service_model.operation_model(operation),
        context=answer.context,
    )
    if answer.response.status_code >= 300:  # noqa: PLR2004
        code = answer.context.get("error_code_override") or parsed.get("Error", {}).get("Code")
        raise client.exceptions.from_code(code)(parsed, operation)
    return parsed


def _copied(answer: Any) -> Any:
    """What botocore parses is made of dicts, lists, and what nobody can change."""
    if isinstance(answer, dict):
        return {key: _copied(value) for key, value in answer.items()}
    return [_copied(each) for each in answer] if isinstance(answer, list) else answer


def utc_now() -> datetime:
    return datetime.now(UTC)


class AwsSession:
    """Clients of one account and region.

    What makes a client is kept for the life of the container, whoever uses it: `clients`, by service and region. Each
    session's own signs each request with the session's credentials, and asks as `asking` does, which may answer itself.
    """

    def __init__(
        self,
        source: boto3.Session,
        clients: dict[Any, Any],
        account: str,
        region: str,
        baseline: Baseline,
        asking: Callable[[Any, str, dict[str, Any]], Any] = send,
        calls: Sequence[str] = (),
        memory: _Memory | None = None,
        readers: Callable[[str, str], AwsSession] | None = None,
        now: datetime | None = None,
        config: Config = _STANDARD,
    ) -> None:
        self.account, self.region, self.calls = account, region, calls
        self.now = now or utc_now()
        self.asking = asking
        self._source, self._clients, self._readers, self._config = source, clients, readers, config
        self._memory = memory or _Memory()
        self._own: dict[Any, Any] = {}
        self.baseline = baseline

    @property
    def baseline(self) -> Baseline:
        return self._baseline

    @baseline.setter
    def baseline(self, baseline: Baseline) -> None:
        self._baseline = self._memory.baseline = baseline

    def of_account(self, account: str) -> AwsSession:
        assert self._readers, "of reader sessions only"
        return self._readers(account, self.region)

    def prefetch(self, answers: Iterable[Prefetched]) -> None:
        for service, operation, asked, answer in answers:
            self._memory.prefetch(self.client(service), operation, asked, answer)

    def client(self, service: str, region: str = "") -> Any:
        key = (service, region or self.region)
        if key not in self._own:
            self._own[key] = self._opened(key)
        return self._own[key]

    def _opened(self, key: tuple[str, str]) -> Any:
        if key not in self._clients:
            with _OPENING:
                made: Any = self._source.client(key[0], region_name=key[1], config=self._config)  # type: ignore[call-overload]
            self._memory.listen(made)
            self._clients[key] = made
        shared, credentials = self._clients[key], self._source.get_credentials()
        own = object.__new__(type(shared))  # `copy` asks it for what it hasn't got yet.
        own.__dict__.update(shared.__dict__)

        def ask(operation: str, asked: dict[str, Any]) -> Any:
            shared._request_signer._credentials = credentials  # noqa: SLF001 - botocore has no public way to it
            return self.asking(shared, operation, asked)

        own._make_api_call = ask
        return own


class _Fine:
    """The HTTP response to a call that was not made."""

    status_code = 200


class AwsSessions:
    """Sessions by the roles of `core.own`: the reader's lasts as long as the container, a fixer's is for one record.

    A fixer's session and its source identity are named after the record, so that CloudTrail tells which record wrote what.
    With `roles=False`, as on a laptop, the home account is looked at and written to with the credentials that there are.
    """

    def __init__(
        self,
        home: str,
        baseline: Baseline,
        source: boto3.Session | None = None,
        *,
        roles: bool = True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.home, self.baseline, self._now = home, baseline, now
        self.source = source or open_source()
        self.retries: Literal["standard", "adaptive"] = "standard"
        """botocore's mode of retries. Where many calls are made, as in a sweep, "adaptive" slows down at AWS's limits."""
        self._memories: dict[str, _Memory] = {}
        self._sources: dict[str, boto3.Session] = {}
        self._clients: dict[str, dict[Any, Any]] = {}
        self._at_home = roles and bool(os.environ.get(ROLES_VARIABLE))
        self._external_id = os.environ.get(EXTERNAL_ID_VARIABLE, "")

    def reader(self, account: str, region: str) -> AwsSession:
        """A fresh reader session. An earlier one of the same account forgets what it read."""
        memory = self._memories.setdefault(account, _Memory())
        memory.forget()
        if account not in self._sources:
            self._sources[account] = self._as(account, region, READER, RoleSessionName="snapback-look")
        return AwsSession(
            self._sources[account],
            self._clients.setdefault(account, {}),
            account,
            region,
            self.baseline,
            memory.looking,
            memory=memory,
            readers=self.reader,
            now=self._now(),
            config=self._config,
        )

    def fork(self) -> AwsSessions:
        """The same for another thread: roles are assumed once, but what remembers and signs is its own."""
        found = AwsSessions(self.home, self.baseline, self.source, roles=self._at_home, now=self._now)
        found.retries, found._sources = self.retries, self._sources
        return found

    def writer(self, account: str, region: str, record: str, service: str, *, undo: bool = False) -> AwsSession:
        """A session that may write."""
        memory = self._memories.setdefault(account, _Memory())
        name = f"snapback-{record}"
        who: dict[str, Any] = {"RoleSessionName": name, "SourceIdentity": name, "DurationSeconds": _LONGEST_WRITE}
        memory.writes = []
        return AwsSession(
            self._as(account, region, fixer(service, undo=undo), **who),
            self._clients.setdefault(account, {}),
            account,
            region,
            memory.baseline or self.baseline,
            memory.writing,
            memory.writes,
            memory,
            now=self._now(),
            config=self._config,
        )

    @property
    def _config(self) -> Config:
        return _STANDARD if self.retries == "standard" else _config(self.retries)

    def _as(self, account: str, region: str, role: str, **who: Any) -> boto3.Session:
        return self.assuming(account, region, role, **who) if account != self.home or self._at_home else self.source

    def assuming(self, account: str, region: str, role: str, **who: Any) -> boto3.Session:
        """A session of a role; it is assumed with the first call, and again before it is over."""
        if account != self.home and self._external_id:
            who["ExternalId"] = self._external_id
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        fetcher = AssumeRoleCredentialFetcher(
            client_creator=lambda *_, **__: self._sts,  # This client renews the function's own credentials.
            source_credentials=self.source.get_credentials(),
            role_arn=f"arn:{partition(region)}:iam::{account}:role/{role}",
            extra_args=who,
        )
        credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        return with_credentials(self.source, credentials, region)

    @cached_property
    def _sts(self) -> STSClient:
        with _OPENING:
            return self.source.client("sts")
