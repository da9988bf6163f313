"""The command line's one-line text for an error, and its exit code.

The command line's own errors stand on the root of `chalicelib/core/errors.py`:

    SnapbackError                    a fault: exit code 3
    ├─ CommandError                  exit code 2
    │  ├─ BadEvents, BadSettings     a file that can't be read as what it should be
    │  ├─ CannotDeploy, NotPublished what AWS or git does not let through
    │  ├─ NoQueue, NoSuchRule        a name that fits nothing
    │  └─ Refused                    any other thing that can't be done as asked
    ├─ NotDone
    │  └─ CannotRedrive              a dead letter that stays where it is: exit code 1
    ├─ CannotReenact                 a recorded call that can't be made again; a replay counts it
    └─ OutOfMemory                   a request that nothing in memory answers
"""

from __future__ import annotations

import errno
import traceback
from typing import Any

import click

from chalicelib.analysis.text import without_page
from chalicelib.core.errors import NotDone, SnapbackError, StepRefused

FINE, FOUND, BAD, FAULT = 0, 1, 2, 3
INTERRUPTED, PIPE = 130, 141
"""As shells have them for SIGINT and SIGPIPE."""
_FULL = (errno.ENOSPC, errno.EDQUOT)

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
"""After these, no call succeeds."""
UNACCEPTED = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_NEW_CREDENTIALS = "get new ones (`aws sso login`, or the AWS_* variables), and see `aws sts get-caller-identity`"
_ADVICE = (
    (EXPIRED, f"the credentials expired: {_NEW_CREDENTIALS}"),
    (UNACCEPTED, f"AWS doesn't accept these credentials: {_NEW_CREDENTIALS}"),
    (DENIED, "use a role with this permission; `snapback explain GUARDRAIL` lists what a guardrail needs"),
    (
        ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"),
        "AWS is throttling this account; try again in a minute",
    ),
)


_SERVER_ERROR, _LONGEST = 500, 400
_BROKEN = "the server has a problem; try again in a minute, and check AWS_ENDPOINT_URL and the network's proxy"
_PROXY = "check the network's proxy and AWS_ENDPOINT_URL"


class CommandError(SnapbackError):
    """The command can't do this. The text is one line: what is wrong, where, what to do."""

    exit_code = 2


class CannotRedrive(NotDone):
    """A dead letter that was not handled again, and stays where it is; says why, and what to do."""


class CannotDeploy(CommandError):
    """Says in one line what is wrong and what to do."""


class NoQueue(CommandError):
    """No queue has this address."""


class NotPublished(CommandError):
    """Says why not, and what to do instead."""


class BadSettings(CommandError):
    """The file can't be used; one line a problem, `file:line: what; allowed: …`."""

    def __init__(self, problems: list[Any]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class NoSuchRule(CommandError):
    """A filter that fits nothing; says which."""


class CannotReenact(SnapbackError):
    """A record that can't be made into a call; says why. `incomplete`: the record itself lacks what the call needs."""

    def __init__(self, why: str, *, incomplete: bool = False) -> None:
        super().__init__(why)
        self.incomplete = incomplete


class BadEvents(CommandError):
    """One line for the person: what is wrong, in which file (and line), and what to do."""


class OutOfMemory(SnapbackError):
    """A request that nothing in memory answers; it would have gone out to a real host, so it was not sent."""


class Refused(CommandError, click.ClickException):
    """A person asked for something impossible."""


def describe_error(error: BaseException) -> tuple[str, int]:
    """An error as a line for a person, and the exit code; no line for a fault in Snapback."""
    from botocore import exceptions as aws
    from botocore import parsers
    from botocore.parsers import ResponseParserError

    line, code = "", BAD
    match error:
        case StepRefused():
            line, code = f"another process is working on record {error.record}; try again in a minute", FOUND
        case SnapbackError() if error.exit_code != FAULT:
            line, code = str(error), error.exit_code
        case OSError() if error.errno in _FULL:
            where = f" {error.filename}" if error.filename else ""
            line = f"can't write{where}: {error.strerror}; free some space, or write elsewhere"
        case aws.ClientError():
            line = _by_aws(error.operation_name, error.response)
        case ResponseParserError():
            line = f"the answer isn't AWS's: {_said(str(error))}; {_PROXY}"
        case aws.BotoCoreError():
            line = _by_botocore(error)
        case KeyError() if any(
            each.filename == parsers.__file__ for each in traceback.extract_tb(error.__traceback__)[-1:]
        ):
            line = f"the answer isn't AWS's: XML or an HTML page; {_PROXY}"
    return (line, code) if line else ("", FAULT)


def _by_aws(operation: str, response: Any) -> str:
    said, status = response.get("Error", {}), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = said.get("Code", "")
    broken = _BROKEN if status >= _SERVER_ERROR else ""
    advice = next((advice for codes, advice in _ADVICE if code in codes), broken)
    return f"{operation}: {code}: {_said(said.get('Message', ''))}; {advice}" if advice else ""


def _said(text: str) -> str:
    """What a server says, on one line."""
    return " ".join(without_page(text).split())[:_LONGEST]


def _by_botocore(error: Exception) -> str:
    from botocore import exceptions as aws

    line = ""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError():
            line = f"no AWS credentials: {error}; log in (`aws sso login`), or set AWS_PROFILE"
        case aws.SSOError() | aws.TokenRetrievalError() | aws.LoginError():
            line = f"{error}; {_NEW_CREDENTIALS}"
        case aws.NoRegionError():
            line = "no AWS region; set AWS_REGION, for example AWS_REGION=us-east-1"
        case aws.ProfileNotFound() | aws.ConfigParseError():
            line = f"{error}; see AWS_PROFILE and ~/.aws/config"
        case aws.HTTPClientError() | aws.ConnectionError():
            line = f"can't reach AWS: {error}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
    return line
