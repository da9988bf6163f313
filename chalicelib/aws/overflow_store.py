"""States that are too large for an item of the table, in a bucket."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.core.errors import UnreadableRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client


SPILL_VARIABLE = "SNAPBACK_SPILL"
SPILL_OVER = 300_000
"""Bytes of states; an item may have 409,600 in all."""
_MOST = 50_000_000
"""Bytes that are read, since a function's memory is small; an object of more of them isn't what its key names."""
GONE = frozenset({"NoSuchKey", "AccessDenied", "InvalidObjectState"})
"""What S3 answers of an object that no later try will read: without permission to list the bucket, a missing object answers `AccessDenied`.

docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""


class Spill:
    """An encrypted bucket for states that would not fit into an item (400 KB). Its client is made when one doesn't."""

    def __init__(self, open_client: Callable[[], S3Client], bucket: str) -> None:
        self._open_client, self._bucket = open_client, bucket

    @cached_property
    def _client(self) -> S3Client:
        return self._open_client()

    def put(self, id: str, states: Mapping[str, Any]) -> str:
        """Keep DynamoDB attributes under a key that names what they are; the same ones twice are one object."""
        body = json.dumps(states, sort_keys=True).encode()
        key = f"records/{id}/{hashlib.sha256(body).hexdigest()}.json"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return key

    def get(self, id: str, key: str) -> dict[str, Any]:
        """The attributes of a record's own key. Raises UnreadableRecord when they aren't what the key names."""
        named = re.fullmatch(rf"records/{re.escape(id)}/([0-9a-f]{{64}})\.json", key)
        if named is None:
            raise UnreadableRecord(f"record {id} names states of another: {key!r}")
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(_MOST)
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) not in GONE:
                raise
            raise UnreadableRecord(f"record {id}: its states can't be read in the overflow bucket: {code}") from error
        if hashlib.sha256(body).hexdigest() != named[1]:
            raise UnreadableRecord(f"record {id}: its states in the overflow bucket aren't those that Snapback stored")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UnreadableRecord(f"record {id}: its states in the overflow bucket aren't JSON") from error
        if not isinstance(found, dict):
            raise UnreadableRecord(f"record {id}: its states in the overflow bucket aren't DynamoDB attributes")
        return found
