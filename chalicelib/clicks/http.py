"""People's clicks, over HTTP: who it is is verified here, what is to be done is handed to `act`, and the answer is quick.

Nothing here writes to anything but the ledger's table, and there only that an action token or a request is used up.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import parse_qs

from chalicelib.aws import secrets
from chalicelib.core.errors import RequestRejected, SecretUnreadable
from chalicelib.engine.decide import LONGEST_EXEMPTION, SHORTEST_REASON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools import Logger
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings

FORM = "application/x-www-form-urlencoded"
DAYS = (1, 7, 30)
"""How long an exemption may be given by a click; or until a date."""
LONGEST_REASON = 300
_FIELDS = 20
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by their names in lower case; `source` is the address of who asks."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    source: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html."""
        context, body = event["requestContext"], (event.get("body") or "").encode(errors="replace")
        return cls(
            method=context["httpMethod"],
            path=context["resourcePath"],
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=base64.b64decode(body) if event.get("isBase64Encoded") else body,
            source=context["identity"]["sourceIp"],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """`why` is for the log."""

    status: int = 200
    body: str = ""
    type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def as_response(self) -> dict[str, Any]:
        headers = {**_HEADERS, "Content-Type": f"{self.type}; charset=utf-8", **self.headers}
        return {"status_code": self.status, "headers": headers, "body": self.body}


class ClicksApp(Protocol):
    """What clicks need of the application."""

    settings: Settings
    table: str
    logger: Logger

    def now(self) -> datetime: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def ask_act(self) -> Callable[[Mapping[str, Any]], None]: ...


def seen_of(record: Record, action: str) -> str:
    """What a person is shown before they ask for an action: it is done only while that is still so."""
    return record.offered if action == "undo-anyway" else record.fingerprint


def form(request: Request, most: int) -> dict[str, str]:
    """The fields of a form, each once. Raises RequestRejected."""
    if len(request.body) > most:
        raise RequestRejected(413, f"a request may have at most {most} bytes")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RequestRejected(415, f"only {FORM} is accepted")
    try:
        fields = parse_qs(request.body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise RequestRejected(400, "the form can't be read") from error
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def secret(name: str, *, anew: bool = False) -> str:
    """What Parameter Store (`ssm:/…`) or Secrets Manager (`secretsmanager:…`) keeps under a name. Raises RequestRejected."""
    try:
        return secrets.secret(name, anew=anew)
    except SecretUnreadable as error:
        raise RequestRejected(503, f"the secret {name} can't be read; check that it exists, then try again") from error


def until(choice: str, day: str, now: datetime) -> datetime:
    """When an exemption ends: in so many of DAYS, or at the end of a day (`date`). Raises ValueError, in words."""
    if day and choice != "date":
        raise ValueError("choose to exempt it until a date, or leave the date empty")
    if choice in map(str, DAYS):
        return now + timedelta(days=int(choice))
    if choice != "date":
        raise ValueError("choose how long")
    try:
        end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), UTC)
    except ValueError:
        raise ValueError("choose a date, such as 2027-01-31") from None
    if not now < end <= now + LONGEST_EXEMPTION:
        raise ValueError(f"choose a date in the future, within {LONGEST_EXEMPTION.days} days")
    return end


def reason(text: str) -> str:
    """Raises ValueError, in words."""
    if not SHORTEST_REASON <= len(text.strip()) <= LONGEST_REASON:
        raise ValueError(
            f"give a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters that somebody else will understand"
        )
    return text.strip()
