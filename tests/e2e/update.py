"""An update from the version before, with open records, and back to it, and forth again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3

from snapback.deploy.cloudformation import Stack, files
from tests.e2e.core import make_deploy
from tests.e2e.day import BUCKET, STACK, Clock
from tests.e2e.emulator import ROOT, Broken
from tests.e2e.pages import question
from tests.e2e.trouble import OPENED, open_group

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.day import Day

UNTAGGED = "dcd7831104eb3406d1606032a1ab26879981ee54"
"""The commit before there was this day, for as long as there is no tag."""
_PACKAGE = """
import inspect
import sys
from pathlib import Path
from snapback.deploy import package
from snapback.settings_file import read_settings
takes = inspect.signature(package.package).parameters
made_for = {"compiler": sys.executable} if "compiler" in takes else {"python": package.HERE}
package.package(read_settings(Path(sys.argv[1]), warn=print), Path(sys.argv[2]), package.from_here, **made_for)
"""


def update_and_back(day: Day) -> None:
    """What is asked under one version is answered under the other, and each puts right what happens under it."""
    asked = question(day)
    with Clock(day, "back to the version before"):
        deploy_before(day)
    put_right(day, "under-the-former")
    former = question(day)
    with Clock(day, "update from the version before"):
        make_deploy(day, "Settings=ssm")
    put_right(day, "under-the-latter")
    for each in (asked, former):
        day.snapback("approve", each.id)
        if day.record(each.id).status != "fixed":
            raise Broken(f"{each.id}, asked before the update, is approved, and {day.record(each.id).status}")


def put_right(day: Day, name: str) -> None:
    group, event = open_group(day, name)
    day.emulator.put(event)
    fixed = day.become(OPENED, "fixed", arn=group)
    day.hear(fixed.id, 1)


def deploy_before(day: Day) -> None:
    """Its own tree packages it; how it gets to the emulator is this version's."""
    tree = before(day.folder / "before")
    made = day.folder / "package"
    path = day.write_settings()
    asked = [sys.executable, "-c", _PACKAGE, str(path), str(made)]
    environment = {**day.emulator.environment(), "PYTHONPATH": str(tree)}
    done = subprocess.run(asked, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"the version before can't be packaged: {done.stderr[-800:]}")
    template = json.loads((made / "sam.json").read_text())
    Stack(STACK, boto3.Session(), lambda _: None).deploy(template, files(template, made), BUCKET, {}, {})


def before(folder: Path) -> Path:
    """The tree of that version, out of git."""
    folder.mkdir()
    version = version_before()
    archive = _git("archive", version)
    if archive.returncode:
        raise Broken(f"git has no {version} here: {archive.stderr.decode()[-200:]}; a clone with its history has")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)  # noqa: S607
    return folder


def version_before() -> str:
    """The newest tag before this commit: a tagged commit's is the tag before."""
    found = _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    return found.stdout.decode().strip() or UNTAGGED


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
