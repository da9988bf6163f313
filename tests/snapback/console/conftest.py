from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from snapback.console.live import Live
from snapback.console.serve import console_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snapback.console.sources import FileSource
    from tests.support.world import World

CALLER = "arn:aws:sts::123456789012:assumed-role/operators/dana"


@dataclass
class Console:
    """A console that runs, as a browser without scripts asks it."""

    address: str
    source: FileSource | Live
    cookie: str = ""
    key: str = ""

    @property
    def site(self) -> str:
        return self.address.partition("/#")[0]

    @property
    def token(self) -> str:
        return self.address.partition("#")[2]

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Header names have `_` for `-`; the text is JSON where it can be."""
        connection = HTTPConnection(self.site.removeprefix("http://"), timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        received = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, json.loads(text) if received["content-type"] == "application/json" else text, received

    def enter(self) -> None:
        _, told, headers = self.raw(
            "POST", "/start", {"token": self.token}, origin=self.site, content_type="application/json"
        )
        self.cookie, self.key = headers["set-cookie"].partition(";")[0], told["key"]

    def get(self, path: str, status: int = 200) -> Any:
        found, told, _ = self.raw("GET", f"/api/{path}", cookie=self.cookie, x_snapback_key=self.key)
        assert found == status, told
        return told

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        found, told, _ = self.raw(
            "POST",
            f"/api/{path}",
            body,
            cookie=self.cookie,
            x_snapback_key=self.key,
            origin=self.site,
            content_type="application/json",
        )
        assert found == status, told
        return told

    def act(self, action: str, record: str, status: int = 200, **more: str) -> Any:
        """As the page does, of the record as it is now."""
        seen = self.get(f"finding?id={record}")["seen"].get(action, "x")
        return self.post("act", status, action=action, record=record, **{"seen": seen, **more})


@contextmanager
def running(source: FileSource | Live) -> Iterator[Console]:
    server, listener, address = console_server(source)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield Console(address, source)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def live(world: World, elsewhere: None) -> Iterator[Live]:
    """Of an account where Dana works."""
    application = world.application()
    source = Live(lambda: (application, CALLER, {}), "snapback", application.settings)
    yield source
    source.close()


@pytest.fixture
def console(live: Live) -> Iterator[Console]:
    with running(live) as console:
        console.enter()
        yield console
