"""Accounts' names, from the settings and from Organizations, beside every number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from chalicelib.core.settings import Settings
from snapback.account_names import for_functions, with_names
from snapback.deploy import package
from snapback.errors import CannotDeploy
from tests.snapback.command import calls_made, run, unwrapped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
HOME = "123456789012"
ROLE = f"arn:aws:iam::{HOME}:role/names/snapback-account-names"


@pytest.fixture
def member(world: World) -> str:
    """The number of an account that Organizations calls prod-data."""
    organizations = world.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="prod-data", Email="prod-data@example.com")
    return str(made["CreateAccountStatus"]["AccountId"])


def settings_file(folder: Path, **keys: object) -> None:
    (folder / "snapback.yaml").write_text(json.dumps(keys))


@pytest.mark.parametrize("command", ["records", "show", "undo", "sweep", "sweep --plan plan.json --mode fix"])
def test_every_command_that_shows_an_account_shows_its_name(
    fixed: str, command: str, tmp_path: Path, world: World
) -> None:
    settings_file(tmp_path, account_names={HOME: "prod-data"})
    if command.startswith("sweep"):
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        shown = run(*command.split(), "--guardrail", "s3.bucket_acl_made_public", code=1)
    else:
        shown = run(*command.split(), *([] if command == "records" else [fixed]))
    assert f"{HOME} (prod-data)" in unwrapped(shown)


def test_organizations_names_are_read_once_through_the_role(fixed: str, member: str, tmp_path: Path) -> None:
    settings_file(tmp_path, organization_role=ROLE)
    with calls_made() as made:
        shown = unwrapped(run("records"))
    assert f"{HOME} (master)" in shown
    assert made.count("organizations:ListAccounts") == 1
    assert "sts:AssumeRole" in made


def test_the_settings_own_name_wins_and_functions_get_only_what_they_see(member: str) -> None:
    settings = Settings(organization_role=ROLE, accounts=frozenset({member}))
    assert with_names(settings, pytest.fail).account_name(member) == "prod-data"
    named = Settings(organization_role=ROLE, account_names={member: "ours"})
    assert for_functions(named, "000000000000", pytest.fail).account_names == {member: "ours"}
    assert for_functions(settings, HOME, pytest.fail).account_names == {HOME: "master", member: "prod-data"}


def test_a_role_that_may_not_is_a_warning_and_the_numbers_stay(fixed: str, tmp_path: Path, world: World) -> None:
    settings_file(tmp_path, organization_role=ROLE)
    with world.denied("ListAccounts"):
        result = run("records")
    assert HOME in result.stdout
    assert result.stderr.startswith(
        f"snapback: warning: can't read accounts' names with {ROLE}: ListAccounts: AccessDenied"
    )


def test_settings_with_errors_cost_the_names_and_not_the_records(fixed: str, tmp_path: Path) -> None:
    settings_file(tmp_path, mode="fixx")
    result = run("records")
    assert fixed in result.stdout
    assert "snapback.yaml has errors, so accounts have no names here" in result.stderr
    run("records", "--settings", "snapback.yaml", code=2)


def test_published_settings_have_the_names(member: str, tmp_path: Path, world: World) -> None:
    settings_file(tmp_path, organization_role=ROLE, accounts=[member])
    run("settings", "publish", "--to", "ssm:/snapback/settings", "--yes")
    live = world.client("ssm").get_parameter(Name="/snapback/settings", WithDecryption=True)["Parameter"]["Value"]
    assert json.loads(live)["account_names"] == {HOME: "master", member: "prod-data"}


def test_deployed_settings_have_the_names(member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Mock(side_effect=CannotDeploy("packaged"))
    monkeypatch.setattr(package, "package", made)
    settings_file(tmp_path, organization_role=ROLE, accounts=[member])
    run("deploy", "--bucket", "code", "--uncommitted", "--without-bytecode", code=2)
    assert made.call_args.args[0].account_names == {HOME: "master", member: "prod-data"}
