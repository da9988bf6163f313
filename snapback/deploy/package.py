"""What is deployed: the zips and the templates, made by Chalice from a clean tree; needs no AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.settings import AppriseSettings
from snapback.deploy import models
from snapback.deploy.iam_policies import functions, policy_of
from snapback.deploy.template import member
from snapback.deploy.template.roles import boundary_template
from snapback.deploy.template.whole import nested_templates, template
from snapback.deploy.wheels import APPRISE, FUNCTIONS, locked
from snapback.project import CODE, project
from snapback.settings_file import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chalicelib.core.settings import Settings

MEMORY = {"notify": 256, "exports": 256, "act": 512, "api_handler": 1024, "canary": 256, "canary_echo": 256}
ZIP, NOTIFY_ZIP = "deployment.zip", "notify.zip"
MADE = (ZIP, NOTIFY_ZIP, "sam.json", "rules.json", "alarms.json", "member.json", "boundary.json")
_AUTHORS = ("__init__.py", "rules.py")
"""What of `snapback` guardrails import, in Lambda too."""


def package(settings: Settings, out: Path, fill: Callable[[Path, Path], None], *, compiler: str) -> None:
    """Writes deployment.zip, sam.json with its nested templates, member.json and boundary.json into `out`; `fill` puts what a lock has into a folder.

    notify.zip comes with them when there is a channel that needs Apprise, for `notify` alone. `compiler` is an interpreter of
    the Python that they are for, which makes their bytecode; empty: they hold none. Raises what `fill` raises.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / NOTIFY_ZIP).unlink(missing_ok=True)
    with_apprise = any(isinstance(each, AppriseSettings) for each in settings.channels)
    with TemporaryDirectory() as made:
        stage = Path(made) / "stage"
        _stage_tree(stage, settings)
        fill(FUNCTIONS, stage / "vendor")
        models.build(stage / "chalicelib", stage / "chalicelib" / "models", stage / "vendor" / "botocore")
        models.prune(stage / "chalicelib" / "models", stage / "vendor" / "botocore")
        _configure(stage)
        merge = Path(made) / "merge.json"
        merge.write_text(json.dumps(_with_own_zip(template()) if with_apprise else template()))
        _run_chalice(stage, merge, out)
        with zipfile.ZipFile(out / ZIP) as code:  # From the zip, as Chalice adds files of its own.
            code.extractall(Path(made) / "code")
        bytecode = _bytecode(Path(made) / "code", compiler)
        if with_apprise:
            own = Path(made) / "notify"
            fill(APPRISE, own)
            settle(out / ZIP, out / NOTIFY_ZIP, [*bytecode, *_files(own), *_bytecode(own, compiler)])
        settle(out / ZIP, out / ZIP, bytecode)
    others = {"member.json": member.template(), "boundary.json": boundary_template()}
    for name, content in (nested_templates() | others).items():
        (out / name).write_text(json.dumps(content, separators=(",", ":")))


def from_here(lock: Path, vendor: Path) -> None:
    """The same packages as they are installed here: for tests and benchmarks, which can't run Lambda's."""
    for pin in locked(lock):
        for file in metadata.distribution(pin.name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts and file.name != "RECORD":
                _copy(Path(str(file.locate())), vendor / file)


def settle(archive: Path, target: Path, more: Iterable[tuple[str, Path]] = ()) -> None:
    """The files of an archive and more, sorted and without their times: the same tree is the same zip, bit for bit."""
    with zipfile.ZipFile(archive) as made:
        files = {name: made.read(name) for name in made.namelist()}
    files |= {name: path.read_bytes() for name, path in more}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as settled:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)  # A ZipInfo's default time is 1980-01-01, so the zip is the same each time.
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            settled.writestr(entry, content)


def _stage_tree(stage: Path, settings: Settings) -> None:
    """What goes to Lambda, and nothing else."""
    for name in ("app.py", ".chalice/config.json"):
        _copy(project(name), stage / name)
    for name, path in _files(CODE / "chalicelib"):
        if path.suffix != ".yaml":  # Cards of rules are only for the docs.
            _copy(path, stage / "chalicelib" / name)
    for name in _AUTHORS:
        _copy(CODE / "snapback" / name, stage / "vendor" / "snapback" / name)
    (stage / "requirements.txt").touch()  # Chalice would fetch and build them; they are in vendor/.
    (stage / "chalicelib" / "settings.json").write_bytes(to_json(settings))
    (stage / "chalicelib" / catalog.INDEX.name).write_text(json.dumps(catalog.indexes(), separators=(",", ":")))


def _files(folder: Path) -> Iterable[tuple[str, Path]]:
    """Those in a folder, by their names there; no caches, and nothing hidden."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield "/".join(parts), path


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    target.chmod(0o644)


def _bytecode(folder: Path, compiler: str) -> list[tuple[str, Path]]:
    """What stays valid in the zip, by its names there; nothing without a compiler."""
    if compiler:
        options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
        command = [compiler, "-I", "-m", "compileall", *options, str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*.pyc"))]


def _configure(stage: Path) -> None:
    """Chalice's config, with a policy for each function."""
    config_file = stage / ".chalice" / "config.json"
    config = json.loads(config_file.read_text())
    for one in config["stages"].values():
        one["lambda_functions"] = {
            name: {"iam_policy_file": f"policies/{name}.json", "lambda_memory_size": MEMORY.get(name, 512)}
            for name in functions()
        }
    config_file.write_text(json.dumps(config, indent=2))
    policies = stage / ".chalice" / "policies"
    policies.mkdir()
    for name in functions():
        (policies / f"{name}.json").write_text(json.dumps(policy_of(name)))


def _with_own_zip(made: Mapping[str, Any]) -> Mapping[str, Any]:
    made["Resources"]["Notify"]["Properties"]["CodeUri"] = f"./{NOTIFY_ZIP}"
    return made


def _run_chalice(stage: Path, merge: Path, out: Path) -> None:
    chalice = Path(sys.executable).parent / "chalice"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    subprocess.run(
        [str(chalice), "package", "--stage", "prod", "--merge-template", str(merge), str(out.absolute())],
        cwd=stage, check=True, stdout=subprocess.DEVNULL,
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
