from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from policy_sentry.querying.actions import get_actions_that_support_wildcard_arns_only

from tools import new
from tools.policies import functions, policy_of

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


@pytest.mark.parametrize("function", functions())
def test_a_policy_allows_no_action_by_wildcard(function: str) -> None:
    for statement in policy_of(function)["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]


def test_a_resource_is_everything_only_where_aws_has_no_narrower() -> None:
    """By the Service Authorization Reference, asked in another way than `tools.policies` does."""
    wide = {
        action
        for function in functions()
        for statement in policy_of(function)["Statement"]
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }
    services = {action.partition(":")[0] for action in wide}
    unnamed = {action.lower() for each in services for action in get_actions_that_support_wildcard_arns_only(each)}
    assert not {action for action in wide - WIDE_AS_WE_CALL if action.lower() not in unnamed}


WIDE_AS_WE_CALL = {"ecs:ListTasks"}
"""The reference knows a resource of these, for another way to call them."""
