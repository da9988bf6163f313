"""A real HTTP server on this machine that a channel can be pointed at."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from tests.support.http import Handler, listening

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
    asked: Event = field(default_factory=Event)

    def came(self) -> list[tuple[str, Mapping[str, str], Any]]:
        """The requests, once there is one: on a busy machine, a client may give up before the server reads."""
        assert self.asked.wait(60), "no request came"
        return self.requests

    def then(self, status: int, **headers: str) -> None:
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))


@contextmanager
def receiver() -> Iterator[Receiver]:
    here = Receiver("")

    class Receiving(Handler):
        def serve(self) -> None:
            if self.command == "GET":
                here.requests.append((self.path, dict(self.headers), None))
                self.answer(200, {}, b"<html>")
                return
            body = json.loads(self.body())
            here.requests.append((self.path, dict(self.headers), body))
            here.asked.set()
            time.sleep(here.delay)
            status, headers = here.answers.pop(0) if here.answers else (200, {})
            if status < 300:
                here.bodies.append(body)
            self.answer(status, headers, here.says.encode())

    with listening(Receiving) as address:
        here.url = f"{address}/services/{PASSWORD}"
        yield here
