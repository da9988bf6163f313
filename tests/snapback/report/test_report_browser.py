"""The report in a real browser, from a file: read, filtered, searched, sorted, linked to, by keyboard; light and dark, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from snapback.report.page import report_page
from tests.snapback.report.findings import result
from tests.support.browser import LOOKS, chrome, complaints, faults_of, needs_browser, show_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver

pytestmark = needs_browser
PATIENCE = 20


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "r.html"
    path.write_bytes(report_page(result(130)))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chrome() as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, report: Path) -> Iterator[webdriver.Chrome]:
    browser.get("about:blank")
    browser.get(report.as_uri())
    yield browser
    assert complaints(browser) == []


def text(page: webdriver.Chrome, selector: str) -> str:
    return page.find_element(By.CSS_SELECTOR, selector).text


def count(page: webdriver.Chrome) -> str:
    return text(page, "#count")


def items(page: webdriver.Chrome) -> list[str]:
    found: list[str] = page.execute_script("return [...document.querySelectorAll('.list > li')].map(each => each.id)")
    return found


def press(page: webdriver.Chrome, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def to(page: webdriver.Chrome, selector: str) -> Any:
    """By the tabulator alone."""
    wanted = page.find_element(By.CSS_SELECTOR, selector)
    for _ in range(200):
        press(page, Keys.TAB)
        if page.switch_to.active_element == wanted:
            return wanted
    raise AssertionError(f"{selector} can't be reached by the keyboard")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_no_fault(page: webdriver.Chrome, scheme: str, width: int) -> None:
    show_as(page, scheme, width)
    page.execute_script("document.querySelectorAll('details').forEach((each, at) => { each.open = at < 12; })")
    assert faults_of(page) == []


def test_an_empty_report_has_no_fault_and_says_so(browser: webdriver.Chrome, tmp_path: Path) -> None:
    path = tmp_path / "none.html"
    path.write_bytes(report_page(result(0)))
    browser.get(path.as_uri())
    assert faults_of(browser) == []
    assert "0 of 0 findings" in text(browser, "main")
    assert "Everything could be checked." in text(browser, "main")
    assert complaints(browser) == []


def test_each_section_tells(page: webdriver.Chrome) -> None:
    said = text(page, "main")
    for heading in (
        "In short",
        "Timeline",
        "Who and what",
        "What one actor did in a row",
        "Who changes back",
        "Compliance",
    ):
        assert heading in said, heading
    assert "130\nfindings" in text(page, "#count ~ *, .figures")
    assert "AccessDenied: s3:GetBucketAcl" in said


def test_search_filter_and_sort_by_keyboard_alone(page: webdriver.Chrome) -> None:
    to(page, "[name=text]")
    press(page, "APP-12")
    assert count(page) == "11 of 130 findings"  # app-12, and app-120 to app-129
    press(page, Keys.TAB)
    assert page.switch_to.active_element.get_attribute("name") == "severity"
    press(page, "critical")
    shown = items(page)
    assert count(page).startswith(f"{len(shown)} of 130")
    assert 0 < len(shown) < 11
    to(page, "[name=sort]")
    press(page, "oldest")
    assert items(page) == shown[::-1]
    to(page, "button[type=reset]")
    press(page, Keys.ENTER)
    WebDriverWait(page, PATIENCE).until(lambda _: count(page) == "130 of 130 findings")


def test_a_bar_is_a_filter(page: webdriver.Chrome) -> None:
    bar = next(
        each for each in page.find_elements(By.CSS_SELECTOR, ".bars button") if each.text.startswith("Terraform")
    )
    number = bar.text.split()[-1]
    bar.send_keys(Keys.ENTER)
    assert count(page) == f"{number} of 130 findings"
    assert Select(page.find_element(By.NAME, "tool")).first_selected_option.text == "Terraform"
    assert page.switch_to.active_element.get_attribute("aria-pressed") == "true"
    press(page, Keys.ENTER)
    assert count(page) == "130 of 130 findings"


def test_pages_are_turned_by_keyboard(page: webdriver.Chrome) -> None:
    assert len(items(page)) == 50
    first = items(page)
    to(page, ".pages button:not(:disabled)")
    press(page, Keys.ENTER)
    assert set(items(page)).isdisjoint(first)
    assert page.switch_to.active_element.tag_name == "summary"
    assert "Page 2 of 3" in text(page, ".pages")


def test_a_link_opens_its_record_whatever_is_filtered(page: webdriver.Chrome, report: Path) -> None:
    last = page.execute_script("return JSON.parse(document.getElementById('data').textContent).columns.id[0]")[0]
    assert last not in items(page)
    page.find_element(By.NAME, "text").send_keys("nothing like this")
    page.execute_script(f"location.hash = '#{last}'")
    WebDriverWait(page, PATIENCE).until(lambda _: last in items(page))
    shown = page.find_element(By.ID, last).text
    for said in ("Before → after", "Event ID", "History", "About this guardrail", "</script><script>alert(1)</script>"):
        assert said in shown, said
    page.find_element(By.ID, last).find_element(By.CSS_SELECTOR, ".fold summary").send_keys(Keys.ENTER)
    shown = page.find_element(By.ID, last).text
    for said in ("Why it matters", "The right way", "What prevents it", "Permissions", "MITRE ATT&CK"):
        assert said in shown, said
    page.get("about:blank")
    page.get(f"{report.as_uri()}#{last}")
    assert page.switch_to.active_element.tag_name == "summary"
    assert last in items(page)


def test_hostile_names_run_nothing(page: webdriver.Chrome) -> None:
    page.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.execute_script("return document.querySelectorAll('img, iframe').length") == 0
    assert page.execute_script("return document.scripts.length") == 2


def test_what_is_printed_has_all_that_fits_the_filters(page: webdriver.Chrome) -> None:
    page.find_element(By.NAME, "text").send_keys("app-1")
    fitting = int(count(page).split()[0])
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(items(page)) == fitting > 30
    assert page.execute_script("return document.querySelectorAll('.list details[open]').length") == fitting
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script("return document.querySelectorAll('.list details[open]').length") == 0
