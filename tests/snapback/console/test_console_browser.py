"""The console in a real browser: each action by the keyboard alone; light and dark, wide and narrow; hostile names; a stale page."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from chalicelib.core.types import Status
from snapback.console.sources import FileSource
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import public
from tests.snapback.console.conftest import running
from tests.snapback.dead_letters import EVENT, given_up
from tests.snapback.report.findings import HOSTILE, result
from tests.support import shared_documents as documents
from tests.support.browser import FOREIGN, LOOKS, chrome, complaints, faults_of, needs_browser, show_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver

    from snapback.console.live import Live
    from tests.snapback.dead_letters import Queues
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

    @property
    def focused(self) -> str:
        return self.browser.switch_to.active_element.text

    @property
    def faults(self) -> list[str]:
        """What the browser complains of, but for refusals, which the page tells."""
        return [each for each in complaints(self.browser) if "status of 409" not in each]

    def until(self, said: str) -> None:
        WebDriverWait(self.browser, PATIENCE, 0.05).until(lambda _: said in self.text, f"{said!r} is not said")

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def to(self, words: str, *, back: bool = False) -> None:
        """To the control with these words, by the tabulator alone."""
        script = "const it = document.activeElement; return it.textContent.trim() || it.name"
        seen = []
        for _ in range(120):
            keys = ActionChains(self.browser)
            (
                keys.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT) if back else keys.send_keys(Keys.TAB)
            ).perform()
            seen.append(str(self.browser.execute_script(script)))
            if seen[-1].startswith(words):
                return
        raise AssertionError(f"{words!r} can't be reached by the keyboard: {seen}")

    def part(self, name: str) -> None:
        """From anywhere in a part to another one."""
        self.to(name, back=True)
        self.press(Keys.ENTER)

    def open(self, words: str) -> None:
        """The finding whose line has these words, among those that are shown."""
        at = "const it = document.activeElement; return it.matches('.list summary') ? it.textContent : ''"
        self.until(words)
        for _ in range(120):
            self.press(Keys.TAB)
            if words in self.browser.execute_script(at):
                break
        self.press(Keys.ENTER)
        self.until("History")

    def confirm(self, words: str, *keys: str) -> None:
        """Press the button, answer its question's fields, and say yes."""
        self.to(words)
        self.press(Keys.ENTER)
        self.until("Cancel")
        if keys:
            self.press(*keys)
            self.to(words)
        self.press(Keys.ENTER)
        self.until_not("Cancel")

    def until_not(self, said: str) -> None:
        WebDriverWait(self.browser, PATIENCE, 0.05).until(lambda _: said not in self.text, f"{said!r} is still said")


@pytest.fixture
def tab(browser: webdriver.Chrome, live: Live, asking: str) -> Iterator[Tab]:
    with running(live) as console:
        yield Tab(browser, console.address)


DANA = "arn:aws:sts::123456789012:assumed-role/operators/dana"


def test_fix_retry_and_undo_by_keyboard_alone(browser: webdriver.Chrome, live: Live, world: World) -> None:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID, "alert")
    with running(live) as console:
        tab = Tab(browser, console.address)
        tab.open("app-logs")
        tab.to("Fix")
        tab.press(Keys.ENTER)
        tab.until("Cancel")
        tab.press(Keys.ESCAPE)
        assert public(world), "escape changes nothing"
        assert tab.focused == "Fix"
        with world.denied("PutBucketAcl"):  # As without the right to write.
            tab.press(Keys.ENTER)
            tab.until("Cancel")
            tab.press(Keys.ENTER)
            tab.until("AccessDenied")
            tab.until("Try the fix again")
        tab.confirm("Try the fix again")
        tab.until(f"Fixed by {DANA} and verified safe")
        assert not public(world)
        assert browser.switch_to.active_element.tag_name == "summary"
        tab.to("Compare with AWS now")
        tab.press(Keys.ENTER)
        tab.until("Safe now.")
        tab.to("Undo the fix", back=True)
        tab.press(Keys.ENTER)
        tab.until("Cancel")
        tab.press(Keys.ENTER)
        tab.until("Snapback's change is reversed")
        assert public(world)
        assert world.record(outcome.record).status == "undone"
        assert tab.faults == []


def test_approve_and_undo_anyway_by_keyboard_alone(
    browser: webdriver.Chrome, live: Live, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else changes the policy after the fix: an undo is first shown, then done beside their change."""
    monkeypatch.setattr("chalicelib.aws.change_author.who_changed", lambda *_: None)
    guardrail = "s3.bucket_policy_made_public"
    (outcome,) = world.deliver(documents.bucket(world)[guardrail], guardrail, "ask")
    with running(live) as console:
        tab = Tab(browser, console.address)
        tab.open("statement")
        tab.confirm("Approve the fix")
        tab.until(f"Fixed by {DANA} and verified safe")
        found = documents.bucket_statements(world)
        documents.put_bucket(world, [*found, {**documents.THIRD_BUCKET, "Sid": "Third"}])
        tab.confirm("Undo the fix")
        tab.until("Undo, keep others' changes")
        assert world.record(outcome.record).status == "fixed"
        tab.confirm("Undo, keep others' changes")
        tab.until("Snapback's change is reversed")
    assert "Third" in {each["Sid"] for each in documents.bucket_statements(world)}
    assert world.record(outcome.record).status == "undone"
    assert tab.faults == []


def test_a_record_that_moved_on_is_not_decided_and_one_is_exempted_until_a_date(
    tab: Tab, world: World, asking: str
) -> None:
    tab.open("app-logs")
    ledger = world.application().ledger
    ledger.move(world.record(asking), Status.ASKING, by="snapback", reason="its ACL grants WRITE to AllUsers")
    tab.confirm("Approve the fix")
    tab.until("changed since you saw it; read it again, then decide")
    tab.until("WRITE to AllUsers")
    assert public(world)
    tab.to("Exempt")
    tab.press(Keys.ENTER)
    tab.until("For how long")
    tab.press("until")
    tab.to("date")
    tab.press("12012026")
    tab.to("reason")
    tab.press("a website")
    tab.to("Exempt")
    tab.press(Keys.ENTER)
    tab.until("Closed by")
    assert world.record(asking).history[-1].note == "exempt until 2026-12-01 23:59 UTC: a website"


RUNS = """
import pathlib, signal, sys
kind, *rest = sys.argv[1:]
print(kind, *rest, flush=True)
if kind == "replay":
    signal.pause()
for each in rest:
    name, _, path = each.partition("=")
    if name in {"--plan", "--html"}:
        pathlib.Path(path).write_text("<p>a report</p>")
sys.exit("--yes" not in rest)
"""
"""Stands for `snapback`: a replay goes on until it is stopped."""


@pytest.mark.usefixtures("hasty")
def test_operations_by_keyboard_alone(tab: Tab, live: Live, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    tab.part("Status")
    tab.until("Pause all writes")
    tab.confirm("Pause all writes", "an incident")
    tab.until("Resume writes")
    assert "an incident" in live.application.ledger.paused()
    tab.confirm("Resume writes")
    tab.until("Writes are resumed")

    queues.put({**EVENT, "second_look": ["s3.bucket_acl_made_public"]})
    tab.part("Dead letters")
    tab.to("List dead letters")
    tab.press(Keys.ENTER)
    tab.until("second look at PutBucketAcl")
    tab.confirm("Process again")
    tab.until("back in its queue")
    assert (queues.left(), queues.left(queues.second_looks)) == (0, 1)
    queues.put(given_up())
    tab.to("List dead letters", back=True)
    tab.press(Keys.ENTER)
    tab.until("PutBucketAcl by alice")
    tab.confirm("Delete for good")
    tab.until("deleted")
    assert queues.left() == 0

    monkeypatch.setattr("snapback.console.runs._COMMAND", (sys.executable, "-c", RUNS))
    tab.part("Sweeps and replays")
    tab.to("service")
    tab.press("s3")
    tab.to("Start a sweep")
    tab.press(Keys.ENTER)
    tab.until("done; something unsafe remains")
    assert "sweep --service=s3" in tab.text
    tab.confirm("Carry out this plan")
    tab.until("done; nothing unsafe remains")
    assert "--yes" in tab.text
    tab.to("paths", back=True)
    tab.press("/var/log/cloudtrail")
    tab.to("Start a replay")
    tab.press(Keys.ENTER)
    tab.until("running")
    tab.to("Stop")
    tab.press(Keys.ENTER)
    tab.until_not("running")
    assert live.runs.all[-1].process.returncode == -signal.SIGTERM
    assert tab.faults == []


def test_credentials_that_expire_lose_no_page(tab: Tab, world: World, live: Live) -> None:
    tab.open("app-logs")
    application = live.application
    live.open = lambda: (application, "arn:aws:iam::123456789012:user/erin", {})
    with world.denied("GetBucketAcl", code="ExpiredToken"):
        tab.to("Compare with AWS now")
        tab.press(Keys.ENTER)
        tab.until("I have new credentials: go on")
    tab.to("I have new credentials", back=True)
    tab.press(Keys.ENTER)
    tab.until("You are somebody else now: arn:aws:iam::123456789012:user/erin")
    assert "History" in tab.text


def test_the_parts_have_no_fault_wide_and_narrow_light_and_dark(tab: Tab) -> None:
    found = {}
    for part, said in (
        ("Findings", "1 findings shown"),
        ("Overview", "Who and what"),
        ("Status", "Exemptions that are about to expire"),
        ("Dead letters", "List dead letters"),
        ("Sweeps and replays", "Start a sweep"),
        ("Settings", "Mode of each guardrail"),
    ):
        button = next(each for each in tab.browser.find_elements(By.CSS_SELECTOR, "nav button") if each.text == part)
        button.send_keys(Keys.ENTER)
        tab.until(said)
        if part == "Findings":
            tab.open("app-logs")
            tab.browser.execute_script("document.querySelectorAll('.fold').forEach(each => { each.open = true; })")
        for scheme, width in LOOKS:
            show_as(tab.browser, scheme, width)
            found[part, scheme, width] = faults_of(tab.browser)
    show_as(tab.browser, "light", 1200)
    assert {where: faults for where, faults in found.items() if faults} == {}


def test_a_file_is_filtered_and_summed_up_and_offers_no_action(browser: webdriver.Chrome) -> None:
    with running(FileSource(result(130))) as console:
        tab = Tab(browser, console.address)
        assert console.token not in browser.current_url
        tab.until("50 findings shown")
        tab.to("Show more")
        tab.press(Keys.ENTER)
        tab.until("100 findings shown")
        assert browser.switch_to.active_element.tag_name == "summary"
        tab.part("Overview")
        tab.until("130 findings.")
        tab.to("critical")  # A bar, which stands for its filter.
        tab.press(Keys.ENTER)
        tab.until("33 findings.")
        assert browser.switch_to.active_element.get_attribute("aria-pressed") == "true"
        tab.part("Findings")
        tab.until("33 findings shown")
        tab.to("More filters")
        tab.press(Keys.ENTER)
        tab.to("account")
        tab.press("111122223333", Keys.ENTER)
        tab.until("4 findings shown")
        tab.to("since", back=False)
        tab.press("monday", Keys.ENTER)
        tab.until("is no time")
        tab.to("Show all")
        tab.press(Keys.ENTER)
        tab.until("50 findings shown")
        tab.part("Overview")
        tab.until("deploy/person-16: 9 findings")
        browser.execute_script("document.querySelector('#stories-title ~ ul details').open = true")
        browser.find_element(By.CSS_SELECTOR, "#stories-title ~ ul a").send_keys(Keys.ENTER)
        tab.until("1 findings shown")
        tab.until("History")
        assert tab.faults == []


def test_hostile_names_are_text_and_others_see_nothing(browser: webdriver.Chrome) -> None:
    with running(FileSource(result(130))) as console:
        tab = Tab(browser, console.address)
        tab.to("text")
        tab.press("onerror", Keys.ENTER)
        tab.until("1 findings shown")
        tab.open("onerror")
        tab.until(HOSTILE.partition("\u202e")[0])
        tab.part("Overview")
        tab.until("In short")
        assert browser.execute_script("return document.querySelectorAll('img, main script').length") == 0
        assert tab.faults == []
        browser.get(f"{console.site.replace('127.0.0.1', FOREIGN)}/")  # DNS rebinding: this name leads to this machine.
        tab.until("this console answers at 127.0.0.1 only")
        browser.get(f"{console.site}/")
        browser.delete_all_cookies()  # As another browser, which was never given the address.
        browser.get(f"{console.site}/")
        tab.until("open the address that `snapback console` printed")
        assert "app-1" not in tab.text
        browser.get("about:blank")  # Or another fragment would be the same page.
        browser.get(console.address)
        tab.until("this address works once")
