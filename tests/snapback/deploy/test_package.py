"""What is packaged: who gets Apprise, what authors import, and where the libraries come from."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from chalicelib.core.settings import AppriseSettings, Settings
from snapback.cli import main
from snapback.deploy import package, wheels
from snapback.errors import CannotDeploy

PAGER = Settings(channels=(AppriseSettings(name="pager", url="ssm:/snapback/apprise"),))
LOCK = "one==1 \\\n    --hash=sha256:{} \\\n    --hash=sha256:00\ntwo==2 ; sys_platform == 'none' \\\n    --hash=sha256:11\n"


def names(archive: Path) -> set[str]:
    return {*ZipFile(archive).namelist()}


def code(folder: Path) -> dict[str, str]:
    resources = json.loads((folder / "sam.json").read_text())["Resources"]
    return {name: each["Properties"]["CodeUri"] for name, each in resources.items() if "CodeUri" in str(each)}


def test_only_notify_gets_apprise_and_only_for_a_channel_of_that_type(packaged: Path, tmp_path: Path) -> None:
    assert not (packaged / "notify.zip").exists()
    assert set(code(packaged).values()) == {"./deployment.zip"}
    package.package(PAGER, tmp_path, package.from_here, compiler="")
    own, all_others = names(tmp_path / "notify.zip"), names(tmp_path / "deployment.zip")
    assert all_others == names(packaged / "deployment.zip")
    assert all_others < own
    assert "apprise/__init__.py" in own - all_others
    assert not [name for name in all_others if name.startswith(("apprise", "requests"))]
    assert code(tmp_path) == code(packaged) | {"Notify": "./notify.zip"}


def test_guardrails_import_the_same_name_in_lambda_and_nothing_of_the_command_line(
    packaged: Path, tmp_path: Path
) -> None:
    ours = [name for name in names(packaged / "deployment.zip") if name.startswith(("snapback/", "chalicelib/"))]
    assert {name for name in ours if name.startswith("snapback/")} == {"snapback/__init__.py", "snapback/rules.py"}
    assert [name for name in ours if name.endswith(".yaml")] == [], "rules' cards are docs"
    ZipFile(packaged / "deployment.zip").extractall(tmp_path, ours)
    asked = "import snapback.rules, json, sys; print(json.dumps([snapback.rules.__file__, *sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    file, *loaded = json.loads(done.stdout)
    assert file == str(tmp_path / "snapback" / "rules.py")
    assert not {*loaded} & {"boto3", "botocore", "click", "moto", "rich", "yaml", "aws_lambda_powertools"}


def test_whole_models_of_the_same_services_stand_behind_the_trimmed_ones(packaged: Path) -> None:
    found = names(packaged / "deployment.zip")
    index = json.loads(ZipFile(packaged / "deployment.zip").read("chalicelib/models/index.json"))
    assert {name.split("/")[2] for name in found if name.startswith("botocore/data/") and name.count("/") > 2} == {
        *index["services"]
    }
    for service, version in index["services"].items():
        assert f"chalicelib/models/{service}.service-2.json" in found
        assert f"botocore/data/{service}/{version}/service-2.json.gz" in found


def test_all_code_has_bytecode_and_the_same_tree_is_the_same_zip(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("x = 1")
    ((name, made),) = package._bytecode(tmp_path / "code", sys.executable)
    assert name == f"__pycache__/app.{sys.implementation.cache_tag}.pyc"
    first = made.read_bytes()
    assert first[4:8] == b"\1\0\0\0", "known by its hash, which nobody checks: a zip keeps no times"
    made.unlink()
    assert package._bytecode(tmp_path / "code", sys.executable)[0][1].read_bytes() == first
    made.unlink()
    assert package._bytecode(tmp_path / "code", "") == []


def test_another_application_s_chalicelib_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "chalicelib" / "__init__.py").touch()
    command = [str(Path(sys.executable).parent / "snapback"), "catalog"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"another application's chalicelib ({tmp_path}" in done.stderr


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of one wheel that is there."""
    monkeypatch.setattr(wheels, "WHEELS", tmp_path)
    (tmp_path / "one-1-py3-none-any.whl").write_text("one")
    (tmp_path / "lock.txt").write_text(LOCK.format(wheels.digest(tmp_path / "one-1-py3-none-any.whl")))
    return tmp_path / "lock.txt"


def test_wheels_are_downloaded_once_and_again_when_they_are_not_as_locked(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Mock(return_value=SimpleNamespace(returncode=0))
    monkeypatch.setattr(subprocess, "run", run)
    wheels.fetch(lock)
    run.assert_not_called()
    (lock.parent / "one-1-py3-none-any.whl").write_text("another")
    wheels.fetch(lock)
    ((asked,), _) = run.call_args
    assert asked[2:4] == ["pip", "download"]
    assert "--require-hashes" in asked


def test_wheels_that_can_t_be_had_are_one_line(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock.write_text(LOCK.format("22"))
    said = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stderr=said))
    with pytest.raises(
        CannotDeploy, match=r"^pip download: Could not find a version; the functions' libraries need it"
    ):
        wheels.fetch(lock)


def test_what_packaging_lacks_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["package"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "snapback.yaml: no such file; copy " in done.stderr
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "snapback.deploy":
            raise ModuleNotFoundError("No module named 'cyclonedx'", name="cyclonedx")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    done = CliRunner().invoke(main, ["package"])
    assert done.stderr == "snapback: packaging needs cyclonedx: pip install 'snapback-aws[deploy]'\n"
