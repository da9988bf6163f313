"""The size of what is deployed: build/package/deployment.zip, packaged now if it isn't there."""

from __future__ import annotations

from typing import Any
from zipfile import ZipFile

from bench.tree import ROOT
from snapback.deploy import package, wheels
from snapback.settings_file import read_settings

ZIP = ROOT / "build" / "package" / "deployment.zip"


def measure() -> dict[str, Any]:
    """`bytes`, `unpacked` bytes, `files`, and how many of them are `pyc`. Raises what packaging raises."""
    if not ZIP.is_file():
        package.package(
            read_settings(ROOT / "snapback.yaml"), ZIP.parent, wheels.install, compiler=wheels.runtime_python()
        )
    with ZipFile(ZIP) as made:
        entries = made.infolist()
    return {
        "bytes": ZIP.stat().st_size,
        "unpacked": sum(entry.file_size for entry in entries),
        "files": len(entries),
        "pyc": sum(entry.filename.endswith(".pyc") for entry in entries),
    }
