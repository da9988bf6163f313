"""The console in a real browser: each action by the keyboard alone; light and dark, wide and narrow; hostile names; a stale page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from chalicelib.core.types import Status
from snapback.console.sources import FileSource
from tests.snapback.command import public
from tests.snapback.console.conftest import running
from tests.snapback.report.findings import HOSTILE, result
from tests.support.browser import LOOKS, chrome, complaints, faults_of, needs_browser, show_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver

    from snapback.console.live import Live
    from tests.support.world import World

pytestmark = needs_browser
PATIENCE = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chrome() as driver:
        yield driver


class Tab:
    """A browser at the console. `press` is all that it takes to work with it."""

    def __init__(self, browser: webdriver.Chrome, address: str) -> None:
        self.browser = browser
        browser.get("about:blank")
        complaints(browser)
        browser.get(address)
        self.until("Findings")

    @property
    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def until(self, said: str) -> None:
        WebDriverWait(self.browser, PATIENCE, 0.05).until(lambda _: said in self.text, f"{said!r} is not said")

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def back(self, times: int) -> None:
        for _ in range(times):
            ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()

    def to(self, words: str) -> None:
        """To the control with these words, by the tabulator alone."""
        script = "const it = document.activeElement; return it.textContent.trim() || it.name"
        seen = []
        for _ in range(80):
            self.press(Keys.TAB)
            seen.append(str(self.browser.execute_script(script)))
            if seen[-1].startswith(words):
                return
        raise AssertionError(f"{words!r} can't be reached by the keyboard: {seen}")

    def open_first(self) -> None:
        WebDriverWait(self.browser, PATIENCE, 0.05).until(
            lambda _: self.browser.find_elements(By.CSS_SELECTOR, ".list li")
        )
        while self.browser.switch_to.active_element.tag_name != "summary":
            self.press(Keys.TAB)
        self.press(Keys.ENTER)
        self.until("History")


@pytest.fixture
def tab(browser: webdriver.Chrome, live: Live, asking: str) -> Iterator[Tab]:
    with running(live) as console:
        yield Tab(browser, console.address)


def test_approve_undo_and_exempt_by_keyboard_alone(tab: Tab, world: World, asking: str) -> None:
    tab.open_first()
    tab.to("Compare with AWS now")
    tab.press(Keys.ENTER)
    tab.until("Unsafe now: ")
    tab.back(2)
    assert tab.browser.switch_to.active_element.text == "Approve the fix"
    tab.press(Keys.ENTER)
    tab.until("Cancel")
    tab.press(Keys.ESCAPE)
    assert public(world), "escape changes nothing"
    tab.press(Keys.ENTER)
    tab.until("Cancel")
    assert tab.browser.switch_to.active_element.text == "Approve the fix"
    tab.press(Keys.ENTER)
    tab.until("Fixed by arn:aws:sts::123456789012:assumed-role/operators/dana and verified safe")
    assert not public(world)
    assert tab.browser.switch_to.active_element.tag_name == "summary"
    tab.to("Undo the fix")
    tab.press(Keys.ENTER)
    tab.until("Cancel")
    tab.press(Keys.ENTER)
    tab.until("Snapback's change is reversed")
    assert public(world)
    assert complaints(tab.browser) == []


def test_exempt_with_a_reason_by_keyboard_alone(tab: Tab, world: World, asking: str) -> None:
    tab.open_first()
    tab.to("Exempt")
    tab.press(Keys.ENTER)
    tab.until("For how long")
    tab.press(Keys.ARROW_DOWN)
    tab.to("reason")
    tab.press("a website")
    tab.to("Exempt")
    tab.press(Keys.ENTER)
    tab.until("Closed by")
    assert world.record(asking).history[-1].note == "exempt until 2026-11-30 10:00 UTC: a website"


def test_a_record_that_moved_on_is_not_decided(tab: Tab, world: World, asking: str) -> None:
    tab.open_first()
    ledger = world.application().ledger
    ledger.move(world.record(asking), Status.ASKING, by="snapback", reason="its ACL grants WRITE to AllUsers")
    tab.to("Approve the fix")
    tab.press(Keys.ENTER)
    tab.until("Cancel")
    tab.press(Keys.ENTER)
    tab.until("changed since you saw it; read it again, then decide")
    tab.until("WRITE to AllUsers")
    assert public(world)


def test_pause_and_resume_by_keyboard_alone(tab: Tab, live: Live) -> None:
    tab.to("Status")
    tab.press(Keys.ENTER)
    tab.until("Pause all writes")
    tab.to("Pause all writes")
    tab.press(Keys.ENTER)
    tab.until("Why")
    tab.press("an incident", Keys.ENTER)
    tab.until("Resume writes")
    assert "an incident" in live.application.ledger.paused()
    tab.to("Resume writes")
    tab.press(Keys.ENTER)
    tab.until("Cancel")
    tab.press(Keys.ENTER)
    tab.until("Writes are resumed")


def test_credentials_that_expire_lose_no_page(tab: Tab, world: World, live: Live) -> None:
    tab.open_first()
    application = live.application
    live.open = lambda: (application, "arn:aws:iam::123456789012:user/erin", {})
    with world.denied("GetBucketAcl", code="ExpiredToken"):
        tab.to("Compare with AWS now")
        tab.press(Keys.ENTER)
        tab.until("I have new credentials: go on")
    tab.browser.find_element(By.CSS_SELECTOR, "#trouble button").send_keys(Keys.ENTER)
    tab.until("You are somebody else now: arn:aws:iam::123456789012:user/erin")
    assert "History" in tab.text


def test_the_parts_have_no_fault_wide_and_narrow_light_and_dark(tab: Tab) -> None:
    found = {}
    for part, said in (
        ("Findings", "1 findings shown"),
        ("Status", "Exemptions that are about to expire"),
        ("Dead letters", "List dead letters"),
        ("Sweeps and replays", "Start a sweep"),
        ("Settings", "Mode of each guardrail"),
    ):
        button = next(each for each in tab.browser.find_elements(By.CSS_SELECTOR, "nav button") if each.text == part)
        button.send_keys(Keys.ENTER)
        tab.until(said)
        if part == "Findings":
            tab.open_first()
        for scheme, width in LOOKS:
            show_as(tab.browser, scheme, width)
            found[part, scheme, width] = faults_of(tab.browser)
    show_as(tab.browser, "light", 1200)
    assert {where: faults for where, faults in found.items() if faults} == {}


def test_a_file_shows_hostile_names_as_text_and_offers_no_action(browser: webdriver.Chrome) -> None:
    with running(FileSource(result(130))) as console:
        tab = Tab(browser, console.address)
        assert console.token not in browser.current_url
        tab.until("50 findings shown")
        tab.to("Show more")
        tab.press(Keys.ENTER)
        tab.until("100 findings shown")
        assert browser.switch_to.active_element.tag_name == "summary"
        browser.find_element(By.NAME, "text").send_keys("onerror", Keys.ENTER)
        tab.until("1 findings shown")
        tab.open_first()
        tab.until(HOSTILE.partition("\u202e")[0])
        assert browser.execute_script("return document.querySelectorAll('img, main script').length") == 0
        assert [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".list button")] == []
        assert complaints(browser) == []
        browser.delete_all_cookies()  # As another browser, which was never given the address.
        browser.get(f"{console.site}/")
        tab.until("open the address that `snapback console` printed")
        assert "app-1" not in tab.text
        browser.get("about:blank")  # Or another fragment would be the same page.
        browser.get(console.address)
        tab.until("this address works once")
