"""A server on this machine that takes what Slack's incoming webhooks take."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slack:
    """`got` are the bodies that came, each with a `text` and Slack's `blocks`; `refused` is what came and was none."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[Any] = []
        self.refused: list[str] = []

    def about(self, record: str) -> list[Any]:
        return [each for each in self.got if record in json.dumps(each)]


@contextmanager
def slack() -> Iterator[Slack]:
    """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/: JSON with a text, answered by `ok`."""
    found = Slack()

    class Webhook(Handler):
        def serve(self) -> None:
            body = self.body()
            try:
                message = json.loads(body)
                good = self.path == "/services/T0/B0/x" and message["text"] and message["blocks"]
            except (ValueError, KeyError):
                good = False
            if good:
                found.got.append(message)
                self.answer(200, {"Content-Type": "text/html"}, b"ok")
            else:
                found.refused.append(body.decode(errors="replace"))
                self.answer(400, {"Content-Type": "text/html"}, b"invalid_payload")

    with listening(Webhook) as address:
        found.url = f"{address}/services/T0/B0/x"
        yield found
