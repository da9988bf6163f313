"""Chromium for tests, and axe-core in it. Where there is no Chromium, tests with `needs_browser` are skipped; .ci/run sees to it that there is."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER) and not os.environ.get("SNAPBACK_BROWSER"),
    reason="no chromium and chromedriver on this machine; on Debian: apt-get install chromium chromium-driver",
)
FOREIGN = "rebound.example.com"
"""A name that leads to this machine, as a stranger's may."""
_OPTIONS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "no-first-run",
    "no-proxy-server",
    "disable-background-networking",
    "disable-component-update",
    "disable-extensions",
    "disable-sync",
    f"host-resolver-rules=MAP {FOREIGN} 127.0.0.1",
)
LOOKS = [("light", 1200), ("dark", 390)]
"""Colour schemes, and widths of a window; colours don't depend on the width, nor the layout on the scheme."""


@contextmanager
def chrome() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for each in _OPTIONS:
        options.add_argument(f"--{each}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def show_as(driver: webdriver.Chrome, scheme: str, width: int) -> None:
    """As on a desktop or a telephone, in light or dark."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@cache
def _axe() -> str:
    return files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")


def faults_of(driver: webdriver.Chrome) -> list[Any]:
    """What axe finds wrong with the page as it is shown, and whether it is wider than the window."""
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": _axe()})
    found = driver.execute_async_script("axe.run().then(arguments[0])")["violations"]
    wide, window = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    told = [(each["id"], [node["html"][:150] for node in each["nodes"]][:3]) for each in found]
    return [*told, *([("wider than the window", [wide, window])] if wide > window else [])]


def complaints(driver: webdriver.Chrome) -> list[str]:
    """What is in the console: violations of the policy, errors, warnings."""
    return [each["message"] for each in driver.get_log("browser")]  # type: ignore[no-untyped-call]
