"""`snapback settings publish`: to where the functions read, after a check, with what changes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner

from chalicelib.aws.settings_source import checked
from chalicelib.core.types import Mode
from snapback import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.support.world import World

PARAMETER = "/snapback/settings"
TO_SSM = ("--to", f"ssm:{PARAMETER}")
TO_APPCONFIG = ("--to", "appconfig:abc1234/def5678/ghi9012")


def publish(*arguments: str, text: str = "mode: fix\n", code: int = 0, said: str = "") -> Result:
    Path("snapback.yaml").write_text(text)
    result = CliRunner().invoke(cli.main, ["settings", "publish", *arguments], prog_name="snapback", input=said)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_published_is_what_functions_read_and_the_same_again_is_nothing_to_do(world: World) -> None:
    first = publish(*TO_SSM, "--yes")
    assert "which is still empty" in first.stdout
    assert '+ "mode": "fix"' in first.stdout
    assert f"version 1 of ssm:{PARAMETER}" in first.stdout
    parameter = world.client("ssm").get_parameter(Name=PARAMETER, WithDecryption=True)["Parameter"]
    assert checked(parameter["Value"].encode()).mode is Mode.FIX
    assert parameter["Type"] == "SecureString"
    assert "already has the settings of" in publish(*TO_SSM, "--yes").stdout
    changed = publish(*TO_SSM, "--yes", text="mode: ask\n")
    assert '- "mode": "fix"' in changed.stdout
    assert '+ "mode": "ask"' in changed.stdout
    assert "version 2" in changed.stdout


def test_yaml_goes_nowhere_unchecked(world: World) -> None:
    refused = publish(*TO_SSM, "--yes", text="mode: fixx\n", code=2)
    assert "snapback.yaml:1: mode is 'fixx', did you mean 'fix'?" in refused.stderr
    assert world.client("ssm").describe_parameters()["Parameters"] == []


@pytest.mark.parametrize(("said", "code", "count"), [("publish\n", 0, 1), ("yes\n", 2, 0), ("", 2, 0)])
def test_it_asks_before_it_writes(said: str, code: int, count: int, world: World) -> None:
    publish(*TO_SSM, said=said, code=code)
    assert len(world.client("ssm").describe_parameters()["Parameters"]) == count


def test_what_is_too_large_for_a_parameter_says_where_it_goes(world: World) -> None:
    many = "\n".join(f'  - "arn:aws:iam::*:role/a-role-that-nobody-may-ever-touch-{number}"' for number in range(200))
    refused = publish(*TO_SSM, "--yes", text=f"never_touch:\n{many}\n", code=2)
    assert "accepts 8192; AppConfig accepts more" in refused.stderr
    some = "\n".join(f'  - "arn:aws:iam::*:role/a-role-that-nobody-may-ever-touch-{number}"' for number in range(50))
    assert "an advanced parameter" in publish(*TO_SSM, "--yes", text=f"never_touch:\n{some}\n").stdout


def test_bad_settings_that_are_live_can_be_replaced(world: World) -> None:
    world.client("ssm").put_parameter(Name=PARAMETER, Value='{"mode": "fixx"}', Type="String")
    told = publish(*TO_SSM, "--yes")
    assert "settings that functions refuse" in told.stdout
    assert "version 2" in told.stdout


@pytest.mark.parametrize("place", ["s3:/x", "ssm:x", "appconfig:only/two", "nowhere"])
def test_a_place_that_is_none_is_refused(place: str, world: World) -> None:
    assert "isn't a place to publish to" in publish("--to", place, code=2).stderr


def test_without_a_stack_that_reads_published_settings_it_says_how_to_get_one(world: World) -> None:
    assert "deploy the stack with Settings=ssm" in publish(code=2).stderr


def test_the_stack_tells_where(world: World) -> None:
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"SettingsSource": {"Value": "ssm:/other/settings"}}}'
    world.client("cloudformation").create_stack(StackName="other", TemplateBody=body)
    assert "ssm:/other/settings" in publish("--stack", "other", "--yes").stdout


def test_what_cannot_be_read_is_not_overwritten(world: World) -> None:
    with world.denied("GetParameter"):
        assert "can't be read" in publish(*TO_SSM, "--yes", code=2).stderr
    assert world.client("ssm").describe_parameters()["Parameters"] == []


@pytest.fixture
def appconfig(world: World) -> Iterator[dict[str, Any]]:
    """AppConfig's hosted versions, its deployments and its data plane, of which moto has the first.

    https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    there: dict[str, Any] = {"versions": [], "live": None, "asked": []}

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name == "CreateHostedConfigurationVersion":
            there["versions"].append(api_params["Content"])
            return {"VersionNumber": len(there["versions"])}
        if operation_name == "StartDeployment":
            there["asked"].append(api_params)
            there["live"] = there["versions"][int(api_params["ConfigurationVersion"]) - 1]
            return {"DeploymentNumber": len(there["asked"])}
        if operation_name == "StartConfigurationSession":
            if there["live"] is None:
                gone: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": "no deployment"}}
                raise ClientError(gone, operation_name)
            return {"InitialConfigurationToken": "1"}
        if operation_name == "GetLatestConfiguration":
            return {"NextPollConfigurationToken": "2", "Configuration": BytesIO(there["live"])}
        return real(self, operation_name, api_params)

    with patch.object(BaseClient, "_make_api_call", call):
        yield there


def test_appconfig_gets_a_version_and_a_deployment(appconfig: dict[str, Any]) -> None:
    assert "version 1 of appconfig:abc1234/def5678/ghi9012, by deployment 1" in publish(*TO_APPCONFIG, "--yes").stdout
    assert checked(appconfig["live"]).mode is Mode.FIX
    assert appconfig["asked"][0]["DeploymentStrategyId"] == "AppConfig.AllAtOnce"
    assert "already has the settings of" in publish(*TO_APPCONFIG, "--yes").stdout
    assert '+ "mode": "ask"' in publish(*TO_APPCONFIG, "--yes", text="mode: ask\n").stdout
