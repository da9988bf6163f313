"""The action page in a real browser. Where there is no Chromium, these are skipped; .ci/run sees to it that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from chalicelib.aws.action_tokens import link
from chalicelib.core.types import Status
from tests.clicks.server import STAGE, serving
from tests.clicks.test_page import HOSTILE
from tests.support.browser import chrome, needs_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver
    from selenium.webdriver.remote.webelement import WebElement

    from tests.clicks.conftest import Desk
    from tests.clicks.server import Site

pytestmark = needs_browser
PATIENCE = 20
"""Seconds until a page must be there."""
CONTRAST = """
const rgb = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
const light = color => color.map(part => part / 255).map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
  .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
const behind = element => { for (; element; element = element.parentElement) {
  const color = getComputedStyle(element).backgroundColor; if (!/, 0\\)$/.test(color)) return color; } return "rgb(255,255,255)"; };
return [...document.querySelectorAll("body *")].filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())
  && each.offsetParent).map(each => { const [one, two] = [getComputedStyle(each).color, behind(each)].map(rgb).map(light)
  .sort((a, b) => b - a); return [each.tagName, (one + .05) / (two + .05)]; });
"""
"""The contrast of each text, as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio has it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chrome() as driver:
        yield driver


class Tab:
    """A browser at our site; all that it asked for is ours."""

    def __init__(self, browser: webdriver.Chrome, site: Site, desk: Desk) -> None:
        self.browser, self.site, self.desk = browser, site, desk

    def open(self, token: str) -> None:
        self.browser.get("about:blank")  # Or another fragment would be the same page.
        self.browser.get(link(self.site.url, token))

    def follow(self, token: str) -> None:
        """Open a link and wait until it is shown what it is for."""
        self.open(token)
        self.until("page/show")

    def until(self, path: str) -> None:
        def there(driver: webdriver.Chrome) -> bool:
            ready = driver.execute_script("return document.readyState") == "complete"
            return bool(driver.current_url == f"{self.site.url}/{path}" and ready)

        WebDriverWait(self.browser, PATIENCE, 0.02).until(there)

    @property
    def text(self) -> str:
        return self.find("body").text

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def script(self, code: str) -> Any:
        return self.browser.execute_script(code)

    def asked(self) -> list[str]:
        """The addresses of all requests of this page and those before."""
        messages = [json.loads(each["message"])["message"] for each in self.browser.get_log("performance")]  # type: ignore[no-untyped-call]
        sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] + each["request"].get("urlFragment", "") for each in sent]

    def complaints(self) -> list[str]:
        """What is in the console: violations of the policy, errors, warnings."""
        return [each["message"] for each in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture
def tab(browser: webdriver.Chrome, desk: Desk) -> Iterator[Tab]:
    with serving(desk.api) as site:
        tab = Tab(browser, site, desk)
        tab.asked(), tab.complaints()
        yield tab
        if not getattr(tab, "offended", False):
            assert tab.complaints() == []
        offline = ("about:blank", "data:")  # The second is the browser's own icon, in a field for a date.
        asked = [each for each in tab.asked() if not each.startswith(offline)]
        assert asked
        assert not [each for each in asked if not each.startswith(f"{site.url.removesuffix(STAGE)}/")], (
            "all are our own"
        )


def test_open_see_tab_enter_and_it_is_done_once(tab: Tab) -> None:
    token = tab.desk.token()
    tab.follow(token)
    for said in ("Approve the fix?", "app-logs", "alice", "AllUsers", "can't see who you are", tab.desk.record):
        assert said in tab.text, said
    assert "- " in tab.find("del").text
    assert not tab.desk.handed
    tab.press(Keys.TAB)
    assert (tab.focused().tag_name, tab.focused().text) == ("button", "Approve the fix")
    assert tab.focused().value_of_css_property("outline-style") == "solid"
    tab.press(Keys.ENTER)
    tab.until("page/do")
    assert "Started" in tab.text
    assert tab.desk.steps() == ["asking", "fixing", "fixed"]
    tab.until("page/show")  # By itself.
    assert re.search(r"Is now\s+fixed", tab.text)
    assert not tab.browser.find_elements(By.TAG_NAME, "button")
    tab.follow(token)
    assert "This link was already used; a link works once." in tab.text
    assert len(tab.desk.handed) == 1


def test_a_second_press_in_another_tab_is_refused(tab: Tab) -> None:
    token = tab.desk.token()
    tab.follow(token)
    tab.desk.post("/page/do", token=token, seen=tab.desk.now().fingerprint)
    tab.offended = True  # type: ignore[attr-defined]  # Of a 403 the console tells, too.
    tab.find("button").click()
    tab.until("page/do")
    assert tab.find("[role=alert]").text == "This link was already used; a link works once."
    assert len(tab.desk.handed) == 1


def test_the_token_is_in_no_address_and_no_header(tab: Tab) -> None:
    token = tab.desk.token()
    tab.follow(token)
    assert token[:30] not in tab.browser.current_url
    tab.browser.back()
    assert token[:30] not in tab.browser.current_url
    for method, path, headers in tab.site.requests:
        assert token[:30] not in f"{method} {path} {headers}"
        assert "Referer" not in headers
    posted = [headers for method, _, headers in tab.site.requests if method == "POST"]
    assert posted
    assert all(headers["Sec-Fetch-Site"] == "same-origin" for headers in posted)


def test_a_preview_of_any_address_does_nothing(tab: Tab) -> None:
    """What fetches links to preview them drops the fragment; one that runs scripts sees the page, and presses nothing."""
    token = tab.desk.token()
    tab.offended = True  # type: ignore[attr-defined]  # Of a 403 the console tells, too.
    for path in ("page", "page.js", "page/show", "page/do", "slack"):
        tab.browser.get(f"{tab.site.url}/{path}")
    tab.follow(token)
    assert not tab.desk.handed
    assert tab.desk.steps() == ["asking"]


def test_a_link_without_its_token_and_a_bad_one_say_so(tab: Tab) -> None:
    tab.open("")
    assert tab.find("#none").is_displayed()
    assert not tab.find("#wait").is_displayed()
    tab.offended = True  # type: ignore[attr-defined]  # Of a 403 the console tells, too.
    for token in ("x", tab.desk.token(key="x" * 32)):
        tab.follow(token)
        assert (
            tab.find("[role=alert]").text
            == "This link isn't valid. It may have been cut off: copy the whole link from the message."
        )


def test_another_link_in_the_same_tab_is_taken(tab: Tab) -> None:
    tab.open("")
    tab.script(f"location.hash = '{tab.desk.token('undo')}'")
    tab.until("page/show")
    assert "Undo the fix" in tab.text
    assert "nothing to undo" in tab.text


def test_an_exemption_by_keyboard_alone(tab: Tab) -> None:
    tab.follow(tab.desk.token("exempt"))
    tab.press(Keys.TAB)
    assert tab.focused().get_attribute("value") == "7"
    tab.press(Keys.ARROW_DOWN)
    assert tab.focused().get_attribute("value") == "30"
    while tab.focused().tag_name != "textarea":
        tab.press(Keys.TAB)
    tab.press("a website", Keys.TAB)
    assert tab.focused().text == "Exempt"
    tab.press(Keys.ENTER)
    tab.until("page/do")
    assert tab.desk.now().history[-1].note == "exempt until 2026-12-23 10:00 UTC: a website"


def test_every_field_has_its_label_and_the_page_its_title_language_and_heading(tab: Tab) -> None:
    tab.follow(tab.desk.token("exempt"))
    labels = (
        "return [...document.querySelectorAll('input:not([type=hidden]), textarea')].map(each => each.labels.length)"
    )
    assert tab.script(labels) == [1, 1, 1, 1, 1, 1]
    assert tab.browser.title == "Exempt · Snapback"
    assert tab.find("html").get_attribute("lang") == "en"
    assert len(tab.browser.find_elements(By.TAG_NAME, "h1")) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_light_and_dark(tab: Tab, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    tab.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    tab.follow(tab.desk.token("exempt"))
    ratios = tab.script(CONTRAST)
    assert len(ratios) > 20
    assert not [each for each in ratios if each[1] < 4.5]
    background = tab.find("body").value_of_css_property("background-color")
    assert ("255" in background) == (scheme == "light")
    tab.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("zoom", [1, 2])
def test_nothing_is_cut_off_in_a_narrow_window_or_when_it_is_large(tab: Tab, zoom: int) -> None:
    """At 200% a window of 640 is one of 320, the narrowest that https://www.w3.org/TR/WCAG22/#reflow asks for."""
    size = {"width": 320 * zoom, "height": 800, "deviceScaleFactor": zoom, "mobile": False}
    tab.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    tab.browser.execute_cdp_cmd("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    for action in ("approve", "exempt"):
        tab.follow(tab.desk.token(action))
        if zoom == 2:
            tab.script("document.documentElement.style.fontSize = '200%'")
        wide = tab.script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        button = tab.find("button").rect
        assert button["x"] >= 0
        assert button["x"] + button["width"] <= 320 * zoom
    tab.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_change_and_the_button_are_seen_without_scrolling(tab: Tab, scheme: str) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": True}
    tab.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    tab.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    tab.follow(tab.desk.token())
    button = tab.find("button").rect
    assert "The fix removes READ for AllUsers." in tab.text
    assert button["y"] + button["height"] <= 844
    assert tab.script("return document.documentElement.scrollWidth <= innerWidth")
    assert tab.text.index("app-logs") < tab.text.index("The fix removes") < tab.text.index("Approve the fix\n")
    assert tab.text.index("Approve the fix\n") < tab.text.index("What was found") < tab.text.index("History")
    assert not [each for each in tab.script(CONTRAST) if each[1] < 4.5]
    assert str(tab.find("a").get_attribute("href")).startswith(
        "https://us-east-1.console.aws.amazon.com/s3/buckets/app-logs"
    )
    tab.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    tab.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_undo_does_not_look_like_an_approval(tab: Tab) -> None:
    tab.follow(tab.desk.token())
    approve = tab.find("button").value_of_css_property("background-color")
    tab.find("button").click()
    tab.until("page/show")
    tab.follow(tab.desk.token("undo"))
    undo = tab.find("button")
    assert undo.text == "Undo the fix"
    assert undo.value_of_css_property("background-color") != approve
    assert "restores the unsafe state" in tab.text
    assert not [each for each in tab.script(CONTRAST) if each[1] < 4.5]


def test_hostile_text_runs_nothing(tab: Tab) -> None:
    record = tab.desk.now()
    move: Any = tab.desk.application.ledger.move
    move(
        record,
        Status.ASKING,
        by=HOSTILE,
        note=HOSTILE,
        reason=HOSTILE,
        title=HOSTILE,
        before={HOSTILE: HOSTILE},
        after={},
    )
    tab.follow(tab.desk.token())
    assert "<script>alert(1)</script>" in tab.text
    assert tab.script("return document.querySelectorAll('img, main script').length") == 0


def test_the_policy_holds_off_a_script_that_got_in_all_the_same(tab: Tab) -> None:
    tab.follow(tab.desk.token())
    tab.offended = True  # type: ignore[attr-defined]
    for way in ("it.setAttribute('onclick', 'window.ran = 1')", "it.innerHTML = '<img src=x onerror=window.ran=1>'"):
        with pytest.raises(JavascriptException, match=r"TrustedScript|TrustedHTML"):
            tab.script(f"const it = document.createElement('p'); document.body.append(it); {way}")
    tab.script("const it = new Image(); it.src = 'https://evil.example.com/x'; document.body.append(it)")
    assert any("evil.example.com" in each and "Content Security Policy" in each for each in tab.complaints())
    tab.asked()
    tab.browser.refresh()


def test_the_catalogue_filters_from_a_file(browser: webdriver.Chrome) -> None:
    browser.get((Path(__file__).parents[2] / "docs" / "catalogue.html").as_uri())
    count = browser.find_element(By.ID, "count")
    total = len(browser.find_elements(By.TAG_NAME, "details"))
    browser.find_element(By.NAME, "service").send_keys("s3")
    shown = [each for each in browser.find_elements(By.TAG_NAME, "details") if each.is_displayed()]
    assert {each.get_attribute("data-service") for each in shown} == {"s3"}
    assert count.text == f"{len(shown)} of {total}"
    browser.find_element(By.NAME, "fix").send_keys(Keys.SPACE)
    browser.find_element(By.NAME, "text").send_keys("bucket_acl_made_public")
    assert count.text == f"1 of {total}"
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").send_keys(Keys.ENTER)
    WebDriverWait(browser, PATIENCE).until(lambda _: count.text == f"{total} of {total}")
    assert min(ratio for _, ratio in browser.execute_script(CONTRAST)) >= 4.5
