"""The API over HTTP on this machine, as API Gateway has it: what comes in becomes its event, and app.py answers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException

from tests.support.events import HOME
from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalice import Chalice

STAGE = "/api"


class Context:
    """What Lambda tells a function about itself."""

    invoked_function_arn = f"arn:aws:lambda:us-east-1:{HOME}:function:snapback-APIHandler"
    function_name = "snapback-APIHandler"
    memory_limit_in_mb = 512
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Gateway(LocalGateway):
    """Chalice's own, with a body that is text, as API Gateway's is where an API names no binary types."""

    def _generate_lambda_context(self) -> Any:
        return Context()

    def _generate_lambda_event(self, method: str, path: str, headers: Any, body: bytes | None) -> Any:
        event = super()._generate_lambda_event(method, path, headers, body)
        return event | {"body": body.decode(errors="replace") if body else None, "isBase64Encoded": False}


@dataclass
class Got:
    """One answer; the names of `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class Api:
    """Asked without a network."""

    def __init__(self, app: Chalice) -> None:
        self._gateway = Gateway(app, Config.create())

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Got:
        """Header names have `_` for `-`. What the gateway itself refuses never reaches a function."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = self._gateway.handle_request(method, path, named, body)
        except LocalGatewayException as refused:
            return Got(refused.CODE, {}, (refused.body or b"").decode())
        told = {name.lower(): value for name, value in answer["headers"].items()}
        return Got(answer["statusCode"], told, answer["body"] or "")


@dataclass
class Site:
    """`requests` are all that came: method, path and headers."""

    url: str
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)


@contextmanager
def serving(api: Api) -> Iterator[Site]:
    site = Site("")

    class Serving(Handler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            site.requests.append((self.command, self.path, dict(self.headers)))
            path = self.path.removeprefix(STAGE) if self.path.startswith(f"{STAGE}/") else "/nowhere"
            got = api.ask(self.command, path, self.body(), **dict(self.headers))
            self.answer(got.status, got.headers, got.text.encode())

    with listening(Serving) as address:
        site.url = f"{address}{STAGE}"
        yield site
