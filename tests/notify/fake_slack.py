"""A Slack on this machine: the four methods that Snapback calls, with their answers, and trouble on demand.

https://docs.slack.dev/reference/methods/chat.postMessage/, chat.update, users.lookupByEmail; and
https://docs.slack.dev/apis/web-api/rate-limits/ for how it limits.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "xoxb-0000-hunter2hunter2"
HERE = "C0123456789"


@dataclass
class Slack:
    """`messages` are those that stand in conversations, by their ts; `trouble` is answered in turn instead.

    A trouble is (status, headers, text), and None is none.
    """

    api: str
    token: str = TOKEN
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=lambda: {"alice@example.com": "U0123456789"})
    conversations: set[str] = field(default_factory=lambda: {HERE, "U0123456789"})
    trouble: list[tuple[int, dict[str, str], str] | None] = field(default_factory=list)
    delay: float = 0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def fails(self, error: str, *, after: int = 0, **more: str) -> None:
        """The call after so many answers an error."""
        self.trouble += [None] * after + [(200, {}, json.dumps({"ok": False, "error": error, **more}))]

    def limits(self, seconds: int = 30, *, after: int = 0) -> None:
        body = json.dumps({"ok": False, "error": "ratelimited"})
        self.trouble += [None] * after + [(429, {"Retry-After": str(seconds)}, body)]

    @property
    def roots(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if "thread_ts" not in each]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if "thread_ts" in each]

    def answer(self, method: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        error = ""
        if token != f"Bearer {self.token}":
            error = "invalid_auth"
        elif method == "users.lookupByEmail":
            error = "" if body["email"] in self.people else "users_not_found"
        elif body["channel"] not in self.conversations:
            error = "channel_not_found"
        elif method == "chat.update":
            error = "" if body["ts"] in self.messages else "message_not_found"
        elif "thread_ts" in body:
            error = "" if body["thread_ts"] in self.messages else "thread_not_found"
        if error:
            return {"ok": False, "error": error}
        if method == "users.lookupByEmail":
            return {"ok": True, "user": {"id": self.people[body["email"]]}}
        ts = body.get("ts", f"1764000000.{len(self.calls):06d}")
        self.messages[ts] = self.messages.get(ts, {}) | body
        return {"ok": True, "ts": ts, "channel": body["channel"]}


@contextmanager
def slack() -> Iterator[Slack]:
    here = Slack("")

    class Answering(Handler):
        def serve(self) -> None:
            raw = self.body().decode()
            as_json = self.headers["Content-Type"].startswith("application/json")
            body = json.loads(raw) if as_json else {name: values[0] for name, values in parse_qs(raw).items()}
            time.sleep(here.delay)
            with here.lock:
                method = self.path.rpartition("/")[2]
                here.calls.append((method, body))
                trouble = here.trouble.pop(0) if here.trouble else None
                if trouble is None:
                    said = json.dumps(here.answer(method, self.headers.get("Authorization", ""), body))
                    trouble = (200, {}, said)
            status, headers, text = trouble
            self.answer(status, headers, text.encode())

    with listening(Answering) as address:
        here.api = f"{address}/api/"
        yield here
