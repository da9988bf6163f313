"""docs/tutorial.md works as it stands: its commands are run in order, and print what it shows."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from snapback.replay.replay import STORY

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"```(console|yaml)\n(.*?)```", TEXT, re.DOTALL)


def test_each_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    _synced(tmp_path / "logs")
    commands = 0
    for kind, block in BLOCKS:
        if kind == "yaml":
            (tmp_path / block.split()[1]).write_text(block)
            continue
        first, *shown = block.splitlines()
        printed = _printed(first, tmp_path)
        lines = iter(printed.splitlines())
        for line in shown:
            if line != "…":
                pattern = re.escape(line).replace("…", r"\d+")
                assert any(re.fullmatch(pattern, each.rstrip()) for each in lines), f"{first}: {line}\n{printed}"
        commands += 1
    assert commands == 5


def test_it_needs_only_the_rights_and_the_files_that_it_names() -> None:
    assert {"s3:ListBucket", "s3:GetObject"} <= set(re.findall(r"`(s3:\w+)`", TEXT))
    links = re.findall(r"\]\(([\w.-]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def _synced(folder: Path) -> None:
    """What `aws s3 sync` leaves: CloudTrail's files, of the demo's events."""
    folder.mkdir()
    envelopes = [json.loads(line) for line in STORY.read_text().splitlines()]
    calls = [each["detail"] for each in envelopes if "eventName" in each["detail"]]
    others = [each for each in envelopes if "eventName" not in each["detail"]]
    name = "111122223333_CloudTrail_us-east-1_20251118T0945Z_example.json.gz"
    (folder / name).write_bytes(gzip.compress(json.dumps({"Records": calls}).encode()))
    (folder / "bus.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in others))


def _printed(line: str, folder: Path) -> str:
    prompt, command, *arguments = shlex.split(line)
    assert (prompt, command) == ("$", "snapback")
    done = subprocess.run(
        [Path(sys.executable).with_name("snapback"), *arguments],
        cwd=folder,
        env={"COLUMNS": "110", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
