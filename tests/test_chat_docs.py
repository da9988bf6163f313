"""What docs/slack.md and docs/channels.md show and say is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from snapback.settings_file import check
from tools import pictures, web_pictures

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return dict(pictures.pages())


def test_each_message_has_its_picture_and_each_picture_is_shown(pages: dict[str, str]) -> None:
    kept = {path.stem for path in pictures.PICTURES.glob("*.png")}
    shown = set(
        re.findall(
            r"pictures/([\w-]+)\.png", "".join(path.read_text() for path in (*DOCS.glob("*.md"), ROOT / "README.md"))
        )
    )
    assert kept == {*pages, *web_pictures.NAMES} == shown
    assert all(path.stat().st_size < 45_000 for path in pictures.PICTURES.glob("*.png"))


def test_pictures_are_equal_each_time(pages: dict[str, str]) -> None:
    assert dict(pictures.pages()) == pages


def test_a_drawing_holds_what_the_message_says(pages: dict[str, str]) -> None:
    for name in ("slack-asking", "teams-asking"):
        assert "approval needed" in pages[name]
        assert all(f">{word}</span>" in pages[name] for word in ("Approve", "Exempt", "Details"))
        assert "READ for AllUsers" in pages[name]


def test_a_block_without_a_drawing_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no drawing of image"):
        pictures._block({"type": "image"})


def test_the_app_s_manifest_asks_for_no_more_than_is_used() -> None:
    manifest: Any = yaml.safe_load((DOCS / "slack-manifest.yaml").read_text())
    assert manifest["oauth_config"]["scopes"] == {"bot": ["chat:write", "users:read", "users:read.email"]}
    settings = manifest["settings"]
    assert settings["interactivity"]["is_enabled"] is True
    assert settings["interactivity"]["request_url"].endswith("/api/slack")
    assert not settings["socket_mode_enabled"]
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140


def test_the_settings_in_the_docs_are_good(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "slack.md").read_text(), re.DOTALL)
    path = tmp_path / "snapback.yaml"
    path.write_text("\n".join(line.removeprefix("   ") for line in shown.splitlines()).replace(", fallback: mail", ""))
    found, problems = check(path)
    assert found is not None, problems
    assert [type(each).__name__ for each in found.channels] == ["SlackAppSettings"]
