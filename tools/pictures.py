"""Makes docs/pictures anew: what `snapback chat test` sends, drawn as Slack and Teams draw it, the report and the console.

Run `python -m tools.pictures` with chromium and chromedriver on the path. Chromium photographs them. The drawing of messages is ours and near enough: it draws
what the messages say, block by block, and fails on a kind of block that it doesn't know.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import sys
import tempfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib import catalog
from chalicelib.core.types import ASIDE
from chalicelib.notify.channels import slack, slack_app, teams
from chalicelib.notify.links import choices
from chalicelib.notify.message import Message
from snapback import chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.notify.summary import Summary

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
STYLE = """
* { box-sizing: border-box; } body { margin: 0; background: #fff; font: 14px/1.45 "DejaVu Sans", sans-serif; color: #1d1c1d; }
main { width: 640px; padding: 12px 14px; } p { margin: 4px 0; overflow-wrap: anywhere; } h1 { font-size: 16px; margin: 2px 0 6px; }
.who { font-weight: bold; } .app { font-size: 10px; background: #ddd; border-radius: 2px; padding: 1px 3px; margin-left: 4px; }
.time { color: #616061; font-size: 11px; margin-left: 6px; } code { color: #c01343; background: #f6f6f6; border: 1px solid #ddd;
border-radius: 3px; padding: 0 3px; font: 12px "DejaVu Sans Mono", monospace; } pre { background: #f8f8f8; border: 1px solid #ddd;
border-radius: 4px; padding: 6px; margin: 4px 0; font: 12px/1.4 "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 12px; margin: 6px 0; } .fields code { overflow-wrap: anywhere; }
.button { display: inline-block; border: 1px solid #bbb; border-radius: 4px; padding: 4px 12px; margin: 6px 6px 4px 0; font-weight: bold; }
.primary { background: #007a5a; color: #fff; border-color: #007a5a; } .danger { background: #e01e5a; color: #fff; border-color: #e01e5a; }
.context { color: #616061; font-size: 12px; } .thread { border-left: 3px solid #ddd; margin: 8px 0 0 8px; padding-left: 12px; }
.card { border: 1px solid #d1d1d1; border-radius: 6px; padding: 12px 14px; } .small { margin-top: 6px; } .medium { margin-top: 14px; }
.none { margin: 0; } .attention { color: #a4262c; } .warning { color: #8a5a00; } .good { color: #13683b; } .accent { color: #4a4ea8; }
.large { font-size: 17px; } .bolder { font-weight: bold; } .monospace { font: 12px "DejaVu Sans Mono", monospace; }
.actions { margin-top: 10px; } .row { display: flex; gap: 12px; align-items: start; justify-content: space-between; }
.row .button { flex: none; } u { color: #1264a3; text-decoration: none; }
"""
PIXEL = 3
"""Bytes."""
_MARKS = {"✅": ("✔", "#2b8a3e"), "🔴": ("●", "#d92b2b"), "🟠": ("●", "#e8912d"), "⚪": ("●", "#aaa")}
_LINKS = "https://api.example.com/api/page#…"


def pages() -> Iterator[tuple[str, str]]:
    """The name of each picture, and what is to be seen on it as HTML."""
    with patch("snapback.chat.secrets.token_hex", lambda size: "5a" * size):  # Equal each time.
        examples = chat.examples(NOW)
    for name, message in examples.items():
        yield f"slack-{name}", _slack_page(message)
        yield f"teams-{name}", _teams_page(message)
    asking = examples["asking"]
    assert isinstance(asking, Message)
    yield "slack-direct", _said(slack_app.direct_body(asking, catalog.advice(asking.guardrail)))


def _slack_page(message: Message | Summary) -> str:
    if not isinstance(message, Message):
        return _said(slack.summary_body(message, slack_app.button))
    root, reply = slack_app.body(message), slack_app.reply(message)
    if message.news in ASIDE:
        return f'<div class="thread">{_said(reply)}</div>'
    return f'{_said(root)}<div class="thread">{_said(reply)}</div>'


def _said(body: dict[str, Any]) -> str:
    who = '<p><span class="who">Snapback</span><span class="app">APP</span><span class="time">10:00</span></p>'
    return who + "".join(map(_block, body["blocks"]))


def _block(block: dict[str, Any]) -> str:
    match block:
        case {"type": "header", "text": {"text": text}}:
            return f"<h1>{_symbols(escape(unescape(text)))}</h1>"
        case {"type": "section", "fields": fields}:
            return f'<div class="fields">{"".join(_mrkdwn(each["text"]) for each in fields)}</div>'
        case {"type": "section", "text": {"text": text}, "accessory": button}:
            return f'<div class="row"><div>{_mrkdwn(text)}</div>{_button(button)}</div>'
        case {"type": "section", "text": {"text": text}}:
            return _mrkdwn(text)
        case {"type": "context", "elements": elements}:
            return f'<div class="context">{"".join(_mrkdwn(each["text"]) for each in elements)}</div>'
        case {"type": "actions", "elements": elements}:
            return "".join(map(_button, elements))
    raise ValueError(f"there is no drawing of {block['type']}")


def _button(found: dict[str, Any]) -> str:
    return f'<span class="button {found.get("style", "")}">{escape(found["text"]["text"])}</span>'


def _symbols(text: str) -> str:
    """A font with emoji is on few machines: a mark in the same color."""
    for symbol, (mark, color) in _MARKS.items():
        text = text.replace(symbol, f'<span style="color:{color}">{mark}</span>')
    return text


def _mrkdwn(text: str) -> str:
    """Of Slack's format what our messages use: code, bold, dates, links and entities. The text is escaped already."""
    if found := re.fullmatch(r"(?s)(.*?)```\n(.*)\n```", text):
        return f"{_mrkdwn(found[1]) if found[1] else ''}<pre>{found[2]}</pre>"
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    text = re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", text)
    text = re.sub(r"<!date[^|]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<https:[^|]*\|([^>]*)>", r"<u>\1</u>", text)
    return f"<p>{_symbols(text.replace(chr(10), '<br>'))}</p>"


def _teams_page(message: Message | Summary) -> str:
    if isinstance(message, Message):
        raw = teams.body(replace(message, links=dict.fromkeys(choices(message), _LINKS)))
    else:
        linked = tuple(replace(each, links=dict.fromkeys(choices(each), _LINKS)) for each in message.shown)
        raw = teams.summary_body(replace(message, shown=linked))
    card = json.loads(raw)["attachments"][0]["content"]
    lines = []
    for block in card["body"]:
        if block["type"] == "TextBlock":
            lines.append(f'<p class="{block["spacing"]}">{_local(block["text"])}</p>')
            continue
        if block["type"] == "ActionSet":
            lines.append("".join(f'<span class="button">{escape(each["title"])}</span>' for each in block["actions"]))
            continue
        if block["type"] != "RichTextBlock":
            raise ValueError(f"there is no drawing of {block['type']}")
        runs = (
            f'<span class="{" ".join(run.get(look, "") for look in ("size", "weight", "color", "fontType"))}">'
            f"{_symbols(escape(run['text']))}</span>"
            for run in block["inlines"]
        )
        lines.append(f'<p class="{block["spacing"]}">{"".join(runs)}</p>')
    buttons = "".join(f'<span class="button">{escape(each["title"])}</span>' for each in card["actions"])
    return f'<div class="card">{"".join(lines)}<div class="actions">{buttons}</div></div>'


def _local(text: str) -> str:
    """A date as Teams shows it to a reader in UTC."""
    (at,) = re.findall(r"TIME\((.*?)\)", text)
    return f"{datetime.fromisoformat(at):%a, %b %d, %Y %H:%M}"


def small(png: bytes) -> bytes:
    """The same picture with a palette of at most 256 colors, sixteen steps a channel: a third of the bytes."""
    chunks, place = [], 8
    while place < len(png):
        (size,) = struct.unpack_from(">I", png, place)
        chunks.append((png[place + 4 : place + 8], png[place + 8 : place + 8 + size]))
        place += size + 12
    width, height, depth, kind = struct.unpack_from(">IIBB", dict(chunks)[b"IHDR"])
    if (depth, kind) != (8, 2):
        return png
    raw, stride = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT")), width * PIXEL
    above, palette, rows = bytearray(stride), dict[bytes, int](), bytearray()
    for start in range(0, len(raw), stride + 1):
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above)
        rows.append(0)
        coarse = bytes((each >> 4) * 17 for each in above)
        rows += bytes(palette.setdefault(coarse[at : at + PIXEL], len(palette)) for at in range(0, stride, PIXEL))
    made = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(bytes(rows), 9)),
        (b"IEND", b""),
    ]
    return png[:8] + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in made
    )


def _unfiltered(kind: int, line: bytearray, above: bytearray) -> bytearray:
    """https://www.w3.org/TR/png-3/#9Filters."""
    for at, up in enumerate(above):
        left, corner = (line[at - PIXEL], above[at - PIXEL]) if at >= PIXEL else (0, 0)
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda each: abs(guess - each))
        line[at] = (line[at] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
    return line


def _write(name: str, picture: bytes) -> None:
    (PICTURES / f"{name}.png").write_bytes(picture)
    print(f"{name}.png  {len(picture):,} bytes")


def main() -> None:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By

    from tools.web_pictures import web_pictures

    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        sys.exit("pictures: chromium and chromedriver are needed; on Debian: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for each in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-lcd-text",
        "window-size=700,1200",
    ):
        options.add_argument(f"--{each}")
    chrome = webdriver.Chrome(options, Service(driver))
    PICTURES.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            for name, body in pages():
                page.write_text(
                    f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><main>{body}</main>', encoding="utf-8"
                )
                chrome.get(page.as_uri())
                picture = small(chrome.find_element(By.TAG_NAME, "main").screenshot_as_png)
                _write(name, picture)
        for name, drawn in web_pictures(chrome):
            _write(name, small(drawn))
    finally:
        chrome.quit()


if __name__ == "__main__":
    main()
