"""What can go wrong with any command: one line that says so, and an exit code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions as aws
from moto import mock_aws

from chalicelib.core.errors import CannotAct, FixFailed, NoLedger
from chalicelib.core.errors import StepRefused as Busy
from snapback import cli, errors
from snapback.commands import records
from tests.snapback.command import complaint, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")


class TestTrouble:
    def test_no_ledger(self, world: World) -> None:
        for arguments in (("records",), ("show", "1"), ("undo", "1"), ("approve", "1")):
            assert "there is no ledger: table 'snapback-ledger' does not exist" in complaint(*arguments)

    @pytest.mark.parametrize(
        "error",
        [
            aws.NoCredentialsError(),
            aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            aws.NoRegionError(),
            aws.ProfileNotFound(profile="prod"),
            aws.EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com"),
            aws.ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com"),
            aws.SSOTokenLoadError(error_msg="no token"),
            aws.UnauthorizedSSOTokenError(),
            *(
                aws.ClientError({"Error": {"Code": code, "Message": "as AWS says"}}, "GetCallerIdentity")
                for code in ("ExpiredToken", "InvalidClientTokenId", "AccessDenied", "ThrottlingException")
            ),
            NoLedger("there is no ledger: make it"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_no_way_to_aws_is_one_line_and_exit_2(self, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(records, "deployed_application", fails)
        said = complaint("records")
        assert "\n" not in said
        assert len(said) > 20

    def test_nobody_answers_for_real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        for arguments in (("records",), ("undo", "1")):
            assert complaint(*arguments).startswith("can't reach AWS: Could not connect to the endpoint URL")

    def test_the_region_may_be_named_as_for_the_aws_cli(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        with mock_aws():
            assert complaint("records") == "no AWS region; set AWS_REGION, for example AWS_REGION=us-east-1"
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            assert "there is no ledger" in complaint("records")
        assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"

    @pytest.mark.parametrize("error", [CannotAct("no"), FixFailed("no"), Busy("busy", "1a2b")])
    def test_a_refused_action_is_one_line_and_exit_1(self, error: Exception) -> None:
        line, code = errors.describe_error(error)
        assert line
        assert code == errors.FOUND

    def test_a_fault_shows_its_traceback_and_exit_3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any) -> Any:
            raise KeyError("a bug")

        monkeypatch.setattr(records, "deployed_application", fails)
        assert "KeyError: 'a bug'" in run("records", code=3).stderr
        odd = aws.ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "Query")
        assert errors.describe_error(odd) == ("", errors.FAULT)

    def test_no_credentials_for_real(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        said = complaint("records")
        assert said.startswith("no AWS credentials: Unable to locate credentials; ")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nope",), "No such command 'nope'; see `snapback --help`"),
            (("show",), "Missing argument 'RECORD'; see `snapback show --help`"),
            (("undo", "1", "--frc"), "No such option '--frc'. Did you mean '--force'?; see `snapback undo --help`"),
            (("records", "--limit", "0"), "Invalid value for '--limit': 0 is not in the range x>=1; see `snapback records --help`"),
        ],
    )  # fmt: skip
    def test_usage_errors_are_one_line(self, arguments: tuple[str, ...], said: str) -> None:
        assert complaint(*arguments) == said

    def test_without_a_command_the_help_is_shown(self) -> None:
        assert "Findings:" in run(code=2).stderr
        for command in ("", *cli.main.commands):
            assert "Usage: snapback" in run(*command.split(), "--help").stdout
