"""A real server on this machine that takes messages, or misbehaves in one of the ways that real ones do."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

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


class Handler(BaseHTTPRequestHandler):
    here: Server
    end: Event

    def do_POST(self) -> None:
        self.here.asked += 1
        fault, length = self.here.fault, int(self.headers["Content-Length"])
        if fault == "closed half-way":
            self.rfile.read(length // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.loads(self.rfile.read(length))
        if fault in {"", *TAKEN}:
            self.here.took.append(body)
        if fault in {"time-out", "taken, late"}:
            self.end.wait(20)
        elif fault == "taken, closed":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "garbage":
            self.wfile.write(b"220 mail.example.com ESMTP\r\n")
            self.close_connection = True
        else:
            status, headers = STATUSES.get(fault, (200, {}))
            self._answer(status, headers, cut=fault == "taken, answer cut")

    def _answer(self, status: int, headers: dict[str, str], *, cut: bool) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": "50" if cut else "2"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = cut

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # The other side gave up waiting, or we did.
            self.close_connection = True


@contextmanager
def server() -> Iterator[Server]:
    here, end = Server(""), Event()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Handler,), {"here": here, "end": end}))
    listening.daemon_threads = True
    here.url = f"http://127.0.0.1:{listening.server_port}/hook"
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        end.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/hook"
