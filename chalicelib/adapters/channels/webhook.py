"""Any address that takes JSON: one POST a message, and any 2xx means that it arrived."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import urllib3

from chalicelib.adapters.channels import TIMEOUT, Retry, Undeliverable, address, judge

if TYPE_CHECKING:
    from chalicelib.core.message import Message


class Webhook:
    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        self.name, self._url = name, url
        self._http = urllib3.PoolManager(timeout=timeout, retries=False, num_pools=1)
        logging.getLogger("urllib3").setLevel(logging.INFO)  # Its debug lines hold the address, a password.

    def send(self, message: Message) -> None:
        url = address(self.name, self._url)
        try:
            answer = self._http.request(
                "POST",
                url,
                body=json.dumps(body(message)).encode(),
                headers={"Content-Type": "application/json", "User-Agent": "snapback/0.1"},
                redirect=False,
                preload_content=False,
            )
        except ValueError:
            raise Undeliverable(f"channel {self.name}: its address can't be read") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Retry(f"channel {self.name}: {type(error).__name__}") from None
        answer.close()  # What it says is nobody's business, and may have no end.
        judge(self.name, answer.status, answer.headers.get("Retry-After"))


def body(message: Message) -> dict[str, Any]:
    """The fields of `core.message.Message`, with `version` 1 and an `id` that is equal for each delivery."""
    return {"version": 1, "id": message.id, **asdict(message)}
