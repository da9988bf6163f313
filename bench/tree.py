"""build/bench/: the function's zip as this interpreter can run it, and what the Lambda runtime brings.

`function` is the tree with .pyc that stay valid in a zip, as when the runtime's own Python packages;
`function-plain` is the tree without, as any other Python packages; `runtime` holds boto3 and what it needs.
"""

from __future__ import annotations

import compileall
import json
import shutil
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "build" / "bench"
FUNCTION, PLAIN, RUNTIME = BENCH / "function", BENCH / "function-plain", BENCH / "runtime"
HERE = Path(__file__).parent

_SITE = Path(sysconfig.get_path("purelib"))
_VENDOR = ("aws_lambda_powertools", "jmespath", "msgspec", "slack_sdk", "typing_extensions.py")
_CHALICE = ("__init__.py", "app.py")
"""All that Chalice packages of itself; it always comes as source."""
_BOTO = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
_NO_CACHE = shutil.ignore_patterns("__pycache__")


def build() -> None:
    shutil.rmtree(BENCH, ignore_errors=True)
    for tree in (FUNCTION, PLAIN):
        shutil.copytree(ROOT / "chalicelib", tree / "chalicelib", ignore=_NO_CACHE)
        shutil.copyfile(ROOT / "app.py", tree / "app.py")
        (tree / "chalicelib" / "settings.json").write_text(json.dumps({"mode": "fix"}))
        for name in _VENDOR:
            if name.endswith(".py"):
                shutil.copyfile(_SITE / name, tree / name)
            else:
                shutil.copytree(_SITE / name, tree / name, ignore=_NO_CACHE)
        (tree / "chalice").mkdir()
        for name in _CHALICE:
            shutil.copyfile(_SITE / "chalice" / name, tree / "chalice" / name)
    unchecked = compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH  # type: ignore[attr-defined]
    for part in ("chalicelib", *_VENDOR):
        made = compileall.compile_file if part.endswith(".py") else compileall.compile_dir
        made(FUNCTION / part, quiet=1, invalidation_mode=unchecked, stripdir=str(FUNCTION))
    RUNTIME.mkdir()
    for name in _BOTO:
        (RUNTIME / name).symlink_to(_SITE / name)
        (compileall.compile_file if name.endswith(".py") else compileall.compile_dir)(_SITE / name, quiet=1)
    # A module straight in site-packages has its .pyc in a __pycache__ shared with all others.
    compileall.compile_file(RUNTIME / "six.py", quiet=1)
    shutil.copyfile(HERE / "bare.py", BENCH / "bare.py")
    shutil.copyfile(HERE / "bootstrap.py", BENCH / "bootstrap.py")
    compileall.compile_file(BENCH / "bare.py", quiet=1)
