"""Results of a replay, of a sweep, and of the ledger's records."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.core.types import Status, Unrecorded
from snapback.report.result import Unchecked, line, result_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.core.record import Record
    from snapback.replay.replay import Replay
    from snapback.report.result import Result
    from snapback.sweep import SweepTotals


def replayed(done: Replay, paths: Iterable[str]) -> Result:
    """`done` with its records."""
    counts = done.counts
    figures = {
        "events": counts["events"],
        "calls_re-enacted": counts["reenacted"],
        "messages": len(done.messages),
        **_named(counts, (Unrecorded.EXEMPT, Unrecorded.DUPLICATE, "refused", "dead_letter")),
    }
    missed = (
        (f"{each.source.partition('.')[0]}:{each.name}", f"the call could not be re-enacted: {each.why}")
        for each in done.events
        if each.reenacted is False
    )
    unjudged = _counted(
        (each.guardrail, each.reason)
        for event in done.events
        for each in event.outcomes
        if each.status == Status.UNJUDGED
    )
    return result_of(
        "replay", done.records, source=_listed(paths), figures=figures, unchecked=[*unjudged, *_counted(missed)]
    )


def swept(done: SweepTotals, records: Collection[Record], *, account: str, planned: bool = False) -> Result:
    """The records that a sweep made, or would make."""
    figures = {
        "resources_evaluated": done.resources,
        "places": done.places,
        **_named(done.counts, (Unrecorded.EXEMPT,)),
    }
    failed = (_failed(error, times) for error, times in done.errors.items())
    unjudged = _counted((each.guardrail, each.reason) for each in records if each.status is Status.UNJUDGED)
    source = "`snapback sweep`" if not planned else "a plan of `snapback sweep`; nothing was changed"
    return result_of(
        "plan" if planned else "sweep",
        records,
        account=account,
        source=source,
        figures=figures,
        unchecked=[*unjudged, *failed],
    )


def recorded(records: Collection[Record], *, account: str, more: int) -> Result:
    """Records of the ledger; `more` fit and are left out."""
    unjudged = _counted((each.guardrail, each.reason) for each in records if each.status is Status.UNJUDGED)
    figures = {"records_left_out": more} if more else {}
    return result_of(
        "records", records, account=account, source="`snapback records`", figures=figures, unchecked=unjudged
    )


def _failed(error: str, times: int) -> Unchecked:
    """From a sweep's text of what could not be evaluated: `where: why`."""
    what, _, why = error.partition(": ")
    return Unchecked(line(what), line(why), times)


def _named(counts: Counter[str], names: Iterable[str]) -> dict[str, int]:
    return {str(name): counts[name] for name in names if counts[name]}


def _counted(pairs: Iterable[tuple[str, str]]) -> list[Unchecked]:
    counted = Counter((line(what), line(why)) for what, why in pairs)
    return [Unchecked(what, why, times) for (what, why), times in counted.most_common()]


def _listed(paths: Iterable[str]) -> str:
    first, *rest = paths
    return f"{first} and {len(rest)} more" if rest else first
