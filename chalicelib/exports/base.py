"""What every export gets and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from chalicelib.core.types import Status
from chalicelib.notify.unread import StreamApp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools import Metrics

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record, Step
    from chalicelib.core.rule import Rule
    from chalicelib.core.types import Left
    from chalicelib.notify.message import Message


@dataclass(frozen=True, slots=True)
class ExportedStep:
    """A step of a record's life, as a sink gets it: `number` is its item's sequence number in the stream.

    `message` is what may be said of it, without secrets; a sink takes no text from anywhere else. `rule` is None when
    this version has no such rule any more.
    """

    number: str
    record: Record
    message: Message
    rule: Rule | None


class Sink(Protocol):
    name: str

    def send(self, steps: Sequence[ExportedStep]) -> Mapping[str, str]:
        """Answers why, by the numbers of the steps that were not taken; or raises what boto3 does: none was taken."""


class ExportsApp(StreamApp, Protocol):
    """What this needs of the application."""

    home: str
    metrics: Metrics

    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def sinks(self) -> Sequence[Sink]: ...


def left(step: Step) -> Left:
    """How a step of a record's life leaves what was found, in the words of other tools' workflows."""
    status = Status(step.status)
    if status is Status.EXPIRED and step.why in {"safe", "exempt", "judged"}:
        return step.why
    return status.traits.left


def why(error: Exception) -> str:
    """An error of boto3 without what was sent, which its message may repeat."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
