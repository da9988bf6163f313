from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import new

ROOT = Path(__file__).parents[1]


def test_a_new_guardrails_files_are_named_alike_and_lint_clean(tmp_path: Path) -> None:
    made = new.files("s3.bucket_painted_green")
    assert sorted(str(path.relative_to(ROOT)) for path in made) == [
        "chalicelib/guardrails/s3/bucket_painted_green.py",
        "tests/guardrails/s3/test_bucket_painted_green.py",
    ]
    for path, text in made.items():
        (tmp_path / path.name).write_text(text)
    ruff = str(Path(sys.executable).parent / "ruff")
    options = ["--config", str(ROOT / "pyproject.toml"), "--ignore", "ARG,INP"]
    done = subprocess.run([ruff, "check", *options, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_new_service_gets_its_packages() -> None:
    names = {str(path.relative_to(ROOT)) for path in new.files("rds.instance_made_public")}
    assert "chalicelib/guardrails/rds/__init__.py" in names
    assert "tests/guardrails/rds/__init__.py" in names


@pytest.mark.parametrize("name", ["", "s3", "s3.Bucket", "../x.y_z", "s3.bucket_acl_made_public", "s3.public"])
def test_a_bad_name_says_what_a_name_looks_like(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.main([name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
