"""Signed action tokens for channels that can't call back: each names one record and one action, expires, and works once.

An action token is no password of a person: it proves that whoever holds it can read the channel that it was sent to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from chalicelib.aws.secrets import values
from chalicelib.core.errors import BadActionToken
from chalicelib.core.event import dig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

URL_VARIABLE = "SNAPBACK_URL"
"""Where the API is: `https://…/api`."""
VALID = timedelta(hours=24)
SHORTEST_KEY = 32
"""Bytes of the secret that action tokens are signed with."""
LONGEST = 1024
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class ActionToken:
    """`action` is one of core/types.py's ACTIONS, or show; `channel` whom it was sent to; `expires` seconds since the epoch."""

    record: str
    action: str
    channel: str
    expires: int
    nonce: str


class ActionTokens:
    """Signed with the first key, and read by any. Raises ValueError when a key is shorter than SHORTEST_KEY."""

    def __init__(self, *keys: bytes) -> None:
        if not keys or min(map(len, keys)) < SHORTEST_KEY:
            raise ValueError(f"the key that signs action tokens needs at least {SHORTEST_KEY} bytes")
        self._keys = keys

    @classmethod
    def of(cls, held: str) -> Self:
        """With what a secret holds."""
        return cls(*(each.encode() for each in values(held)))

    def issue(self, record: str, action: str, channel: str, now: datetime) -> str:
        """As text that fits into a URL's fragment."""
        expires = int((now + VALID).timestamp())
        body = json.dumps(asdict(ActionToken(record, action, channel, expires, secrets.token_urlsafe(12))))
        return f"{_encoded(body.encode())}.{_encoded(_mac(self._keys[0], body.encode()))}"

    def read(self, text: str, now: datetime) -> ActionToken:
        """Raises BadActionToken, after a comparison in constant time."""
        try:
            body, mac = (_decoded(part) for part in text[:LONGEST].split("."))
        except ValueError:
            body, mac = b"", b""
        if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
            raise BadActionToken(
                "this link isn't valid. It may have been cut off: copy the whole link from the message"
            )
        token = ActionToken(**json.loads(body))
        if now.timestamp() >= token.expires:
            when = datetime.fromtimestamp(token.expires, UTC)
            raise BadActionToken(
                f"this link expired at {when:%Y-%m-%d %H:%M} UTC; `snapback show {token.record}` still works"
            )
        return token


def link(api: str, token: str) -> str:
    """The action page, with the action token where no server and no log sees it."""
    return f"{api}/page#{token}"


@dataclass(frozen=True, slots=True)
class Use:
    """One click's use of an action token: `click` is its own, and stays so when Lambda delivers it again.

    `life` is how many steps the record had come when the click was done: each effect begins with one more, so that a
    token whose record has come no further was not used up, whatever became of its function.
    """

    nonce: str
    expires: int
    click: str

    @classmethod
    def of(cls, token: ActionToken) -> Use:
        return cls(token.nonce, token.expires, secrets.token_hex(8))

    def begin(self, client: DynamoDBClient, table: str, life: int) -> bool:
        """Take the token in one conditional write. Answers whether nobody, this click included, had taken it.

        Raises BadActionToken when another click took it and the record has moved on since: of two at once, the record
        lets one act.
        """
        try:
            was = client.put_item(
                **self._item(table, self.click, life),
                ConditionExpression="attribute_not_exists(pk) OR used_by = :nobody OR life = :life",
                ExpressionAttributeValues={":nobody": {"S": _NOBODY}, ":life": {"N": str(life)}},
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as error:
            if dig(error.response, "Item", "used_by", "S") == self.click:
                return False
            raise BadActionToken("this link was already used; a link works once") from error
        return was.get("Attributes", {}).get("used_by", {"S": _NOBODY}) == {"S": _NOBODY}

    def release(self, client: DynamoDBClient, table: str) -> None:
        """Nothing came of it: the token works still, unless another click has taken it meanwhile."""
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.put_item(
                **self._item(table, _NOBODY),
                ConditionExpression="used_by = :me",
                ExpressionAttributeValues={":me": {"S": self.click}},
            )

    def _item(self, table: str, by: str, life: int | None = None) -> Any:
        item = {"pk": {"S": f"action_token#{self.nonce}"}, "used_by": {"S": by}, "expires_at": {"N": str(self.expires)}}
        return {"TableName": table, "Item": item if life is None else item | {"life": {"N": str(life)}}}


def used(client: DynamoDBClient, table: str, token: ActionToken, life: int) -> bool:
    """Whether a token is used up, by what its record's `life` is now."""
    key: Any = {"pk": {"S": f"action_token#{token.nonce}"}}
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return item is not None and item.get("used_by") != {"S": _NOBODY} and item.get("life") != {"N": str(life)}


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"snapback-token-1\0" + body, hashlib.sha256).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
