"""Where the files are that a package is made from, besides code: with an installed Snapback, or in a checkout."""

from __future__ import annotations

from pathlib import Path

CODE = Path(__file__).parents[1]
"""The folder that `snapback` and `chalicelib` are in."""
_INSTALLED = Path(__file__).parent / "_project"
IS_CHECKOUT = not _INSTALLED.is_dir()


def project(name: str) -> Path:
    return (CODE if IS_CHECKOUT else _INSTALLED) / name
