"""The size of what is deployed: build/package/deployment.zip, packaged now if it isn't there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from zipfile import ZipFile

from bench.tree import ROOT

ZIP = ROOT / "build" / "package" / "deployment.zip"


def measure() -> dict[str, Any]:
    """`bytes`, `unpacked` bytes, `files`, and how many of them are `pyc`. Raises what packaging raises."""
    if not ZIP.is_file():
        subprocess.run([sys.executable, "-m", "snapback.deploy.package"], cwd=ROOT, check=True, capture_output=True)
    with ZipFile(ZIP) as package:
        entries = package.infolist()
    return {
        "bytes": ZIP.stat().st_size,
        "unpacked": sum(entry.file_size for entry in entries),
        "files": len(entries),
        "pyc": sum(entry.filename.endswith(".pyc") for entry in entries),
    }
