"""The one seam to AWS: a session for an account, a region and a purpose."""

from __future__ import annotations

import logging
import os
import re
from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from chalicelib.aws.source import open_source, with_credentials
from chalicelib.core.errors import ReadOnly
from chalicelib.core.partitions import partition
from chalicelib.core.snapback_resources import READER, fixer
from chalicelib.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import boto3
    from botocore.model import OperationModel
    from mypy_boto3_sts import STSClient

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Prefetched

ROLES_VARIABLE, EXTERNAL_ID_VARIABLE = "SNAPBACK_ROLES", "SNAPBACK_EXTERNAL_ID"
"""Set where the functions run: the home account's roles are assumed too. And what member accounts know us by."""
_LONGEST_WRITE = 1800
"""Seconds that a fixer's session lasts; botocore takes those of 900 for all but expired, and has each call assume anew."""
_READS = re.compile(r"Get|List|Describe|Head|BatchGet|Lookup")
_CONFIG = Config(
    retries={"mode": "adaptive", "max_attempts": 5},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra=f"snapback/{VERSION}",
)
# Its debug lines hold requests and answers whole: states, secrets; at INFO, each cold start would log where credentials are.
logging.getLogger("botocore").setLevel(logging.WARNING)


class _Memory:
    """What the present look at one account has seen, and the hooks of its clients.

    A look refuses what isn't a read, and answers a repeated call from memory. A hand may be answered from the same
    memory, so that a write starts from the very state that was judged and recorded; its first write ends that.
    """

    def __init__(self) -> None:
        self.answers: dict[Any, Any] = {}
        self.prefetched: dict[Any, Any] = {}
        """Answers to calls that were not made, by what they ask for."""
        self.writes: list[str] = []
        self.baseline: Baseline | None = None
        """What the last look went by, with what it found to be the account's own."""
        self._connections: dict[Any, Any] = {}

    def forget(self) -> None:
        self.answers.clear()
        self.prefetched.clear()

    def connect(self, key: tuple[str, str], client: Any) -> None:
        """Have clients of one account, service and region use the same connections: a TLS handshake is half of a fix's time.

        Each client signs each request with its own role's credentials; a connection knows none.
        """
        endpoint = client._endpoint  # noqa: SLF001 - botocore has no public way to it
        endpoint.http_session = self._connections.setdefault(key, endpoint.http_session)

    def looking(self, client: Any) -> None:
        client.meta.events.register_first("provide-client-params", self._asked)
        client.meta.events.register_first("before-call", self._before_read)
        # As it came: botocore's own handlers, such as the one that opens IAM's policies, see each answer again.
        service_id = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"after-call.{service_id}", self._after_read)

    def writing(self, client: Any) -> None:
        client.meta.events.register_first("before-call", self._before_write)

    def _asked(self, params: Any, model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        if self.prefetched:
            service, region = model.service_model.service_name, context["client_region"]
            context["snapback_asked"] = (service, model.name, region, repr(sorted(params.items())))

    def _before_read(self, model: OperationModel, **call: Any) -> Any:
        if not _READS.match(model.name):
            service = model.service_model.service_name
            raise ReadOnly(
                f"{service}:{model.name} isn't a read: a guardrail may only read; put the call in a fix's write"
            )
        return self._recalled(model, **call)

    def _before_write(self, model: OperationModel, **call: Any) -> Any:
        if _READS.match(model.name):
            return self._recalled(model, **call)
        self.forget()
        self.writes.append(f"{model.service_model.service_name}:{model.name}")
        return None

    def _recalled(self, model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: Any) -> Any:
        body = params["body"]
        key = (
            model.service_model.service_name,
            model.name,
            params["url"],  # Its host names the bucket.
            repr(params["query_string"]),
            body if isinstance(body, bytes) else repr(body),
            params["headers"].get("X-Amz-Target"),
            context.get("client_region"),
        )
        context["snapback"] = key
        answer = self.answers.get(key) or self.prefetched.get(context.pop("snapback_asked", None))
        http_response, parsed = answer or (None, None)
        return http_response and (http_response, deepcopy(parsed))

    def _after_read(self, http_response: Any, parsed: Any, context: dict[str, Any], **_: Any) -> None:
        if http_response.status_code < 500 and "snapback" in context:  # noqa: PLR2004
            self.answers[context["snapback"]] = (http_response, deepcopy(parsed))


def utc_now() -> datetime:
    return datetime.now(UTC)


class AwsSession:
    """Clients of one account and region; they are kept for the life of the container."""

    def __init__(
        self,
        source: boto3.Session,
        clients: dict[Any, Any],
        account: str,
        region: str,
        baseline: Baseline,
        hooked: Callable[[Any], None] = lambda _: None,
        calls: Sequence[str] = (),
        memory: _Memory | None = None,
        readers: Callable[[str, str], AwsSession] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.account, self.region, self.calls = account, region, calls
        self.now = now or utc_now()
        self._source, self._clients, self._hooked, self._readers = source, clients, hooked, readers
        self._memory = memory or _Memory()
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
            region = self.client(service).meta.region_name  # IAM's isn't Snapback's.
            self._memory.prefetched[service, operation, region, repr(sorted(asked.items()))] = (_Fine, answer)

    def client(self, service: str, region: str = "") -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            client = self._source.client(service, region_name=key[1], config=_CONFIG)  # type: ignore[call-overload]
            self._hooked(client)
            self._memory.connect(key, client)
            self._clients[key] = client
        return self._clients[key]


class _Fine:
    """The HTTP response to a call that was not made."""

    status_code = 200


class AwsSessions:
    """Sessions by the roles of `core.own`: the reader's last as long as the container, a fixer's is for one record.

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
        self._memories: dict[str, _Memory] = {}
        self._readers: dict[str, tuple[boto3.Session, dict[Any, Any]]] = {}
        self._writing: dict[Any, Any] = {}
        self._at_home = roles and bool(os.environ.get(ROLES_VARIABLE))
        self._external_id = os.environ.get(EXTERNAL_ID_VARIABLE, "")

    def reader(self, account: str, region: str) -> AwsSession:
        """A fresh reader session. An earlier one of the same account forgets what it read."""
        memory = self._memories.setdefault(account, _Memory())
        memory.forget()
        if account not in self._readers:
            self._readers[account] = (self._as(account, region, READER, RoleSessionName="snapback-look"), {})
        source, clients = self._readers[account]
        return AwsSession(
            source, clients, account, region, self.baseline, memory.looking, (), memory, self.reader, self._now()
        )

    def writer(self, account: str, region: str, record: str, service: str, *, undo: bool = False) -> AwsSession:
        """A session that may write."""
        memory = self._memories.setdefault(account, _Memory())
        name = f"snapback-{record}"
        who: dict[str, Any] = {"RoleSessionName": name, "SourceIdentity": name, "DurationSeconds": _LONGEST_WRITE}
        source = self._as(account, region, fixer(service, undo=undo), **who)
        clients = self._writing if source is self.source else {}
        memory.writes = []
        baseline = memory.baseline or self.baseline
        return AwsSession(
            source, clients, account, region, baseline, memory.writing, memory.writes, memory, now=self._now()
        )

    def _as(self, account: str, region: str, role: str, **who: Any) -> boto3.Session:
        return self.assuming(account, region, role, **who) if account != self.home or self._at_home else self.source

    def assuming(self, account: str, region: str, role: str, **who: Any) -> boto3.Session:
        """A session of a role; it is assumed with the first call, and again before it is over."""
        if account != self.home and self._external_id:
            who["ExternalId"] = self._external_id
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        fetcher = AssumeRoleCredentialFetcher(
            client_creator=lambda *_, **__: self._sts,  # It has the function's own credentials, which it keeps fresh.
            source_credentials=self.source.get_credentials(),
            role_arn=f"arn:{partition(region)}:iam::{account}:role/{role}",
            extra_args=who,
        )
        credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        return with_credentials(self.source, credentials, region)

    @cached_property
    def _sts(self) -> STSClient:
        return self.source.client("sts")
