"""Clients at the price of a copy: making them anew takes longer than most of what a test does with them."""

from __future__ import annotations

import os
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.client import ClientMeta
from botocore.hooks import BaseEventHooks, EventAliaser, HierarchicalEmitter

from tests.support import trimmed
from tests.support.quick_dynamodb import QuickEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

_MADE: dict[Any, Any] = {}


class Layered(BaseEventHooks):
    """Hooks of one client, called before those that all share: a copy of botocore's takes longer than many a call."""

    def __init__(self, shared: Any) -> None:
        self.shared = shared
        self.hooks = EventAliaser(HierarchicalEmitter())

    def emit(self, event_name: str, **given: Any) -> Any:
        return self.hooks.emit(event_name, **given) + self.shared.emit(event_name, **given)

    def emit_until_response(self, event_name: str, **given: Any) -> Any:
        found = self.hooks.emit_until_response(event_name, **given)
        return found if found[1] is not None else self.shared.emit_until_response(event_name, **given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["hooks"], name)

    register = property(lambda self: self.hooks.register)
    register_first = property(lambda self: self.hooks.register_first)
    register_last = property(lambda self: self.hooks.register_last)

    def unregister(
        self, event_name: str, handler: Any = None, unique_id: str | None = None, unique_id_uses_count: bool = False
    ) -> None:
        """Of the shared ones, by sharing others with those who unregister the same."""
        how: Any = {"unique_id": unique_id, "unique_id_uses_count": unique_id_uses_count}
        self.hooks.unregister(event_name, handler, **how)
        key = (id(self.shared), event_name, handler, unique_id)
        if key not in _WITHOUT:
            _WITHOUT[key] = copy(self.shared)
            _WITHOUT[key].unregister(event_name, handler, **how)
        self.shared = _WITHOUT[key]


_WITHOUT: dict[Any, Any] = {}


class _Agent:
    """botocore puts its name together for each request; nobody here reads it."""

    @staticmethod
    def to_string() -> str:
        return "snapback"


class Source:
    """Passes for a boto3.Session, and gives each asker a client with hooks of its own before and after a call."""

    def __init__(self, region: str, opened: Callable[[str], Any] | None = None) -> None:
        self.region_name, self._opened = region, opened or _session
        self._hooks: list[tuple[str, Callable[..., Any]]] = []

    @property
    def events(self) -> Source:
        return self

    def register(self, event: str, hook: Callable[..., Any]) -> None:
        """For the clients that are asked for from now on."""
        self._hooks.append((event, hook))

    def client(self, service: str, region_name: str | None = None, **options: Any) -> Any:
        server = os.environ.get("AWS_ENDPOINT_URL")
        key = (service, region_name or self.region_name, self._opened, server, *sorted(options))
        if key not in _MADE:
            _MADE[key] = self._opened(self.region_name).client(
                service, region_name=region_name or self.region_name, **options
            )
        made = _MADE[key]
        client, meta = object.__new__(type(made)), made.meta  # `copy` asks it for what it hasn't got yet.
        client.__dict__.update(made.__dict__)
        client.meta = ClientMeta(
            Layered(meta.events),
            meta.config,
            meta.endpoint_url,
            meta.service_model,
            meta.method_to_api_mapping,
            meta.partition,
        )
        client._user_agent_creator = _Agent
        client._endpoint = copy(made._endpoint)
        client._endpoint._event_emitter = client.meta.events
        if service == "dynamodb" and not server:
            client._endpoint = QuickEndpoint(client._endpoint, client.meta.events.hooks.emit)
        for event, hook in self._hooks:
            client.meta.events.register(event, hook)
        return client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened(self.region_name), name)


_session = cache(trimmed.source)


@cache
def whole(region: str) -> Any:
    """With all that AWS has, for people: what Snapback's own clients have is trimmed."""
    return boto3.Session(region_name=region)
