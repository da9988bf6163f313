"""Snapback's way to AWS, with one fault on it.

A fault sits below botocore's retries and Snapback's memory: what it meets is a call that really goes out.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from chalicelib.aws.sessions import _READS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_send = BaseClient._make_request  # type: ignore[attr-defined]
_LEDGER = frozenset({"TransactWriteItems", "PutItem", "UpdateItem", "GetItem", "BatchGetItem", "Query"})
"""How Snapback speaks to its ledger, and to no other table."""


class Killed(BaseException):
    """The process ends here, as by a lack of memory or of time: no handler of errors sees it."""


@dataclass(frozen=True)
class Call:
    """One request that went out. `outdated` says that an earlier look got another answer to the very same one."""

    service: str
    operation: str
    outdated: bool = False

    @property
    def reads(self) -> bool:
        return bool(_READS.match(self.operation)) or self.operation == "Query"

    @property
    def harmless(self) -> bool:
        return self.reads or self.operation in _LEDGER

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the n-th call (from 0); `lasting`, at every later call of that operation as well."""

    kind: str
    at: int
    call: Call
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.kind}{', lasting,' if self.lasting else ''} at call {self.at} ({self.call.name})"

    @property
    def passing(self) -> bool:
        """Whether a call that is made once more succeeds, and nobody need hear of it."""
        return self.kind in CONFLICTS and not self.lasting

    def meets(self, number: int, call: Call) -> bool:
        return number == self.at or (self.lasting and number > self.at and call.name == self.call.name)


def denied(service: str) -> tuple[int, str]:
    code = {"ec2": "UnauthorizedOperation", "dynamodb": "AccessDeniedException", "ecr": "AccessDeniedException"}
    return 403, code.get(service, "AccessDenied")


def failed(service: str) -> tuple[int, str]:
    code = {"dynamodb": "InternalServerError", "iam": "ServiceFailure", "ecr": "ServerException"}
    return 500, code.get(service, "InternalError")


def throttled(service: str) -> tuple[int, str]:
    code = {"s3": "SlowDown", "s3control": "SlowDown", "ec2": "RequestLimitExceeded", "iam": "Throttling"}
    return (503 if service in {"s3", "s3control", "ec2"} else 400), code.get(service, "ThrottlingException")


ERRORS: dict[str, Callable[[str], tuple[int, str]]] = {"denied": denied, "500": failed, "throttled": throttled}
"""HTTP status and code, as each service says it."""
BEFORE, AFTER = ("timeout before", "killed before"), ("timeout after", "killed after")
"""Without effect, and with."""
STALE = {"stale once": 1, "stale twice": 2}
"""For how many times the same request is answered with what was there before the last write."""
CONFLICTS = {"conflict": "TransactionConflict", "crowded": "ThrottlingError"}
"""The ledger's write is refused for the moment only: another one has the item, or its partition is busy."""
POISONED = "poisoned"
"""The stream holds an item as well that this version can't read."""
UNSEEN = "unseen"
"""The first read finds nothing, or what was there before the change: AWS is late."""
OTHERS = ("removed", "disturbed", "remade")
"""By someone else, just before the call: deleted; changed in another place; put back as it was."""


@dataclass
class Wire:
    """`calls` are those made while it is `open`; what is sent while it isn't is somebody else's business.

    `effects` counts all that may have changed something outside the ledger, by whomever.
    """

    calls: list[Call] = field(default_factory=list)
    fault: Fault | None = None
    someone: Callable[[str], None] = lambda _: None
    unseen: str = ""
    """What the service answers for a resource that isn't there."""
    met: int = 0
    effects: int = 0
    remembers: bool = False
    _open: bool = False
    _writes: int = 0
    _answers: dict[Any, list[tuple[int, Any]]] = field(default_factory=dict)
    _stale: dict[Any, int] = field(default_factory=dict)

    @contextmanager
    def installed(self) -> Iterator[None]:
        def send(client: Any, model: Any, request: Any, context: Any) -> Any:
            if not Call(client.meta.service_model.service_name, model.name).harmless:
                self.effects += 1
            return self._sent(client, model, request, context) if self._open else _send(client, model, request, context)

        with patch.object(BaseClient, "_make_request", send):
            yield

    @contextmanager
    def open(self) -> Iterator[None]:
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def clear(self, fault: Fault | None = None, *, remembers: bool = False) -> None:
        self.calls, self.fault, self.met = [], fault, 0
        self.remembers = remembers
        self._answers, self._stale, self._writes = {}, {}, 0

    def _sent(self, client: Any, model: Any, request: Any, context: Any) -> Any:
        number, call = len(self.calls), Call(client.meta.service_model.service_name, model.name)
        self.calls.append(call)
        fault = self.fault
        key = _key(call, request) if self.remembers and call.reads and call.operation not in _LEDGER else None
        if fault and fault.kind in STALE and number >= fault.at and key:
            old = self._old(key)
            if old is not None and self._stale.setdefault(key, 0) < STALE[fault.kind]:
                self._stale[key] += 1
                self.met += 1
                return deepcopy(old)
        elif fault and fault.meets(number, call):
            self.met += 1
            if number == fault.at:
                assert call.name == fault.call.name, f"call {number} is {call.name}, not {fault.call.name} as before"
            return self._struck(fault.kind, client, model, request, context)
        answer = _send(client, model, request, context)
        if key:
            old = self._old(key)
            self._answers.setdefault(key, []).append((self._writes, deepcopy(answer)))
            self.calls[-1] = Call(call.service, call.operation, outdated=bool(old) and _said(old) != _said(answer))
        if not call.harmless:
            self._writes += 1
        return answer

    def _struck(self, kind: str, client: Any, model: Any, request: Any, context: Any) -> Any:
        service, url = client.meta.service_model.service_name, client.meta.endpoint_url
        if kind in ERRORS:
            status, code = ERRORS[kind](service)
            return _error(url, status, code)
        if kind == UNSEEN:
            return _error(url, 404, self.unseen)
        if kind in CONFLICTS:
            reasons = [{"Code": CONFLICTS[kind]}, {"Code": "None"}]
            return _error(url, 400, "TransactionCanceledException", CancellationReasons=reasons)
        if kind in OTHERS:
            self._open = False
            try:
                self.someone(kind)
            finally:
                self._open = True
            return _send(client, model, request, context)
        if kind in AFTER:
            _send(client, model, request, context)
        if kind.startswith("killed"):
            raise Killed(kind)
        raise (ReadTimeoutError if kind in AFTER else ConnectTimeoutError)(endpoint_url=url)

    def _old(self, key: Any) -> Any:
        """The latest answer to the same request from before the last write."""
        return next((answer for at, answer in reversed(self._answers.get(key, [])) if at < self._writes), None)


def _error(url: str, status: int, code: str, **more: Any) -> Any:
    said = {"Error": {"Code": code, "Message": f"{code}, on purpose"}, **more}
    return AWSResponse(url, status, HTTPHeaders(), None), {**said, "ResponseMetadata": {"HTTPStatusCode": status}}


def _said(answer: Any) -> Any:
    return {name: value for name, value in answer[1].items() if name != "ResponseMetadata"}


def _key(call: Call, request: Any) -> Any:
    return call.name, request["url_path"], repr(request["query_string"]), repr(request["body"])
