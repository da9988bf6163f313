"""What is shipped: pinned by hash, listed, and looked up among known vulnerabilities."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from snapback.deploy import sbom
from snapback.deploy.package import settle
from tools import audit

ROOT = Path(__file__).parents[2]
LOCKS = [
    path.relative_to(ROOT).as_posix() for path in (ROOT / "requirements.txt", *(ROOT / "requirements").glob("*.txt"))
]


@pytest.mark.parametrize("lock", audit.locks())
def test_every_dependency_is_pinned_by_hash_and_tied_to_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pinned = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert pinned
    assert all(re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ]+ .*\\$", line) for line in pinned)
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text
    assert "index" not in text


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_what_runs_in_lambda_is_what_the_command_line_runs_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = (ROOT / "requirements" / "lambda.in").read_text().splitlines()
    assert set(asked) <= set(project["dependencies"])
    assert {re.split("[>=]", each)[0] for each in asked} <= pins("requirements.txt").keys()
    assert not pins("requirements.txt").keys() & {"moto", "chalice", "rich", "apprise", "requests", "click"}
    assert (ROOT / "requirements" / "apprise.in").read_text().splitlines() == project["optional-dependencies"][
        "apprise"
    ]


@pytest.mark.parametrize("lock", sorted({*audit.locks()} - {*audit.APART}))
def test_a_library_has_one_version_in_all_locks(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements/dev.txt").items()


ABOUT = "Metadata-Version: 2.1\nName: {}\nVersion: 1\nLicense: Ours\n  and a long text\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package's folder, and beside it `wheels`, of made-up libraries."""
    out = tmp_path / "package"
    for folder in (out, tmp_path / "wheels"):
        folder.mkdir(parents=True)
    with zipfile.ZipFile(out / "deployment.zip", "w") as made:
        made.writestr("app.py", "x = 1")
        made.writestr(
            "aws_lambda_powertools-3.0.dist-info/METADATA",
            "Metadata-Version: 2.4\nName: aws-lambda-powertools\nVersion: 3.0\nLicense-Expression: MIT\n"
            "Requires-Dist: msgspec (>=0.1)\nRequires-Dist: redis ; extra == 'redis'\n",
        )
        for name in ("boto3", "cryptography", "msgspec", "slack_sdk", "standardwebhooks", "tzdata", "urllib3"):
            made.writestr(f"{name}-1.dist-info/METADATA", ABOUT.format(name))
    for wheel in (
        "aws_lambda_powertools-3.0-py3-none-any",
        "boto3-1-py3-none-any",
        "cryptography-1-cp311-abi3-any",
        "msgspec-1-cp313-cp313-any",
        "slack_sdk-1-py3-none-any",
        "apprise-1-py3-none-any",
        "standardwebhooks-1-py3-none-any",
        "tzdata-1-py2.py3-none-any",
        "urllib3-1-py3-none-any",
    ):
        (tmp_path / "wheels" / f"{wheel}.whl").write_text(wheel)
    (out / "sam.json").write_text("{}")
    return out


def listed(package: Path) -> list[str]:
    return sbom.write(package, package.parent / "wheels")


def test_the_sbom_lists_what_is_in_the_package_with_its_hashes(package: Path) -> None:
    assert listed(package) == ["deployment.zip", "sam.json", "sbom.cdx.json"]
    made = json.loads((package / "sbom.cdx.json").read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    found = {each["name"]: each for each in made["components"]}
    assert sorted(found) == [
        "aws-lambda-powertools", "boto3", "chalice", "cryptography", "msgspec", "slack-sdk", "standardwebhooks", "tzdata", "urllib3"
    ]  # fmt: skip
    wheel = package.parent / "wheels" / "msgspec-1-cp313-cp313-any.whl"
    assert found["msgspec"]["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert found["msgspec"]["purl"] == "pkg:pypi/msgspec@1"
    assert found["aws-lambda-powertools"]["licenses"] == [{"license": {"id": "MIT"}}]
    archive = hashlib.sha256((package / "deployment.zip").read_bytes()).hexdigest()
    assert made["metadata"]["component"]["hashes"][0]["content"] == archive
    assert needs(made)["aws-lambda-powertools@3.0"] == ["msgspec@1"]


def test_the_sbom_tells_what_notify_alone_brings(package: Path) -> None:
    with zipfile.ZipFile(package / "notify.zip", "w") as made:
        for name in ("apprise", "urllib3"):
            made.writestr(f"{name}-1.dist-info/METADATA", ABOUT.format(name))
    assert "notify.zip" in listed(package)
    bom = json.loads((package / "sbom.cdx.json").read_text())
    assert needs(bom)["notify.zip"] == ["apprise@1"]
    assert "apprise@1" not in needs(bom)["snapback-aws@0.1.0"]


def needs(bom: Any) -> dict[str, list[str]]:
    return {each["ref"]: each.get("dependsOn", []) for each in bom["dependencies"]}


def test_the_sbom_is_valid_by_its_schema(package: Path) -> None:
    from cyclonedx.exception import MissingOptionalDependencyException
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    listed(package)
    try:
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str((package / "sbom.cdx.json").read_text())
    except MissingOptionalDependencyException:
        pytest.skip("the validator's own dependencies are not here")
    assert wrong is None


def test_the_same_package_has_the_same_sbom_and_another_has_another_serial(package: Path) -> None:
    listed(package)
    first = (package / "sbom.cdx.json").read_bytes()
    listed(package)
    assert (package / "sbom.cdx.json").read_bytes() == first
    assert b"timestamp" not in first
    with zipfile.ZipFile(package / "deployment.zip", "a") as made:
        made.writestr("more.py", "")
    listed(package)
    serials = [json.loads(each)["serialNumber"] for each in (first, (package / "sbom.cdx.json").read_bytes())]
    assert len(set(serials)) == 2


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_the_sums_are_checked_by_an_ordinary_tool_and_a_tampered_file_fails(package: Path) -> None:
    listed(package)
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=package, capture_output=True, check=False).returncode == 0
    with (package / "deployment.zip").open("ab") as archive:
        archive.write(b"x")
    assert subprocess.run(check, cwd=package, capture_output=True, check=False).returncode != 0


def test_the_same_files_are_the_same_zip_whenever_they_were_made(tmp_path: Path) -> None:
    for number, (first, second) in enumerate((("a.py", "b/c.py"), ("b/c.py", "a.py"))):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as made:
            for name in (first, second):
                made.writestr(zipfile.ZipInfo(name, (2020 + number, 1, 1, 0, 0, 0)), f"# {name}")
        settle(tmp_path / f"{number}.zip", tmp_path / f"{number}.zip")
    assert (tmp_path / "0.zip").read_bytes() == (tmp_path / "1.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "0.zip") as made:
        assert made.read("b/c.py") == b"# b/c.py"


FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0, "1 packages without known"),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": [FLAW]}]}, 1, "a 1: PYSEC-2026-1, mended in 1.1"),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 0, "NOT DONE for a"),
        (
            {"dependencies": [{"name": "a", "skip_reason": ""}, {"name": "b", "version": "1", "vulns": [FLAW]}]},
            1,
            "b 1: PYSEC",
        ),
        ("requests.exceptions.ConnectionError: Max retries exceeded", 0, "NOT DONE, the vulnerability service"),
        ("ERROR:pip_audit._cli:invalid requirements input: x", 1, "pip-audit failed"),
    ],
)
def test_a_known_vulnerability_fails_the_check_and_silence_of_the_service_is_said(
    answer: Any, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ("", answer) if isinstance(answer, str) else (json.dumps(answer), "")
    done = SimpleNamespace(stdout=output[0], stderr=output[1], returncode=1)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: done)
    assert audit.main([]) == code
    told = "".join(capsys.readouterr())
    assert says in told
    silent = "NOTHING WAS CHECKED" in told
    assert silent == (says not in {"1 packages without known", "a 1: PYSEC-2026-1, mended in 1.1", "b 1: PYSEC"})
    assert audit.main(["--strict"]) == (code or int(silent))
