"""`python -m bench [--quick] [--only SECTION] [--json FILE]`: what Snapback costs, beside the least that it could.

The sections: `calls`, `cold`, `warm`, `zip`, `replay`, `sweep`. Each module says what it measures and how. A figure that could
not be measured is named, with the reason; it is never left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 110
MARK = "← misses the aim"


def calls(quick: bool) -> tuple[Any, list[Any]]:
    from bench.calls import measure

    rows, missing = measure(1 if quick else 3)
    title = "AWS calls per event, exact; in brackets the floor, a bare boto3 handler's"
    table = _table("guardrail", "compliant", "found", "fixed", "aim for fixed", "")
    for row in rows:
        compliant, found, fixed = (
            f"{count.calls} ({count.floor})" if count else "-" for count in (row.compliant, row.found, row.fixed)
        )
        aim = f"≤ {row.fixed.floor + (row.fixed.aim or 0)}" if row.fixed else ""
        table.add_row(row.guardrail, compliant, found, fixed, aim, MARK if row.missed else "")
    return {"rows": [asdict(row) | {"missed": row.missed} for row in rows], "not_measured": missing}, [
        title,
        table,
        "Aims: compliant makes its reads and no more; fixed is at most 3 over the floor, the ledger's, and one more read of what is written.",
        *_missing(missing),
    ]


def cold(quick: bool) -> tuple[Any, list[Any]]:
    from bench import cold, tree

    tree.build()
    lines, missing = cold.cold_starts(5 if quick else 15)
    return _compared("Cold start: import and first event, deployed as by default", lines, missing)


def warm(quick: bool) -> tuple[Any, list[Any]]:
    from bench import cold, tree

    tree.build()
    lines, missing = cold.warm_events(3 if quick else 5, 50 if quick else 100)
    return _compared("Warm events", lines, missing)


def zip(_: bool) -> tuple[Any, list[Any]]:  # noqa: A001 - its name on the command line
    from bench import package

    found = package.measure()
    table = _table("deployment.zip", "unpacked", "files", "of them .pyc")
    table.add_row(
        f"{found['bytes'] / 1e6:.2f} MB", f"{found['unpacked'] / 1e6:.2f} MB", str(found["files"]), str(found["pyc"])
    )
    return found, ["What is deployed", table]


def replay(quick: bool) -> tuple[Any, list[Any]]:
    from bench import replayed

    found = replayed.measure(1 if quick else 3, 100_000 if quick else 1_000_000)
    floor, read, done, story = (found[name] for name in ("floor", "read", "replayed", "story"))
    table = _table("what", "events", "CPU s", "events per CPU s", "bare calls each", "memory MB")
    table.add_row("gunzip and json.loads", f"{found['records']:,}", f"{floor['cpu']:.1f}", "", "", "")
    table.add_row("read and choose", f"{found['records']:,}", f"{read['cpu']:.1f}", "", "", f"{read['memory']:.0f}")
    for name, each in (("re-enact what was chosen", done), ("the story, in mode fix", story)):
        memory = f"{each['memory']:.0f}" if "memory" in each else ""
        costs = (f"{each['cpu']:.1f}", f"{each['per_second']:.0f}", f"{each['bare_calls']:.1f}")
        table.add_row(name, f"{each['events']:,.0f}", *costs, memory)
    aims = f"aims: {replayed.AIM} x, and {replayed.AIM_MEMORY} MB"
    faster = f"{found['faster']['replayed']:.1f} x (log) and {found['faster']['story']:.1f} x (story)"
    said = (
        f"Reading and choosing: {found['ratio']:.2f} x gunzip and json ({aims}){'  ' + MARK if found['missed'] else ''}",
        f"Re-enacting: {faster} as fast as at first (aim: {replayed.AIM_FASTER} x){'  ' + MARK if found['slow'] else ''}",
        f"Of the MB, reading processes take {read['readers']:.0f}, and {done['resources']:.0f} are what the log made in memory",
    )
    return found, ["Replay", table, *said]


def sweep(quick: bool) -> tuple[Any, list[Any]]:
    from bench import swept

    found = swept.measure(*((4, 8) if quick else (10, 30)))
    table = _table("kind", "resources", "calls", "one by one")
    for row in found["rows"]:
        table.add_row(row["kind"], *(f"{row[name]:,}" for name in ("resources", "calls", "one_by_one")))
    said = (
        f"{found['resources']:,} resources in one account and region: {found['calls']:,} calls (one by one "
        f"{found['one_by_one']:,}), {found['seconds'] / 60:.1f} minutes by AWS's limits, of which {found['slowest']} is "
        f"the slowest (aim: {swept.AIM // 60}){'  ' + MARK if found['missed'] else ''}; listed after "
        f"{found['listed_after'] / 60:.1f} minutes"
    )
    laptop = swept.on_laptop(4 if quick else 20)
    beside = (
        f"From a laptop, {swept.FAR * 1000:.0f} ms from AWS: {laptop['resources']} resources take {laptop['alone']:.0f} s with one thread,"
        f" {laptop['together']:.0f} s with {laptop['threads']}: {laptop['times']:.1f} x faster (aim: {swept.AIM_TIMES})"
    )
    return found | {"laptop": laptop}, ["A sweep, calls counted and time simulated", table, said, beside]


SECTIONS: dict[str, Callable[[bool], tuple[Any, list[Any]]]] = {
    "calls": calls,
    "cold": cold,
    "warm": warm,
    "zip": zip,
    "replay": replay,
    "sweep": sweep,
}


def _compared(title: str, lines: list[Any], missing: dict[str, str]) -> tuple[Any, list[Any]]:
    table = _table("what", "measure", "bare boto3", "Snapback", "ratio")
    for line in lines:
        ratio = f"{line.ratio:.2f} x{'  ' + MARK if line.missed else ''}"
        table.add_row(line.what, line.measure, _spread(line.bare), _spread(line.function), ratio)
    return {"lines": [line.to_json() for line in lines], "not_measured": missing}, [
        title,
        table,
        *_missing(missing),
    ]


def _spread(quartiles: tuple[float, float, float]) -> str:
    low, middle, high = quartiles
    return f"{middle:.1f}" if low == high else f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for column in others:
        table.add_column(column, justify="left" if column in {"", "measure", "ratio"} else "right", no_wrap=True)
    return table


def _missing(missing: dict[str, str]) -> list[str]:
    return [f"not measured: {what}: {why}" for what, why in missing.items()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the rounds; for a first look")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section; may be given more than once")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    options = parser.parse_args()
    _environment()
    console = Console(width=None if sys.stdout.isatty() else WIDTH, markup=False, highlight=False, emoji=False)
    report: dict[str, Any] = {"python": platform.python_version(), "cpus": os.cpu_count(), "quick": options.quick}
    began = time.perf_counter()
    for name in options.only or SECTIONS:
        try:
            report[name], shown = SECTIONS[name](options.quick)
        except Exception as why:  # noqa: BLE001 - the other sections are still worth their while
            reason = f"{type(why).__name__}: {why}"
            report[name], shown = {"not_measured": reason}, _missing({name: reason})
        console.print(*shown, "", sep="\n")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=2) + "\n")
    console.print(
        f"{options.json}; {time.perf_counter() - began:.0f} s. Milliseconds are this machine's; compare ratios."
    )
    return 0


def _environment() -> None:
    """Nothing here can reach a real account, whoever runs it."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "_HANDLER"):
        os.environ.pop(name, None)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": "123456789012",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "snapback",
    }
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
