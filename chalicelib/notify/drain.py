"""Sends what is due, channel by channel in turn. The clock calls it each minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.metrics import Metric
from chalicelib.notify.delivery import Delivery, is_hopeless
from chalicelib.notify.held import MOST, TIME_NEEDED, Held, NotifyApp, number_of, text_of
from chalicelib.notify.routing import batches as in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


PATIENCE = timedelta(minutes=30)
"""How long a message waits for a channel that fails before the next one gets it."""
_LEASE = timedelta(seconds=90)
"""Longer than a function may run."""


def drain(app: NotifyApp) -> dict[str, int]:
    """Send what is due, channel by channel in turn; answers how many messages were sent, held, passed on, queued.

    Only one drain runs at a time; what there is no time for is left to the next one. Raises what AWS does, after the
    other channels had their turn.
    """
    run = _Drain(app)
    try:
        run.run()
        app.metrics.add_metric(Metric.DRAINS, MetricUnit.Count, 1)
    finally:
        counts = run.delivery.report()
    return counts


def again(app: NotifyApp, dead_letters: Iterable[Any]) -> dict[str, int]:
    """Have messages sent that were given up, by the next drain; each is `{"channel", "record", "step"}`, as in the queue.

    Dead letters only name messages; their text is in the ledger's table. What is not given up there is passed over.
    """
    delivery = Delivery(app)
    for dead_letter in dead_letters:
        delivery.again(str(dead_letter["channel"]), str(dead_letter["record"]), int(dead_letter["step"]))
    return delivery.report()


class _Drain:
    """One run of the drain."""

    def __init__(self, app: NotifyApp) -> None:
        self._app, self.delivery = app, Delivery(app)
        self._held = self.delivery.held

    def run(self) -> None:
        lease = str((self._app.now() + _LEASE).timestamp())
        try:
            item = self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="SET lease_until = :until",
                ConditionExpression="attribute_not_exists(lease_until) OR lease_until < :now",
                ExpressionAttributeValues={":until": {"N": lease}, ":now": {"N": str(self._app.now().timestamp())}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._app.dynamodb.exceptions.ConditionalCheckFailedException:
            self._app.logger.info("another drain is still running")
            return
        names = item.get("channels", {}).get("SS", [])
        try:
            self._held.items["outbox"] = item
            if names:
                self._held.read(key for name in names for key in (f"channel#{name}", self.delivery.rate(name)))
            self._in_turn([self._drain(name) for name in names])
        finally:
            self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="REMOVE lease_until",
            )

    def _in_turn(self, flows: list[Iterator[bool]]) -> None:
        """One message of each channel after the other: one that is slow or in trouble doesn't keep the others waiting."""
        errors: list[Exception] = []
        while flows:
            for flow in list(flows):
                if self._app.time_left() < TIME_NEEDED:
                    flows.clear()
                    break
                try:
                    if next(flow, None) is None:
                        flows.remove(flow)
                except Exception as error:  # noqa: BLE001 - raised below; what could not be done is still held
                    errors.append(error)
                    flows.remove(flow)
        if errors:
            raise errors[0]

    def _drain(self, channel: str) -> Iterator[bool]:
        """What is due to a channel; stops after each message, for the others' turn."""
        now = self._app.now()
        state = self._held.items.get(f"channel#{channel}", {})
        failing = number_of(state, "failing_since")
        patience = now if 0 < failing <= (now - PATIENCE).timestamp() else now - PATIENCE
        if channel not in self.delivery.channels:
            yield from self._pass_all_on(
                self._held.due(channel, now), Undeliverable(f"channel {channel} is not in the settings")
            )
            return
        if number_of(state, "backoff_until") > now.timestamp():
            yield from self._pass_all_on(self._held.due(channel, patience), Undeliverable(text_of(state, "why")))
            return
        due = self._held.due(channel, now)
        room = self.delivery.per_minute(channel) - int(
            number_of(self._held.items.get(self.delivery.rate(channel), {}), "times")
        )
        batches = in_batches(due, room)
        failed: Exception | None = None
        blocked: set[tuple[str, str]] = set()
        for number, batch in enumerate(batches):
            if not blocked.isdisjoint(_about(batch)):
                continue  # A record's steps are sent in their order.
            self._held.count(self.delivery.rate(channel))
            error = self.delivery.send(batch)
            yield True
            if error is None:
                failed, patience = None, now - PATIENCE
                self._held.items.pop(f"channel#{channel}", None)
                continue
            late = [each for each in batch if is_hopeless(error) or each.due <= self._held.stamp(patience)]
            yield from self._pass_all_on(late, error)
            if is_hopeless(error):
                continue
            blocked |= _about(batch)
            if failed is None and not (isinstance(error, ChannelBusy) and error.after):
                failed = error  # It may be that message alone which isn't taken: another one is tried.
                continue
            self.delivery.back_off(channel, error)
            left = (each for later in batches[number + 1 :] for each in later)
            yield from self._pass_all_on((each for each in left if each.due <= self._held.stamp(patience)), error)
            return
        if failed:
            self.delivery.back_off(channel, failed)
        elif state and (batches or not number_of(state, "tries")) and len(due) < MOST:
            self._app.dynamodb.delete_item(TableName=self._app.table, Key={"pk": {"S": f"channel#{channel}"}})

    def _pass_all_on(self, given_up: Iterable[Held], error: Exception) -> Iterator[bool]:
        for held in given_up:
            self.delivery.pass_on(held, error)
            yield True


def _about(batch: Iterable[Held]) -> set[tuple[str, str]]:
    return {(each.channel, each.message.record) for each in batch}
