"""People decide by links to the action page: through API Gateway, in Chromium where there is one, else as a browser's forms are sent."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

from tests.e2e.day import ASKS, Clock
from tests.e2e.emulator import Broken, until
from tests.support.events import cloudtrail_event
from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.record import Record
    from tests.e2e.day import Day

REASON = "an exercise, for a week"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


class People(Protocol):
    def decide(self, site: str, token: str, **fields: str) -> str:
        """Open the link, say so, confirm; answers what the page says at last."""


def action_page(day: Day) -> None:
    """Approve, then undo what was approved, then exempt another."""
    with people() as who, gateway(day) as site:
        asked = question(day)
        with Clock(day, "approve, by the action page"):
            press(day, who, site, asked, "Approve")
            fixed = day.become(ASKS, "fixed", arn=asked.arn)
        with Clock(day, "undo, by the action page"):
            press(day, who, site, fixed, "Undo")
            day.become(ASKS, "undone", arn=asked.arn)
        other = question(day)
        press(day, who, site, other, "Exempt", days="7", reason=REASON)
        exempt = day.become(ASKS, "expired", arn=other.arn)  # The question is closed, and why is in its history.
        if REASON not in exempt.history[-1].note or not exempt.history[-1].by.startswith("page:chat from "):
            raise Broken(f"the exemption's step is {exempt.history[-1]}")


def question(day: Day) -> Record:
    """A new image that is shared with everyone; a person is asked about it."""
    ec2 = day.emulator.client("ec2")
    number = day.kept["images"] = day.kept.get("images", 0) + 1
    image = ec2.register_image(Name=f"e2e-{number}", RootDeviceName="/dev/xvda")["ImageId"]
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    everyone = {"add": {"items": [{"group": "all"}]}}
    asked = {"imageId": image, "launchPermission": everyone, "attributeType": "launchPermission"}
    day.emulator.put(cloudtrail_event("ec2", "ModifyImageAttribute", asked, {"_return": True}))
    return day.become(ASKS, "asking", arn=image)


def press(day: Day, who: People, site: str, record: Record, word: str, **fields: str) -> None:
    """A link of the latest message about a record that has it."""

    def linked() -> str:
        texts = [str(message) for message in day.slack.about(record.id)]
        found = [each for text in texts for each in re.findall(rf"/page#([\w.=-]+)\|{word}>", text)]
        return found[-1] if found else ""

    token = until(f"a link to {word} {record.id}", linked)
    if "Started" not in (said := who.decide(site, token, **fields)):
        raise Broken(f"{word}: the page says {said[:600]}")


@contextmanager
def gateway(day: Day) -> Iterator[str]:
    """The API's stage as a site of this machine: the emulator has no host of AWS's name, and no TLS."""
    api, port = day.outputs()["RestAPIId"], urlsplit(day.emulator.url).port

    class Forward(Handler):
        def serve(self) -> None:
            connection = HTTPConnection("127.0.0.1", port or 80, timeout=60)
            path = self.path.removeprefix("/api")
            headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
            connection.request(self.command, f"/restapis/{api}/api/_user_request_{path}", self.body(), headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name in _KEPT}
            self.answer(answer.status, kept, answer.read())

    with listening(Forward) as address:
        yield f"{address}/api"


_KEPT = ("Content-Type", "content-type", "Content-Security-Policy", "content-security-policy")


@contextmanager
def people() -> Iterator[People]:
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not (chromium and driver):
        yield Forms()
        return
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for each in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "no-first-run",
        "no-proxy-server",
    ):
        options.add_argument(f"--{each}")
    browser = webdriver.Chrome(options, Service(driver))
    try:
        yield Chromium(browser)
    finally:
        browser.quit()


class Chromium:
    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def decide(self, site: str, token: str, **fields: str) -> str:
        from selenium.webdriver.common.by import By

        self._browser.get("about:blank")  # Or another fragment would be the same page.
        self._browser.get(f"{site}/page#{token}")
        self._arrive("page/show")
        if "days" in fields:
            self._browser.find_element(By.CSS_SELECTOR, f"[name=days][value='{fields['days']}']").click()
            self._browser.find_element(By.ID, "reason").send_keys(fields["reason"])
        self._browser.find_element(By.TAG_NAME, "button").click()
        self._arrive("page/do")
        return str(self._browser.find_element(By.TAG_NAME, "body").text)

    def _arrive(self, path: str) -> None:
        def there() -> bool:
            ready = self._browser.execute_script("return document.readyState") == "complete"
            return bool(ready and self._browser.current_url.endswith(path))

        until(f"the browser at {path}", there)


class Forms:
    """What a browser would send, field by field, as the page has them."""

    def decide(self, site: str, token: str, **fields: str) -> str:
        shown = self._post(site, "/page/show", {"token": token})
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
        return self._post(site, "/page/do", {**hidden, **fields})

    def _post(self, site: str, path: str, fields: dict[str, str]) -> str:
        where = urlsplit(site)
        connection = HTTPConnection(where.netloc, timeout=60)
        connection.request("POST", f"{where.path}{path}", urlencode(fields), _FORM)
        return connection.getresponse().read().decode()
