"""Clients at the price of a copy: making them anew takes longer than most of what a test does with them."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.client import ClientMeta

from tests.support import trimmed

if TYPE_CHECKING:
    from collections.abc import Callable

_MADE: dict[Any, Any] = {}


class Source:
    """Passes for a boto3.Session, and gives each asker a client with hooks of its own before and after a call."""

    def __init__(self, region: str) -> None:
        self.region_name = region
        self._hooks: list[tuple[str, Callable[..., Any]]] = []

    @property
    def events(self) -> Source:
        return self

    def register(self, event: str, hook: Callable[..., Any]) -> None:
        """For the clients that are asked for from now on."""
        self._hooks.append((event, hook))

    def client(self, service: str, region_name: str | None = None, **options: Any) -> Any:
        key = (service, region_name or self.region_name, *sorted(options))
        if key not in _MADE:
            _MADE[key] = _session(self.region_name).client(service, region_name=key[1], **options)
        made = _MADE[key]
        client, meta = object.__new__(type(made)), made.meta  # `copy` asks it for what it hasn't got yet.
        client.__dict__.update(made.__dict__)
        client.meta = ClientMeta(
            copy(meta.events),
            meta.config,
            meta.endpoint_url,
            meta.service_model,
            meta.method_to_api_mapping,
            meta.partition,
        )
        client._endpoint = copy(made._endpoint)
        client._endpoint._event_emitter = client.meta.events
        for event, hook in self._hooks:
            client.meta.events.register(event, hook)
        return client

    def __getattr__(self, name: str) -> Any:
        return getattr(_session(self.region_name), name)


_session = cache(trimmed.source)
