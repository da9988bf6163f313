"""Fetches the wheels that the functions run on (arm64, Python 3.13), so that `make package` needs no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / ".wheels"
RUNTIME = "3.13"
"""The Lambda runtime, whatever interpreter packages."""
TARGET = [
    "--only-binary=:all:",
    "--implementation=cp",
    f"--python-version={RUNTIME}",
    "--platform=manylinux_2_28_aarch64",
    "--platform=manylinux2014_aarch64",
]


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments], check=True)


def main() -> None:
    requirements = str(ROOT / "requirements.txt")
    pip("download", "--no-deps", "--require-hashes", *TARGET, "-d", str(WHEELS), "-r", requirements)


if __name__ == "__main__":
    main()
