"""Clients at the price of a copy: making them anew takes longer than all that a case does with them."""

from __future__ import annotations

from copy import copy
from typing import Any

import boto3
from botocore.client import ClientMeta

_MADE: dict[Any, Any] = {}


class Source(boto3.Session):
    """Gives each asker a client with hooks of its own before and after a call."""

    def client(self, service: str, region_name: str | None = None, **options: Any) -> Any:  # type: ignore[override]
        key = (service, region_name or self.region_name)
        if key not in _MADE:
            _MADE[key] = super().client(service, region_name=key[1], **options)  # type: ignore[call-overload]
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
        return client
