"""States that are too large for an item of the table, in a bucket."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import UnreadableRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client


SPILL_VARIABLE = "SNAPBACK_SPILL"
SPILL_OVER = 300_000
"""Bytes of states; an item may have 409,600 in all."""


class Spill:
    """An encrypted bucket for states that would not fit into an item (400 KB)."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def put(self, id: str, states: Mapping[str, Any]) -> str:
        """Keep DynamoDB attributes under a key that names what they are; the same ones twice are one object."""
        body = json.dumps(states, sort_keys=True).encode()
        key = f"records/{id}/{hashlib.sha256(body).hexdigest()}.json"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return key

    def get(self, id: str, key: str) -> dict[str, Any]:
        """The attributes of a record's own key. Raises UnreadableRecord when they aren't what the key names."""
        begin, _, digest = key.removesuffix(".json").rpartition("/")
        if begin != f"records/{id}":
            raise UnreadableRecord(f"record {id} names states of another: {key!r}")
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        if hashlib.sha256(body).hexdigest() != digest:
            raise UnreadableRecord(f"record {id}: its states in the overflow bucket aren't those that were put there")
        found: dict[str, Any] = json.loads(body)
        return found
