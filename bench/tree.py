"""build/bench/: the function's zip as this interpreter can run it, unpacked, and what the Lambda runtime brings.

`function` is the tree with .pyc that stay valid in a zip, as when the runtime's own Python packages;
`function-plain` is the tree without, as any other Python packages; `bare` is the floor; `runtime` holds boto3, Lambda's
runtime client, and what they need.
"""

from __future__ import annotations

import compileall
import shutil
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

from chalicelib.core.settings import Settings
from chalicelib.core.types import Mode
from snapback.deploy.package import from_here, package

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "build" / "bench"
FUNCTION, PLAIN, BARE, RUNTIME = (BENCH / name for name in ("function", "function-plain", "bare", "runtime"))

_SITE = Path(sysconfig.get_path("purelib"))
_BROUGHT = ("awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "simplejson", "six.py",
            "snapshot_restore_py.py", "urllib3")  # fmt: skip
"""What is in /var/runtime: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html."""


def build() -> None:
    shutil.rmtree(BENCH, ignore_errors=True)
    BENCH.mkdir(parents=True)
    for tree, compiler in ((FUNCTION, sys.executable), (PLAIN, "")):
        package(Settings(mode=Mode.FIX), BENCH / "made", from_here, compiler=compiler)
        unpack(BENCH / "made", tree)
    runtime(RUNTIME)
    BARE.mkdir()
    shutil.copyfile(Path(__file__).parent / "bare.py", BARE / "bare.py")


def unpack(packaged: Path, tree: Path) -> None:
    """As Lambda unpacks the zip into /var/task."""
    with ZipFile(packaged / "deployment.zip") as made:
        made.extractall(tree)


def runtime(folder: Path) -> None:
    """As /var/runtime, of what is installed here."""
    folder.mkdir()
    for name in (*_BROUGHT, *(path.name for path in _SITE.glob("runtime_client*"))):
        (folder / name).symlink_to(_SITE / name)
        if (_SITE / name).is_dir():
            compileall.compile_dir(_SITE / name, quiet=1)
        elif name.endswith(".py"):  # Beside it there is a __pycache__ shared with all others.
            compileall.compile_file(folder / name, quiet=1)
