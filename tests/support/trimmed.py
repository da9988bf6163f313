"""The service models as packaging trims them: the guardrails' tests run through them, and what they lack fails the test."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from functools import cache
from pathlib import Path

import botocore
from botocore.session import get_session

from chalicelib.aws.models import INDEX, use_trimmed
from chalicelib.aws.source import Source
from snapback.deploy import models

ROOT = Path(__file__).parents[2]
CODE, LIBRARY = ROOT / "chalicelib", Path(botocore.__file__).parent


@cache
def folder() -> Path:
    """Made once for all workers, and again when the code or botocore is another."""
    made_of = hashlib.sha256(botocore.__version__.encode())
    for path in (Path(models.__file__), *sorted(CODE.rglob("*.py"))):
        made_of.update(path.read_bytes())
    target = ROOT / "build" / "models" / made_of.hexdigest()[:16]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / INDEX).exists():
            for other in (each for each in target.parent.iterdir() if each.is_dir()):
                shutil.rmtree(other)
            models.build(CODE, target, LIBRARY)
    return target


def source(region: str) -> Source:
    made = get_session()
    use_trimmed(made, _missed, folder())
    return Source(made, region)


def _missed(name: str) -> None:
    raise AssertionError(f"packaging leaves {name} out, and the functions need it: see snapback/deploy/models.py")
