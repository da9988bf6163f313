"""A person's click, as `act` does it: whether they may, what becomes of it, and who gets the answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.aws.action_tokens import Use
from chalicelib.clicks.approvers import Person, has_spoken, refusal, wants_second
from chalicelib.clicks.http import seen_of
from chalicelib.core.errors import BadActionToken, CannotAct, Drifted, FixFailed, StepRefused
from chalicelib.core.event import dig, text
from chalicelib.core.types import REFUSED, SECOND_WANTED
from chalicelib.notify.message import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_lambda_powertools import Logger
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.engine.engine import Engine

_TRIES = 5
"""To note a refusal on a record that a function has just under way; a second lies between them."""


class DecideApp(Protocol):
    """What deciding needs of the application."""

    settings: Settings
    logger: Logger
    table: str

    def sleep(self, seconds: float, /) -> None: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def engine(self) -> Engine: ...


def decide(app: DecideApp, request: Any, act: Callable[[str, str], Record]) -> dict[str, Any]:
    """Do what a person asks for by `act(record, who)`, if they may, and tell them what became of it.

    `{"action", "record", "person": {"id", "name", "email", "where"}, "use", "seen"?, "reply"?: {"slack": address}, ...}`,
    where `use` is the click's use of its action token, and `seen` the fingerprint of what they were shown. Raises what is neither theirs to know nor on record, so that
    Lambda calls again; they get an answer then too.
    """
    action, record = text(request, "action") or "", text(request, "record") or ""
    person = Person(**{name: text(request, "person", name) or "" for name in ("id", "name", "email", "where")})
    try:
        done, said = _decided(app, request, action, record, person, act)
    except BadActionToken as why:  # Whoever clicked twice gets the answer to the click that came first.
        app.logger.warning("an action token was used twice", extra={"record": record})
        return {"record": record, "status": "", "said": str(why)}
    except (CannotAct, FixFailed) as why:
        done, said = "", f"{action}: {why}"
    except Exception:
        _reply(
            app, request, f"{action}: an error occurred with record {record}; Snapback tries again within a few minutes"
        )
        raise
    app.logger.info("click", extra={"action": action, "record": record, "by": str(person), "status": done})
    _reply(app, request, said)
    return {"record": record, "status": done, "said": said}


def _decided(
    app: DecideApp, request: Any, action: str, id: str, person: Person, act: Callable[[str, str], Record]
) -> tuple[str, str]:
    """Raises BadActionToken, CannotAct and FixFailed, in words."""
    record = app.ledger.get(id)
    if record is None:
        raise CannotAct(f"record {id} no longer exists; Snapback keeps records for 400 days")
    if why := refusal(person, record, app.settings):
        _note(app, id, str(person), f"{action}: {why}", REFUSED)
        return REFUSED, f"Sorry, {why}. Your attempt is on record."
    seen = text(request, "seen")
    if seen and not seen_of(record, action).startswith(seen):
        raise CannotAct(f"record {id} changed since you saw it; read it again, then decide")
    if why := wants_second(person, action, record, app.settings):
        if not has_spoken(person, action, record):
            _note(app, id, str(person), f"{action}: {why}", SECOND_WANTED)
        return SECOND_WANTED, f"Thank you: {why}. Your decision is on record."
    try:
        with _using(app, request, record):
            done = act(id, str(person))
    except Drifted as drifted:
        if drifted.offer:
            app.engine.offer_undo(id, str(person), drifted)
        raise
    return done.status, f"Record {id}: {message_of(done).did}"


@contextmanager
def _using(app: DecideApp, request: Any, record: Record) -> Iterator[None]:
    """An action token is used up by its effect, and by nothing else. Raises BadActionToken when another click used it.

    What failed in any other way may have been done or not: the token works again as long as the record is as it was.
    """
    if (given := dig(request, "use")) is None:
        yield
        return
    use = Use(str(given["nonce"]), int(given["expires"]), str(given["click"]))
    is_first = use.begin(app.dynamodb, app.table, len(record.life))
    try:
        yield
    except CannotAct:
        if is_first:  # Else an earlier try may have done it.
            use.release(app.dynamodb, app.table)
        raise


def _note(app: DecideApp, id: str, by: str, why: str, what: str) -> None:
    """Record a refusal, or a first of two approvals, as soon as no function works on the record. Raises StepRefused when that takes too long."""
    for tries in range(_TRIES):
        try:
            app.engine.refuse(id, by, why, what)
        except StepRefused:
            if tries == _TRIES - 1:
                raise
            app.sleep(1)
        else:
            return


def _reply(app: DecideApp, request: Any, said: str) -> None:
    """Whoever clicked in Slack; on the action page they look for themselves. What is done is done, answered or not."""
    address = text(request, "reply", "slack")
    if not address:
        return
    from chalicelib.clicks.slack import reply

    try:
        reply(address, said)
    except (ValueError, OSError) as error:
        app.logger.warning("the answer didn't reach the person who clicked", extra={"why": type(error).__name__})
