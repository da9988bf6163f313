"""One log under two settings: which findings and fixes the second gains and loses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import parse_time
from chalicelib.core.types import Status, Unrecorded
from snapback.render import name_in, pairs, row
from snapback.replay.summary import FINDINGS, MOST, commonest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snapback.replay.replay import EventOutcome, Replay

_FOUND = FINDINGS | {Unrecorded.DUPLICATE}
_UNKNOWN = frozenset({Status.UNJUDGED, "dead_letter"})
_TELLING = _FOUND | _UNKNOWN
_NONE = "none"
"""Where no guardrail said anything of a resource."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one guardrail and resource after one event, under the first settings and under the second."""

    event: EventOutcome
    guardrail: str
    resource: str
    before: str
    after: str
    reason: str

    @property
    def finding(self) -> str:
        return _change(self.before in _FOUND, self.after in _FOUND)

    @property
    def fix(self) -> str:
        return _change(self.before == Status.FIXED, self.after == Status.FIXED)

    @property
    def is_loss(self) -> bool:
        """Also of a judgement: what was judged before, and can't be now."""
        return "lost" in {self.finding, self.fix} or self.after in _UNKNOWN

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        del told["event"]
        named = ("event_id", "time", "name", "actor", "account", "region")
        changes = {"finding": self.finding or "same", "fix": self.fix or "same"}
        return {**told, **changes, **{name: getattr(self.event, name) for name in named}}


def _change(before: bool, after: bool) -> str:
    return "" if before == after else "gained" if after else "lost"


def differences(before: Iterable[EventOutcome], after: Iterable[EventOutcome]) -> Iterator[Difference]:
    """Of two replays of the same events; the shorter one ends it."""
    for one, other in zip(before, after, strict=False):
        first, second = ({(each.guardrail, each.resource): each for each in event.outcomes} for event in (one, other))
        for where in dict.fromkeys([*first, *second]):
            was, now = first.get(where), second.get(where)
            statuses = (str(was.status) if was else _NONE, str(now.status) if now else _NONE)
            if statuses[0] != statuses[1] and not _TELLING.isdisjoint(statuses):
                told = now if now and now.reason else was
                yield Difference(other, *where, *statuses, told.reason if told else "")


def difference_row(each: Difference) -> Any:
    event, moment = each.event, parse_time(each.event.time)
    kind = each.finding or (f"fix {each.fix}" if each.fix else "changed")
    first = ": ".join(filter(None, (name_in(each.resource), each.reason)))
    change = f"{each.before} → {each.after}".replace("_", " ")
    about = (change, each.guardrail, event.account, event.region, f"{event.name} by {event.actor}")
    return row(f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "?", kind, [first, " · ".join(filter(None, about))])


def compared(
    found: Sequence[Difference], names: tuple[str, str], done: tuple[Replay, Replay], *, everything: bool
) -> list[Any]:
    """How many findings and fixes the second settings gain and lose, and by which guardrails."""
    most = None if everything else MOST
    told: dict[str, object] = {
        letter: f"{name}: {sum(each.counts[status] for status in FINDINGS):,} findings, "
        f"{each.counts[Status.FIXED]:,} fixed, {each.counts[Status.UNJUDGED]:,} unjudged"
        for letter, name, each in zip("AB", names, done, strict=True)
    }
    for kind in ("finding", "fix"):
        for change in ("gained", "lost"):
            some = [each for each in found if getattr(each, kind) == change]
            what = "findings" if kind == "finding" else "fixes"
            told[f"{what} {change}"] = commonest((each.guardrail for each in some), most) or "0"
    others = [f"{each.before} → {each.after}: {each.guardrail}" for each in found if not each.finding and not each.fix]
    told["other changes"] = commonest(others, most)
    return [pairs(told)]
