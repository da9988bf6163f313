"""`snapback selftest`: killed, cleaned, and run to the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from snapback.selftest.examples import EXAMPLES
from snapback.selftest.leftovers import FINDERS
from snapback.selftest.sandbox import Sandbox
from tests.e2e.day import Clock
from tests.e2e.emulator import ROOT, Broken
from tests.support.events import HOME

if TYPE_CHECKING:
    from tests.e2e.day import Day

_KILLED_AFTER = 9
"""Things that are made."""
_UNDONE = 9
"""Of the examples, as many as a fix can be undone of."""


def selftest(day: Day) -> None:
    """After a kill -9, `--clean` removes what was made; a whole run proves all, and leaves nothing."""
    with _started(day) as process:
        made = 0
        for line in process.stderr or ():
            made += line.startswith("made ")
            if made == _KILLED_AFTER:
                process.send_signal(signal.SIGKILL)
    if not left(day):
        raise Broken(f"the selftest was killed after {made} things, and none are there")
    day.snapback("selftest", "--account", HOME, "--clean")
    _nothing_left(day, "--clean")
    with Clock(day, "selftest"), _started(day) as process:
        said, told = process.communicate()
    if process.returncode:
        failed = [each for each in map(json.loads, said.splitlines()) if each["problem"]]
        shown = [day.snapback("show", each["record"]) for each in failed if each["record"]]
        raise Broken(f"selftest: exit code {process.returncode}: {failed} {shown} {told[-1500:]}")
    _nothing_left(day, "a selftest")
    proofs = [json.loads(line) for line in said.splitlines()]
    if len(proofs) != len(EXAMPLES) or sum(each["undone"] for each in proofs) != _UNDONE:
        raise Broken(f"the selftest says {said}")
    for each in proofs:
        day.took("selftest: event to fix or alert", each["seconds"])


def _started(day: Day) -> subprocess.Popen[str]:
    asked = ["-m", "tests.e2e.watched", "selftest", "--yes", "--json", "--minutes", "4", "--account"]
    asked += [HOME, "--settings", str(day.folder / "snapback.yaml")]
    return subprocess.Popen(
        [sys.executable, *asked],
        cwd=ROOT,
        env=day.command_environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def left(day: Day) -> list[str]:
    sandbox: Any = Sandbox(day.emulator.session(), HOME, "")
    return [what for finder in FINDERS for what, _ in finder(sandbox)]


def _nothing_left(day: Day, after: str) -> None:
    if found := left(day):
        raise Broken(f"after {after}, these are left: {found}")
