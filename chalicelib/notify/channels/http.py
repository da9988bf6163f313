"""One POST to an address that is a secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import urllib3

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.notify.channels.base import TIMEOUT, judge, with_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANSWER = 2048
"""Bytes that are read of an answer: it may have no end."""


class HttpPost:
    """`reason` finds, in what was answered with a 2xx or an error, one of the other side's own words for what is wrong."""

    def __init__(
        self, name: str, url: str, timeout: float = TIMEOUT, reason: Callable[[bytes], str] | None = None
    ) -> None:
        self._name, self._url, self._reason = name, url, reason
        self._http = urllib3.PoolManager(timeout=timeout, retries=False, num_pools=1)
        logging.getLogger("urllib3").setLevel(logging.INFO)  # Its debug lines hold the address, a password.

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Answers the reason, if one was given with a 2xx. Raises ChannelBusy and Undeliverable."""
        return with_secret(self._name, self._url, lambda url: self._once(url, body, headers))

    def _once(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        sent = {"Content-Type": "application/json", "User-Agent": "snapback/0.1", **headers}
        try:
            answer = self._http.request("POST", url, body=body, headers=sent, redirect=False, preload_content=False)
            try:
                # Where nothing is looked for in it, an answer that breaks off after its status is an answer.
                reason = self._reason(answer.read(ANSWER)) if self._reason else ""
            finally:
                answer.close()
        except ValueError:
            raise Undeliverable(f"channel {self._name}: its URL can't be read", renew=True) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ChannelBusy(f"channel {self._name}: {type(error).__name__}") from None
        judge(self._name, answer.status, answer.headers.get("Retry-After"), reason)
        return reason
