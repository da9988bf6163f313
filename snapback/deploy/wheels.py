"""The wheels that the functions run on (arm64, Python 3.13), fetched once, so that packaging needs no network."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from snapback.errors import CannotDeploy
from snapback.project import IS_CHECKOUT, project

FUNCTIONS, APPRISE = project("requirements.txt"), project("requirements/apprise.txt")
"""The locks: of all functions, and of what `notify` needs besides for channels of the type apprise."""
RUNTIME = "3.13"
"""The Lambda runtime, whatever interpreter packages."""
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
WHEELS = project(".wheels") if IS_CHECKOUT else _CACHE / "snapback" / "wheels"
_TARGET = [
    "--only-binary=:all:",
    "--implementation=cp",
    f"--python-version={RUNTIME}",
    "--platform=manylinux_2_28_aarch64",
    "--platform=manylinux2014_aarch64",
]


def locked(lock: Path) -> dict[Requirement, set[str]]:
    """The hashes of each pin that is meant for a machine like this one."""
    text = lock.read_text().replace("\\\n", " ")
    pins = {Requirement(line.partition(" --hash")[0]): line for line in text.splitlines() if line[:1].isalnum()}
    return {
        pin: set(re.findall(r"--hash=sha256:(\w+)", line))
        for pin, line in pins.items()
        if not pin.marker or pin.marker.evaluate()
    }


def fetch(lock: Path) -> None:
    """What the lock has and isn't here yet, or isn't as the lock has it. Raises CannotDeploy."""
    there = {digest(wheel) for wheel in WHEELS.glob("*.whl")}
    if all(hashes & there for hashes in locked(lock).values()):
        return
    WHEELS.mkdir(parents=True, exist_ok=True)
    _pip("download", *_TARGET, "-d", str(WHEELS), "-r", str(lock))


def install(lock: Path, vendor: Path) -> None:
    """For Lambda. Raises CannotDeploy."""
    fetch(lock)
    wheels = ("--no-index", f"--find-links={WHEELS}")
    _pip("install", *_TARGET, *wheels, "--no-compile", "--target", str(vendor), "-r", str(lock))
    shutil.rmtree(vendor / "bin", ignore_errors=True)  # Scripts with paths of this machine.
    for record in vendor.glob("*.dist-info/RECORD"):
        record.unlink()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def runtime_python() -> str:
    """An interpreter of the runtime's version, which makes bytecode for it: this one, of the PATH, pyenv's or uv's. Empty: none."""
    kept = [
        (os.environ.get("PYENV_ROOT") or "~/.pyenv", f"versions/{RUNTIME}*/bin/python"),
        (
            os.environ.get("UV_PYTHON_INSTALL_DIR") or "~/.local/share/uv/python",
            f"cpython-{RUNTIME}*/bin/python{RUNTIME}",
        ),
    ]
    there = [path for root, name in kept for path in sorted(Path(root).expanduser().glob(name))]
    found = (sys.executable, shutil.which(f"python{RUNTIME}"), *map(str, there))
    return next((each for each in found if each and _version(each) == RUNTIME), "")


def _version(python: str) -> str:
    """Empty if it doesn't run, as a shim of pyenv's for a version that isn't chosen."""
    asked = [python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _pip(command: str, *arguments: str) -> None:
    options = ["-qq", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    asked = [sys.executable, "-m", "pip", command, *options, *arguments]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        why = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), done.stderr.strip()[-300:])
        raise CannotDeploy(f"pip {command}: {why.removeprefix('ERROR: ')}; the functions' libraries need it")


if __name__ == "__main__":
    fetch(FUNCTIONS)
    fetch(APPRISE)
