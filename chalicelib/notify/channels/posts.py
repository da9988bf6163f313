"""Which of Slack's messages tells of which record: `pk = chat#<record>#<channel>` in the ledger's table."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger import KEPT
from chalicelib.core.errors import ChannelBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

ACTIONS = ("dynamodb:UpdateItem",)
"""On the ledger's table."""
LEASE = timedelta(seconds=60)
"""Longer than it takes to tell one step, all timeouts included."""


@dataclass
class Post:
    """A record's message in a channel: its `ts` (Slack's id of it), the step that it shows, the steps in its thread."""

    ts: str = ""
    step: int = 0
    sent_steps: set[int] = field(default_factory=set)
    save: Callable[[], None] = lambda: None


class Posts(Protocol):
    def hold(self, record: str, channel: str) -> AbstractContextManager[Post]:
        """The post, for nobody else meanwhile, saved at the end. Raises ChannelBusy when somebody else holds it."""


class Remembered:
    """Posts of this process, for a test message and where there is no ledger."""

    def __init__(self) -> None:
        self._posts: defaultdict[tuple[str, str], Post] = defaultdict(Post)

    @contextmanager
    def hold(self, record: str, channel: str) -> Iterator[Post]:
        yield self._posts[record, channel]


class DynamoPosts:
    """Whoever sends a step locks the item: else two steps sent at once would be two messages, or an older one would win."""

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], datetime]) -> None:
        self._client, self._table, self._now = client, table, now

    @contextmanager
    def hold(self, record: str, channel: str) -> Iterator[Post]:
        key = f"chat#{record}#{channel}"
        until = str((self._now() + LEASE).timestamp())
        item = self._update(
            key,
            channel,
            "SET held_until = :until, expires_at = :expires_at",
            ConditionExpression="attribute_not_exists(held_until) OR held_until < :now",
            values={
                ":until": {"N": until},
                ":now": {"N": str(self._now().timestamp())},
                ":expires_at": {"N": str(int((self._now() + KEPT).timestamp()))},
            },
        )
        sent_steps = {int(each) for each in item.get("sent_steps", {}).get("NS", [])}
        post = Post(item.get("ts", {}).get("S", ""), int(item.get("step", {}).get("N", 0)), sent_steps)
        post.save = lambda: self._save(key, channel, post, until)
        try:
            yield post
        finally:
            self._save(key, channel, post, until, " REMOVE held_until")

    def _save(self, key: str, channel: str, post: Post, until: str, then: str = "") -> None:
        """Raises ChannelBusy when it took longer than the lease, and another process holds the post now."""
        values: dict[str, Any] = {":ts": {"S": post.ts}, ":step": {"N": str(post.step)}}
        if post.sent_steps:
            values[":sent_steps"] = {"NS": [str(each) for each in sorted(post.sent_steps)]}
        update = "SET " + ", ".join(f"{name[1:]} = {name}" for name in values) + then
        values[":until"] = {"N": until}
        self._update(key, channel, update, ConditionExpression="held_until = :until", values=values)

    def _update(self, key: str, channel: str, update: str, values: Any, **more: Any) -> Any:
        try:
            return self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression=update,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **more,
            )["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException:
            raise ChannelBusy(f"channel {channel}: another process is sending a step of this record", 5) from None
        except (ClientError, BotoCoreError) as error:
            raise ChannelBusy(
                f"channel {channel}: can't look up the channel's message about this record: {error}"
            ) from error
