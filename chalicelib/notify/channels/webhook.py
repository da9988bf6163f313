"""Any address that takes JSON: one POST a message, and any 2xx means that it arrived.

With a secret it is signed as https://www.standardwebhooks.com says, so that who gets it can tell that it is Snapback's.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.secrets import values
from chalicelib.core.errors import Undeliverable
from chalicelib.notify.channels.base import TIMEOUT, secret
from chalicelib.notify.channels.http import HttpPost

if TYPE_CHECKING:
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary


class Webhook:
    def __init__(self, name: str, url: str, key: str | None = None, timeout: float = TIMEOUT) -> None:
        self.name, self._key = name, key
        self._post = HttpPost(name, url, timeout)

    def send(self, message: Message) -> None:
        self._send(body(message))

    def sum_up(self, summary: Summary) -> None:
        self._send(summary_body(summary))

    def _send(self, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        self._post(text.encode(), self._signature(body["id"], text) if self._key else {})

    def _signature(self, id: str, text: str) -> dict[str, str]:
        """Of now: a delivery that comes again has the same id, and a new time. There is one signature for each key."""
        from standardwebhooks import Webhook as Signed
        from standardwebhooks.webhooks import EmptyWebhookSecretError

        assert self._key is not None
        at, keys = datetime.now(UTC), values(secret(self.name, self._key, "its signing secret"))
        try:
            signature = " ".join(Signed(key).sign(id, at, text) for key in keys)
        except (ValueError, EmptyWebhookSecretError):
            raise Undeliverable(
                f"channel {self.name}: its signing secret isn't valid; it must be whsec_ and at least 24 bytes in Base64"
            ) from None
        return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def body(message: Message) -> dict[str, Any]:
    """The message's fields, with `version` 1, an `id` that is equal for each delivery, and what its card says."""
    fields = asdict(message)
    del fields["seen"]  # It means something to our own buttons only.
    card = {"why": message.card.why, "check": message.next_checks, "right_way": list(message.right_way[1])}
    return {"version": 1, "id": message.id, "headline": message.headline, "who": message.who, **fields, **card}


def summary_body(summary: Summary) -> dict[str, Any]:
    """The summary's fields, with `version` 1, an `id` that is equal for each delivery, and each record's links."""
    fields = {each.name: getattr(summary, each.name) for each in dataclasses.fields(summary)}
    links = {each.record: dict(each.links) for each in fields.pop("shown") if each.links}
    return {"version": 1, "id": summary.id, **fields, "links": links}
