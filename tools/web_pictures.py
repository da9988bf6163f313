"""The pictures of the report and the console: the demo's story, as both show it. `python -m tools.pictures` draws them with the others."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from msgspec.structs import replace
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from chalicelib.core.settings import Settings
from snapback.console.live import Live
from snapback.console.serve import console_server
from snapback.replay.logs import read
from snapback.replay.replay import STORY, Player, Replay
from snapback.report.page import report_page
from snapback.report.sources import replayed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver

NAMES = ("report", "console")
_WIDTH, _PATIENCE = 1000, 60
_CALLER = "arn:aws:sts::111122223333:assumed-role/operators/dana"


def web_pictures(chrome: webdriver.Chrome) -> Iterator[tuple[str, bytes]]:
    """Each picture's name, and the picture."""
    with Player(read([str(STORY)]), settings=Settings(), mode="ask") as player:
        done = Replay()
        for event in player.run():
            done.add(event)
        done.records, done.messages = player.records, player.messages
        result = replace(replayed(done, ["the demo's story"]), made=max(each.event_time for each in done.records))
        _size(chrome, 1150)
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "report.html"
            page.write_bytes(report_page(result))
            chrome.get(page.as_uri())
            yield "report", chrome.get_screenshot_as_png()
        with _console(player) as address:
            _size(chrome, 900)
            chrome.get(address)
            summaries = "return document.querySelectorAll('.list summary')"
            WebDriverWait(chrome, _PATIENCE).until(lambda _: len(chrome.execute_script(summaries)) > 1)
            chrome.execute_script(summaries)[1].click()
            WebDriverWait(chrome, _PATIENCE).until(lambda _: "History" in chrome.find_element(By.TAG_NAME, "main").text)
            yield "console", chrome.get_screenshot_as_png()


def _size(chrome: webdriver.Chrome, height: int) -> None:
    size = {"width": _WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@contextmanager
def _console(player: Player) -> Iterator[str]:
    live = Live(lambda: (player.application, _CALLER, {}), "snapback", player.settings)
    server, listener, address = console_server(live)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
