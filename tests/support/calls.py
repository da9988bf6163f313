"""Requests that reached AWS in a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Call:
    """One request that reached AWS: `s3`, `GetBucketAcl`."""

    service: str
    operation: str
    request: tuple[Any, ...] = ()
    """What was asked for; equal for the same question."""

    @property
    def about_items(self) -> bool:
        """Whether it is about items of a table, as are the ledger's own; a guardrail's is about the table."""
        return self.service == "dynamodb" and ("Item" in self.operation or self.operation == "Query")


def asked_for(request: Any, operation: str) -> tuple[Any, ...]:
    """What a request is about, as botocore is about to send it; equal for the same question."""
    target = request.headers.get("X-Amz-Target")
    return operation, request.method, request.url, repr(request.params), repr(request.data), target
