"""A real HTTP server on this machine that a channel can be pointed at."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASSWORD = "T0000/B0000/hunter2hunter2"


@dataclass
class Receiver:
    """`answers` are given in turn, then 200 for ever; `bodies` are what arrived with a 2xx."""

    url: str
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    delay: float = 0
    says: str = "ok"
    requests: list[tuple[str, Mapping[str, str], Any]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def then(self, status: int, **headers: str) -> None:
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            here.requests.append((self.path, dict(self.headers), body))
            time.sleep(here.delay)
            status, headers = here.answers.pop(0) if here.answers else (200, {})
            if status < 300:
                here.bodies.append(body)
            said = here.says.encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(said))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def do_GET(self) -> None:
            here.requests.append((self.path, dict(self.headers), None))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # The other side gave up waiting.
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Receiver(f"http://127.0.0.1:{server.server_port}/services/{PASSWORD}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
