"""A day of the real stack on an AWS that executes: `make e2e`. Any step that comes out wrong ends it, with what was logged."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.e2e import clock, core, members, natives, pages, selftest, sweeping, trouble, update
from tests.e2e.day import Day, shown
from tests.e2e.emulator import Broken, Emulator
from tests.e2e.slack import slack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Step = Callable[[Day], None]

CORE = (core.deploy, core.ten_changes, core.messages)
REST = (
    core.publish_settings,
    clock.begin_to_wait,
    natives.native_events,
    pages.action_page,
    trouble.burst,
    selftest.selftest,
    sweeping.sweep,
    trouble.pause,
    trouble.settings,
    clock.waited,
    clock.questions,
    clock.canary,
    trouble.dead_letters,
    members.member,
    update.update_and_back,
)


def main() -> int:
    parser = ArgumentParser(prog="make e2e", description=__doc__)
    parser.add_argument("--core", action="store_true", help="only deploy, ten changes, messages, undo, destroy")
    parser.add_argument("--only", default="", metavar="STEPS", help="besides deploy and destroy, only these, by comma")
    parser.add_argument("--iam", choices=("on", "off", "both"), default="both", help="whether policies are asked")
    given = parser.parse_args()
    modes = {"on": (True,), "off": (False,), "both": (True, False)}[given.iam]
    steps = [*CORE, *(() if given.core else REST)]
    if given.only:
        steps = [step for step in steps if step is core.deploy or step.__name__ in given.only.split(",")]
    return max(live(steps, iam=iam) for iam in modes)


def live(steps: Sequence[Step], *, iam: bool) -> int:
    """One day; 0 when all of it came out right."""
    print(f"a day, with IAM {'enforced' if iam else 'off'}", flush=True)
    began = time.monotonic()
    with TemporaryDirectory(prefix="snapback-e2e-") as folder, slack() as chat:
        emulator = Emulator(Path(folder), iam=iam)
        try:
            with emulator:
                day = Day(emulator, chat, Path(folder))
                day.took("emulator's start", time.monotonic() - began)
                for step in (*steps, core.destroy):
                    run(day, step)
        except Broken as broken:
            print(f"FAILED: {broken}\n", *evidence(emulator), sep="\n", file=sys.stderr)
            return 1
    print(*shown(day.times), f"all of it{'':25} {time.monotonic() - began:.2f}", sep="\n")
    return 0


def run(day: Day, step: Step) -> None:
    """Nothing of Snapback's may be denied or at fault, and no condition of its policies unevaluated."""
    began = time.monotonic()
    step(day)
    if wrong := day.emulator.wrong():
        raise Broken(f"{step.__name__}: {len(wrong)} went wrong: {wrong[:5]}")
    print(f"  {step.__name__.replace('_', ' '):24} {time.monotonic() - began:6.1f} s", flush=True)


def evidence(emulator: Emulator) -> list[str]:
    """What helps to see why: the last that was denied, unevaluated, an error, a warning, and the emulator's last words."""
    lines = emulator.log.read_text(errors="replace").splitlines()
    return [
        *(f"{kind}: {each}" for kind in ("denied", "unevaluated") for each in emulator.noted(kind)[-5:]),
        *(f"{level}: {each}" for level in ("ERROR", "WARNING") for each in emulator.logged(level)[-5:]),
        *(line[:400] for line in lines if "ERROR" in line and not line.startswith("{")),
        *(line[:400] for line in lines[-25:]),
    ]


if __name__ == "__main__":
    sys.exit(main())
