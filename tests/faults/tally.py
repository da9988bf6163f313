"""The last line of a run: how many cases there were, and how many broke a promise. A plugin of tests/conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

PROPERTY = "faults"
_ENDED: list[tuple[int, int]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Also called where the reports of all xdist workers come together."""
    if report.when == "call":
        _ENDED.extend(value for name, value in report.user_properties if name == PROPERTY)  # type: ignore[misc]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _ENDED or hasattr(config, "workerinput"):
        return
    cases, lost = (sum(numbers) for numbers in zip(*_ENDED, strict=True))
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reporter.write_line(f"{cases} cases, {cases - lost} survived, {lost} lost")
