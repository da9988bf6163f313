"""A real server on this machine that takes messages, or misbehaves in one of the ways that real ones do."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Semaphore
from typing import TYPE_CHECKING, Any

from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES: dict[str, tuple[int, dict[str, str]]] = {
    "429, Retry-After": (429, {"Retry-After": "100"}),
    "500": (500, {}),
    "503": (503, {}),
    "revoked: 401": (401, {}),
    "revoked: 403": (403, {}),
    "gone: 404": (404, {}),
    "gone: 410": (410, {}),
    "refused: 400": (400, {}),
    "moved: 302": (302, {"Location": "http://127.0.0.1:9/"}),
}
NO_ANSWER = ("time-out", "closed half-way", "garbage")
TAKEN = ("taken, closed", "taken, late", "taken, answer cut")
"""The message is there, and the answer isn't: nobody can tell this from a message that was lost."""
NO_SERVER = ("no connection", "no such name")


@dataclass
class Server:
    """`fault` is one of the above, or nothing; `took` are the bodies that got here whole, and were not refused."""

    url: str
    fault: str = ""
    took: list[Any] = field(default_factory=list)
    asked: int = 0
    hung: Semaphore = field(default_factory=lambda: Semaphore(0))

    def wait_until_hung(self) -> None:
        """For a client that gave up on a server that hangs: on a busy machine, the server may read the request later."""
        assert self.hung.acquire(timeout=60), "no request came"


class Misbehaving(Handler):
    state: Server
    end: Event

    def serve(self) -> None:
        self.state.asked += 1
        fault = self.state.fault
        if fault == "closed half-way":
            self.rfile.read(int(self.headers["Content-Length"]) // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.loads(self.body())
        if fault in {"", *TAKEN}:
            self.state.took.append(body)
        if fault in {"time-out", "taken, late"}:
            self.state.hung.release()
            self.end.wait()
        elif fault == "taken, closed":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "garbage":
            self.wfile.write(b"220 mail.example.com ESMTP\r\n")
            self.close_connection = True
        else:
            status, headers = STATUSES.get(fault, (200, {}))
            self.close_connection = fault == "taken, answer cut"
            self.answer(status, headers, b"ok", length=50 if self.close_connection else None)


@contextmanager
def server() -> Iterator[Server]:
    state, end = Server(""), Event()
    with listening(type("Bound", (Misbehaving,), {"state": state, "end": end})) as address:
        state.url = f"{address}/hook"
        try:
            yield state
        finally:
            end.set()


_TAKEN_PORT = socket.socket()
_TAKEN_PORT.bind(("127.0.0.1", 0))


def closed_port() -> str:
    """An address where nobody listens. The port stays bound, so no other process gets it."""
    return f"http://127.0.0.1:{_TAKEN_PORT.getsockname()[1]}/hook"
