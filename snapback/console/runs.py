"""Sweeps and replays that the console starts: each is the command of that name, in a process of its own, followed by its output."""

from __future__ import annotations

import hmac
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from snapback.errors import Refused
from snapback.render import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_LINES = 200
_AT_ONCE = 2
_COMMAND = (sys.executable, "-c", "from snapback.cli import main; main(prog_name='snapback')")
_ENDED = {0: "done; nothing unsafe remains", 1: "done; something unsafe remains", 130: "stopped"}


@dataclass
class Run:
    """`arguments` are those of `snapback`; with `seal`, a window of its own may open the report."""

    number: int
    arguments: list[str]
    folder: Path
    process: subprocess.Popen[str]
    seal: str = field(default_factory=secrets.token_urlsafe)
    follower: Thread = field(init=False)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))

    def __post_init__(self) -> None:
        self.follower = Thread(target=self._follow, daemon=True)
        self.follower.start()

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    def _follow(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for text in output:
                self.lines.append(plain(text.rstrip("\n")))
        self.process.wait()

    def to_json(self) -> dict[str, Any]:
        code = self.process.poll()
        shown = [each for each in self.arguments if str(self.folder) not in each]
        return {
            "number": self.number,
            "command": plain(" ".join(["snapback", *shown])),
            "running": code is None,
            "state": "running" if code is None else _ENDED.get(code, "ended with an error" if code > 0 else "stopped"),
            "lines": list(self.lines),
            "report": f"/report/{self.number}/{self.seal}" if code is not None and self.report.exists() else "",
            "plan": code is not None and self.plan.exists(),
        }


class Runs:
    """Their files are in a folder that only this user can read, and go with the console."""

    def __init__(self, stack: str = "", settings: str = "") -> None:
        self._common = [*([f"--stack={stack}"] if stack else []), *([f"--settings={settings}"] if settings else [])]
        self._settings = [each for each in self._common if each.startswith("--settings")]
        self._numbers = count(1)
        self.all: list[Run] = []

    def start(self, asked: Mapping[str, Any]) -> Run:
        """Raises Refused. A sweep only plans; `apply` carries out the plan of an earlier one, which somebody has read."""
        if sum(each.process.poll() is None for each in self.all) >= _AT_ONCE:
            raise Refused(f"{_AT_ONCE} runs are under way; wait for one, or stop it")
        number = next(self._numbers)
        folder = self._folder / str(number)
        folder.mkdir(mode=0o700)
        arguments = [*self._arguments(asked, folder), f"--html={folder / 'report.html'}"]
        if asked.get("kind") == "replay":
            arguments += ["--", *_words(asked, "paths")]
        process = subprocess.Popen(  # noqa: S603 - no shell, and each value is one argument of its own
            [*_COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        run = Run(number, arguments, folder, process)
        self.all.append(run)
        return run

    @cached_property
    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="snapback-console-"))

    def _arguments(self, asked: Mapping[str, Any], folder: Path) -> list[str]:
        kind = asked.get("kind")
        if kind == "replay":
            if not _words(asked, "paths"):
                raise Refused("name the files or folders to replay")
            mode = str(asked.get("mode", ""))
            return ["replay", *([f"--mode={mode}"] if mode else []), *self._settings]
        if kind == "apply":
            plan = self.get(asked.get("number")).plan
            if not plan.exists():
                raise Refused("this run has no plan; start a sweep first")
            return ["sweep", f"--apply={plan}", "--yes", *self._common]
        if kind != "sweep":
            raise Refused("the console starts sweeps and replays only")
        names = ("guardrail", "service", "account", "region", "resource")
        chosen = [f"--{name}={value}" for name in names for value in _words(asked, name)]
        return ["sweep", *chosen, f"--plan={folder / 'plan.json'}", *self._common]

    def get(self, number: Any) -> Run:
        for each in self.all:
            if str(each.number) == str(number):
                return each
        raise Refused("there is no such run")

    def report(self, number: Any, seal: str) -> bytes:
        """Raises Refused and OSError."""
        run = self.get(number)
        if not hmac.compare_digest(run.seal.encode(), seal.encode()):
            raise Refused("this link isn't valid")
        return run.report.read_bytes()

    def close(self) -> None:
        for each in self.all:
            if each.process.poll() is None:
                each.process.terminate()
                each.process.wait()
        if self.all:
            shutil.rmtree(self._folder, ignore_errors=True)


def _words(asked: Mapping[str, Any], name: str) -> list[str]:
    return str(asked.get(name, "")).split()
