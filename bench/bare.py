"""The floor: a handler that imports boto3 and makes the calls that it is handed, and nothing else.

Runs in a process of its own, on a path with nothing but the standard library and boto3.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import ClientError

_clients: dict[str, Any] = {}


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - as Lambda calls it
    for service, method, parameters in event["calls"]:
        if service not in _clients:
            _clients[service] = boto3.client(service)
        with suppress(ClientError):  # Such as that there is no policy: an answer, too.
            getattr(_clients[service], method)(**parameters)
