"""The one seam to AWS: a session for an account, a region and a purpose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from chalicelib.core.resource import partition

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from chalicelib.core.settings import Known

READER, FIXER = "snapback-reader", "snapback-fixer"
"""The roles in member accounts."""

_READS = re.compile(r"Get|List|Describe|Head|BatchGet|Lookup")
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra="snapback/0.1",
)


class ReadOnly(Exception):
    """A guardrail, or a fix's `read`, tried to write; nothing was sent."""


class _Memory:
    """Hooks of one account's reading clients: refuse what isn't a read, answer a repeated call from memory."""

    def __init__(self) -> None:
        self.answers: dict[Any, Any] = {}

    def before(self, model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: Any) -> Any:
        if not _READS.match(model.name):
            service = model.service_model.service_name
            raise ReadOnly(f"{service}:{model.name} is no read: a guardrail may only look; put it in a fix's write")
        body = params["body"]
        key = (
            *(model.service_model.service_name, model.name, params["url_path"]),
            *(repr(params["query_string"]), body if isinstance(body, bytes) else repr(body)),
            params["headers"].get("X-Amz-Target"),
            context.get("client_region"),
        )
        context["snapback"] = key
        return self.answers.get(key)

    def after(self, http_response: Any, parsed: Any, context: dict[str, Any], **_: Any) -> None:
        if http_response.status_code < 500 and "snapback" in context:  # noqa: PLR2004
            self.answers[context["snapback"]] = (http_response, parsed)


class AwsSession:
    """Clients of one account and region; they are kept for the life of the container."""

    def __init__(self, source: boto3.Session, clients: dict[Any, Any], account: str, region: str, known: Known) -> None:
        self.account, self.region, self.known = account, region, known
        self._source, self._clients = source, clients

    def client(self, service: str, region: str = "") -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._source.client(service, region_name=key[1], config=_CONFIG)  # type: ignore[call-overload]
        return self._clients[key]


class _Looking(AwsSession):
    def __init__(self, memory: _Memory, *args: Any) -> None:
        super().__init__(*args)
        self._memory = memory

    def client(self, service: str, region: str = "") -> Any:
        new = (service, region or self.region) not in self._clients
        client = super().client(service, region)
        if new:
            client.meta.events.register_first("before-call", self._memory.before)
            client.meta.events.register_last("after-call", self._memory.after)
        return client


class AwsSessions:
    """Sessions from the environment's credentials; another account's through the roles named above.

    In the home account the function's own role both reads and writes. In others, the role session is named after
    the record, so that CloudTrail tells which record wrote what.
    """

    def __init__(self, home: str, known: Known, source: boto3.Session | None = None) -> None:
        self.home, self.known = home, known
        self.source = source or boto3.Session()
        self._memories: dict[str, _Memory] = {}
        self._readers: dict[str, tuple[boto3.Session, dict[Any, Any]]] = {}
        self._writing: dict[Any, Any] = {}

    def look(self, account: str, region: str) -> AwsSession:
        """A fresh look. An earlier look at the same account forgets what it saw."""
        memory = self._memories.setdefault(account, _Memory())
        memory.answers.clear()
        if account not in self._readers:
            self._readers[account] = (self._as(account, region, READER, "look"), {})
        return _Looking(memory, *self._readers[account], account, region, self.known)

    def hand(self, account: str, region: str, record: str) -> AwsSession:
        """A session that may write."""
        clients = self._writing if account == self.home else {}
        return AwsSession(self._as(account, region, FIXER, record), clients, account, region, self.known)

    def _as(self, account: str, region: str, role: str, name: str) -> boto3.Session:
        if account == self.home:
            return self.source
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
        from botocore.session import get_session

        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self.source._session.create_client,  # noqa: SLF001 - boto3 has no public way to it
            source_credentials=self.source.get_credentials(),
            role_arn=f"arn:{partition(region)}:iam::{account}:role/{role}",
            extra_args={"RoleSessionName": f"snapback-{name}"},
        )
        session = get_session()
        session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return boto3.Session(botocore_session=session, region_name=region)
