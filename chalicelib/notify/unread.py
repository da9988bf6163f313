"""Steps in the ledger's stream that this version can't read: each goes to the queue at once, and holds up no other.

A record may hold a status of a later version, after a rollback, or its states may be gone from the spill bucket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.errors import UnreadableRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools import Logger


class StreamApp(Protocol):
    """What a reader of the stream needs of the application for that."""

    function: str
    logger: Logger

    @property
    def give_up(self) -> Callable[[str], object] | None:
        """Puts a dead letter into the queue of messages that no channel takes; None where there is no queue."""


def set_aside(app: StreamApp, item: Mapping[str, Any], error: Exception) -> bool:
    """Put a stream item into the queue because of an error, as where its record is; answers whether that is done.

    It isn't where the error is AWS's, which may pass, or there is no queue: then the item has to fail, and Lambda delivers it again.
    Raises what SQS does.
    """
    change = item["dynamodb"]
    key = change.get("Keys", {}).get("pk", {}).get("S", "")
    why = {"item": key, "error": describe(error)}
    app.logger.error("this version can't read an item of the ledger's stream", extra=why)
    if app.give_up is None or isinstance(error, (ClientError, BotoCoreError)):
        return False
    app.give_up(json.dumps({"unread": key, "error": why["error"], "function": app.function}))
    return True


def describe(error: Exception) -> str:
    """Only our own errors are known to hold none of a record's text."""
    return str(error) if isinstance(error, UnreadableRecord) else type(error).__name__
