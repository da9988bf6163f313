"""ministack, made to do as AWS does where it matters: `python -m tests.e2e.server` in ministack's own environment."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from ministack.app import main
from ministack.core import lambda_runtime

from tests.e2e import like_apis, like_aws, like_iam  # noqa: F401 - they patch it

_UNPACKED, _LOCK = Path(tempfile.gettempdir()) / "unpacked", Lock()


class _Once(zipfile.ZipFile):
    """Unpacks an archive once, and links to that from then on: all functions have the same code, 2,800 files of it."""

    def extractall(self, path: Any = None, *_: Any, **__: Any) -> None:
        whole = _UNPACKED / hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        with _LOCK:
            if not whole.is_dir():
                super().extractall(whole.with_suffix(".part"))
                whole.with_suffix(".part").rename(whole)
        Path(path).rmdir()
        Path(path).symlink_to(whole)


lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": _Once})

if __name__ == "__main__":
    main()
