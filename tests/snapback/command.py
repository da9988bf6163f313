"""The command line, run in this process, and what it says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from click.testing import CliRunner

from snapback import cli, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.support.world import World


ROOT = Path(__file__).parents[2]


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments], prog_name="snapback")
    assert result.exit_code == code, result.output
    assert code == errors.FAULT or "Traceback" not in result.output
    return result


def complaint(*arguments: object, code: int = 2) -> str:
    """What stderr says; nothing may be on stdout."""
    result = run(*arguments, code=code)
    assert result.stdout == ""
    assert result.stderr.startswith("snapback: ")
    return result.stderr.removeprefix("snapback: ").rstrip("\n")


@contextmanager
def calls_made() -> Iterator[list[str]]:
    """The API calls that are made meanwhile, as `s3:GetBucketAcl`."""
    made: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(client: Any, operation: str, params: Any) -> Any:
        made.append(f"{client.meta.service_model.service_name}:{operation}")
        return call(client, operation, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", recorded)
        yield made


def unwrapped(result: Result) -> str:
    return " ".join(result.stdout.split())


def objects(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def public(world: World) -> bool:
    return "AllUsers" in str(world.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"])
