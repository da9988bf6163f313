"""Logs and settings that somebody else wrote, read on an operator's machine and packaged for Lambda."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.aws.settings_source import PATH_VARIABLE, load_settings
from chalicelib.core.types import Mode
from snapback.errors import BadEvents
from snapback.replay import parse
from snapback.replay.logs import read
from snapback.replay.sources import sources
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize("name", ["bomb.json.gz", "bomb.jsonl.gz", "bomb.json"])
@pytest.mark.parametrize("tail", [b"", b"\n{}\n"])
def test_a_file_that_unpacks_to_more_than_memory_is_refused(
    name: str, tail: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "MOST", 1 << 20)
    asked: list[int] = []
    real = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        asked.append(-1 if size is None else size)
        return real(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    (tmp_path / name).write_bytes(gzip.compress(b'"' + b"x" * (4 << 20) + b'"' + tail))
    with pytest.raises(BadEvents, match=f"{name}.*over 1 MiB"):
        list(read([tmp_path / name]))
    assert -1 not in asked


def test_a_log_says_nothing_about_where_else_to_read(tmp_path: Path) -> None:
    """Links out of a folder are not followed into other folders, and names are told as they are."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.json").write_text('{"Records": []}')
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "logs" / "a.jsonl").write_text(json.dumps(cloudtrail_event("s3", "PutBucketAcl")["detail"]))
    assert [Path(each.name).name for each in sources([tmp_path / "logs"])] == ["a.jsonl"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"mode": "FIX"}',
        '{"mode": "fix", "more": 1}',
        '{"mode": "fix", "accounts": ["1"]}',
        '{"mode": "fix", "exemptions": [{"guardrail": "*"}]}',
        '{"mode": "fix", "allow": {"accounts": ["*"]}}',
        '{"mode": "fix", "channels": [{"name": "a b", "type": "slack", "url": "file:///etc/passwd"}]}',
        "\xff",
    ],
)
def test_settings_that_are_not_wholly_understood_fix_nothing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """A package that was tampered with, or only half written."""
    (tmp_path / "settings.json").write_bytes(text.encode("latin-1"))
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "settings.json"))
    found = load_settings()
    assert found.trouble
    assert found.mode is Mode.ALERT
    from tests.guardrails.s3.test_bucket_acl_made_public import CASE

    envelope = CASE.unsafe[0](world)
    application = world.application()
    application.settings = found
    (outcome,) = [each for each in application.guard("s3", envelope) if each.guardrail == "s3.bucket_acl_made_public"]
    assert outcome.status == "alerted"
