"""The last lines of a run: what became of the messages, by what went wrong. A plugin of tests/conftest.py."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

PROPERTY = "messages"
COLUMNS = ("sent", "arrived", "twice", "elsewhere", "queued")
_ENDED: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(COLUMNS))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Also called where the reports of all xdist workers come together."""
    if report.when == "call":
        for name, value in report.user_properties:
            if name == PROPERTY:
                told: Any = value
                row = _ENDED[told[0], told[1]]
                row[:] = [sum(pair) for pair in zip(row, told[2:], strict=True)]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _ENDED or hasattr(config, "workerinput"):
        return
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reporter.write_line(f"{'what went wrong':20} {'for':12}" + "".join(f"{column:>10}" for column in COLUMNS))
    for (fault, lasting), numbers in sorted(_ENDED.items()):
        reporter.write_line(f"{fault:20} {lasting:12}" + "".join(f"{number:>10}" for number in numbers))
