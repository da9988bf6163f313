"""Everything that Snapback raises of its own, in one tree. What boto3 raises passes as it is.

    SnapbackError                    a fault: exit code 3
    ├─ Fault                         a fault in Snapback, told by its number
    ├─ NotDone                       what was asked for was refused, or failed: exit code 1
    │  ├─ CannotAct                  a person asked for what can't be done with a record
    │  │  └─ Drifted                 the resource is no longer as Snapback left it
    │  ├─ FixFailed                  a write raised, and the resource is still unsafe
    │  └─ StepRefused                the ledger did not open or move a record
    ├─ BadInput                      what came in can't be used: exit code 2
    │  ├─ BadActionToken             an action token that is forged, expired or used
    │  ├─ BadPattern                 an event pattern that EventBridge would not take
    │  ├─ BadVersion                 published settings that can't be used
    │  ├─ EventRejected              an envelope that isn't an event of a guarded account
    │  ├─ RequestRejected            an HTTP request that is not believed, or can't be read
    │  └─ StrangeCanary              a canary that nobody sent, or that came too late
    ├─ Missing                       what is needed isn't there, or can't be read: exit code 2
    │  ├─ CannotJudge                what a guardrail has to know of a resource
    │  │  └─ SignatureUnreadable     what a signature of an image holds
    │  ├─ NoLedger                   the ledger's table
    │  ├─ NoOverflow                 the bucket of states that are too large for the table
    │  ├─ SecretUnreadable           a secret, by its store
    │  ├─ SettingsUnreadable         where settings are published
    │  └─ UnreadableRecord           an item of the ledger that is no record as Snapback writes them
    ├─ TryLater                      not now; whoever called calls again
    │  ├─ CanarySilent               the bus did not take the canary
    │  ├─ ChannelBusy                a channel limits its rate, is down or slow
    │  ├─ ExportBehind               a sink has not taken a step yet
    │  ├─ NotYet                     AWS is still at what was written
    │  ├─ OutOfTime                  the function would be stopped before a fix is proved
    │  └─ Unfinished                 some guardrails raised; the others were evaluated
    └─ NotWritten                    a write that is not made
       ├─ FlowLogsRefused            EC2 did not make the flow logs
       ├─ ReadOnly                   a guardrail tried to write
       ├─ TagTaken                   a tag now names another image
       ├─ Undeliverable              a channel will never take this message
       └─ Unsigned                   a signature that doesn't count

The command line's own are in `snapback/errors.py`, on the same root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.core.outcome import Outcome

Reason: TypeAlias = Literal["duplicate", "exempt", "busy", "moved", "fighting", "capped"]
"""Why the ledger refuses a step."""


class SnapbackError(Exception):
    """The root. `exit_code` is the command line's."""

    exit_code: ClassVar[int] = 3


class Fault(SnapbackError):
    """An exception that is neither Snapback's own nor boto3's; the text has the number that is in the log too."""


class NotDone(SnapbackError):
    """What was asked for was refused, or failed; the text says why, and what to do instead."""

    exit_code = 1


class CannotAct(NotDone):
    """A person asked for what can't be done with this record."""


class Drifted(CannotAct):
    """The resource is no longer as Snapback left it.

    Where an undo would keep what others did since, `preview` is what it would write, in lines (a sentence, then `- ` and
    `+ `), and `offer` names that very state, for who agrees to it.
    """

    def __init__(self, text: str, offer: str = "", preview: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.offer, self.preview = offer, tuple(preview)


class FixFailed(NotDone):
    """A write raised and the resource is still unsafe. The record says `failed`, and its message goes out."""


class StepRefused(NotDone):
    """The ledger did not open or move a record; `why` is one of `Reason`."""

    def __init__(self, why: Reason, record: str = "") -> None:
        super().__init__(f"record {record}: {why}" if record else why)
        self.why, self.record = why, record


class BadInput(SnapbackError):
    """What came in can't be used; the text says what is wrong, and where."""

    exit_code = 2


class BadActionToken(BadInput):
    """It is forged, expired, used, or none at all; says which, and what to do."""


class BadPattern(BadInput, ValueError):
    """AWS would reject this pattern; the text says what, where, and what is allowed."""


class BadVersion(BadInput):
    """These settings can't be used."""


class EventRejected(BadInput):
    """An envelope that is no event of AWS about one account; says which field is wrong."""


class RequestRejected(BadInput):
    """A request that is not believed, or can't be read: a status of HTTP, and why, in words for who asked."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class StrangeCanary(BadInput):
    """A canary that nobody sent, or that came too late; says which."""


class Missing(SnapbackError):
    """What is needed isn't there, or can't be read; the text says what it is, and how it is made."""

    exit_code = 2


class CannotJudge(Missing):
    """What a guardrail has to know of a resource can't be read, and nothing else of it is unsafe; says what, and why."""


class NoLedger(Missing):
    """The table isn't there; says how it is made."""


class NoOverflow(Missing):
    """A record's states are in a bucket that nobody named; says which variable does."""


class SecretUnreadable(Missing):
    """The store doesn't tell; says which store, and why."""


class SettingsUnreadable(Missing):
    """Where the settings are can't be read."""


class SignatureUnreadable(CannotJudge):
    """ECR didn't hand out a manifest or a blob that it has; whether the image is signed is not known."""


class UnreadableRecord(Missing):
    """An item is forged, cut off, or another version's; says which, and what is wrong with it."""


class TryLater(SnapbackError):
    """Not now; whoever called calls again."""


class CanarySilent(TryLater):
    """The bus did not take the canary."""


class ChannelBusy(TryLater):
    """The channel limits its rate, is down or slow. `after` is the seconds that it asks for, if it does."""

    def __init__(self, text: str, after: float = 0) -> None:
        super().__init__(text)
        self.after = after


class ExportBehind(TryLater):
    """Some sink has not taken a step yet; Lambda has to deliver its stream item again."""


class NotYet(TryLater):
    """What was written is taken, and AWS is still at it, for minutes; raised by `read`, when nobody can say how it ends.

    The record stays under way, and `maintain` evaluates it every five minutes.
    """


class OutOfTime(TryLater):
    """The function would be stopped before a fix is proved; nothing was written, and the event is delivered again."""


class Unfinished(TryLater):
    """Some guardrails raised; the others were still evaluated, and `outcomes` tells what became of them.

    Let it pass: Lambda delivers the event again, and what is done is done once. `said` is what each error says, fit for
    a log: Lambda logs it, and puts it in the dead letter.
    """

    def __init__(self, outcomes: list[Outcome], errors: list[Exception], said: Sequence[str]) -> None:
        super().__init__("; ".join(said))
        self.outcomes, self.errors = outcomes, errors


class NotWritten(SnapbackError):
    """A write that is not made, or a message that is not sent; the text says why."""


class FlowLogsRefused(NotWritten):
    """AWS made or deleted no flow log; it says so within a successful answer."""


class ReadOnly(NotWritten):
    """A guardrail, or a fix's `read`, tried to write; nothing was sent."""


class TagTaken(NotWritten):
    """A tag that is to be put back names another image by now; taking it away there may break what runs."""


class Undeliverable(NotWritten):
    """The channel will not take this message, however often it is sent; a person has to look at the channel.

    `renew` is whether its secret may have been rotated since it was read.
    """

    def __init__(self, text: str, *, renew: bool = False) -> None:
        super().__init__(text)
        self.renew = renew


class Unsigned(NotWritten):
    """A signature doesn't count; the text says why, to go after "its signature"."""
