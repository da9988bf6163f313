"""Where the files are that a package is made from, besides code: with an installed Snapback, or in a checkout."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

CODE = Path(__file__).parents[1]
"""The folder that `snapback` and `chalicelib` are in."""
_INSTALLED = Path(__file__).parent / "_project"
IS_CHECKOUT = not _INSTALLED.is_dir()


def project(name: str) -> Path:
    return (CODE if IS_CHECKOUT else _INSTALLED) / name


class AnothersCode(ImportError):
    """The `chalicelib` on the path is another application's; says whose, and what to do."""


def check_installation() -> None:
    """A Chalice developer's PYTHONPATH has a chalicelib too; with that one nothing here works. Raises AnothersCode."""
    found = find_spec("chalicelib")
    origin = found.origin if found else None
    if not origin or Path(origin).parents[1] != CODE:
        raise AnothersCode(
            f"Python finds another application's chalicelib ({origin}); unset PYTHONPATH, or install Snapback with pipx"
        )
