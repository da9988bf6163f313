"""What the command line says of an error, in one line, and the exit code that goes with it."""

from __future__ import annotations

from typing import Any

import click

FINE, FOUND, BAD, FAULT = 0, 1, 2, 3

_NEW_CREDENTIALS = "get new ones (`aws sso login`, or the AWS_* variables), and see `aws sts get-caller-identity`"
_ADVICE = (
    (("ExpiredToken", "ExpiredTokenException", "RequestExpired"), f"the credentials expired: {_NEW_CREDENTIALS}"),
    (
        ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"),
        f"AWS does not know these credentials: {_NEW_CREDENTIALS}",
    ),
    (
        ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
        "use a role that may; `snapback catalog GUARDRAIL` lists what a guardrail needs",
    ),
    (
        ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"),
        "AWS is throttling this account; try again in a minute",
    ),
)


class Refused(click.ClickException):
    """A person asked for what can't be; the text is one line: what, where, what to do."""


def describe_error(error: BaseException) -> tuple[str, int]:
    """An error as a line for a person, and the exit code; no line when it is a fault of ours."""
    from botocore import exceptions as aws

    from chalicelib.aws.ledger_table import NoLedger
    from chalicelib.aws.overflow_store import NoSpill
    from chalicelib.core.errors import CannotAct, FixFailed
    from chalicelib.core.errors import Refused as Busy
    from snapback.dlq import NoQueue
    from snapback.replay.logs import BadInput
    from snapback.settings_file import BadSettings
    from snapback.sweep import NoSuch

    line, code = "", BAD
    match error:
        case CannotAct() | FixFailed():
            line, code = str(error), FOUND
        case Busy():
            line, code = f"record {error.record} is being worked on by someone else; try again in a minute", FOUND
        case BadSettings() | BadInput() | NoLedger() | NoSpill() | NoQueue() | NoSuch():
            line = str(error)
        case aws.ClientError():
            line = _by_aws(error.operation_name, error.response.get("Error", {}))
        case aws.BotoCoreError():
            line = _by_botocore(error)
    return (line, code) if line else ("", FAULT)


def _by_aws(operation: str, said: Any) -> str:
    code = said.get("Code", "")
    advice = next((advice for codes, advice in _ADVICE if code in codes), "")
    return f"{operation}: {code}: {said.get('Message', '')}; {advice}" if advice else ""


def _by_botocore(error: Exception) -> str:
    from botocore import exceptions as aws

    line = ""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError():
            line = f"no AWS credentials: {error}; log in (`aws sso login`), or set AWS_PROFILE"
        case aws.SSOError() | aws.TokenRetrievalError() | aws.LoginError():
            line = f"{error}; {_NEW_CREDENTIALS}"
        case aws.NoRegionError():
            line = "no AWS region is chosen; set AWS_REGION, as in AWS_REGION=us-east-1"
        case aws.ProfileNotFound() | aws.ConfigParseError():
            line = f"{error}; see AWS_PROFILE and ~/.aws/config"
        case aws.HTTPClientError() | aws.ConnectionError():
            line = f"AWS can't be reached: {error}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
    return line


def complain(text: str, code: int) -> int:
    """Each line on stderr after `snapback:`, a diff's as they are."""
    from snapback.render import plain

    for line in text.splitlines():
        head = "" if line[:2] in ("- ", "+ ", "… ") else "snapback: "
        click.echo(f"{head}{plain(line)}", err=True)
    return code


def warn(problem: object) -> None:
    complain(f"warning: {problem}", FINE)
