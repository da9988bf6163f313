from __future__ import annotations

import gzip
import re
import zlib
from base64 import b64decode
from io import BytesIO
from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session

MOST_TOLD = 5
_NO_TEXT = "\0"
_MOST_BYTES = 1 << 18


@guardrail(
    severity=Severity.HIGH,
    resource=Instance,
    on=cloudtrail("ec2", "RunInstances", "ModifyInstanceAttribute"),
    reads=("ec2:DescribeInstanceAttribute",),
)
def user_data_holds_secret(instance: Instance, aws: Session) -> str | None:
    """EC2 instance with a secret in its user data.

    User data isn't protected: anyone who may describe instances can read it, and so can every program on the instance.
    Snapback only reports it, with the line number and never the text. User data can't be changed while the instance
    runs, and the secret must be replaced anyway. Have the instance fetch the secret from Secrets Manager or Parameter
    Store with its role. Names of secrets, references to them and shell variables don't count. Snapback can't judge user
    data that isn't text.

    Legitimate look-alikes: scripts that fetch secrets, and configuration with names such as `password_file`. References
    and shell variables don't count. Exempt false positives.
    """
    answer = aws.client("ec2").describe_instance_attribute(InstanceId=instance.id, Attribute="userData")
    data = plain_text(answer.get("UserData", {}).get("Value", ""))
    lines = secret_lines(data)
    if not lines:
        if _NO_TEXT in data:
            raise CannotJudge("its user data isn't text, or is too long; the readable part holds no secret")
        return None
    more = f" and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
    return f"its user data may hold a secret in line {', '.join(map(str, lines[:MOST_TOLD]))}{more}"


def plain_text(user_data: str) -> str:
    """What was given in Base64, and gzip perhaps; of what is too long when it is unpacked, the beginning and NUL."""
    try:
        data = b64decode(user_data)
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=BytesIO(data)).read(_MOST_BYTES + 1)
        data = data if len(data) <= _MOST_BYTES else data[:_MOST_BYTES] + b"\0"
    except (ValueError, OSError, EOFError, zlib.error):
        return _NO_TEXT
    return data.decode(errors="replace")


def secret_lines(text: str) -> list[int]:
    """The numbers of the lines, from 1, that assign a secret or hold what looks like one."""
    from chalicelib.analysis.secrets import credential

    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if _KEY in line
        or any(credential("", _bare(word)) for word in _BETWEEN.split(line))
        or any(
            not _NONE.match(value)
            and not option.endswith("-stdin")
            and credential((name or option).replace("-", "_"), _bare(value.strip("\"'")))
            for name, option, value in _ASSIGNED.findall(line)
        )
    ]


_KEY = "PRIVATE KEY-----"
_BETWEEN = re.compile(r"[\s\"'=,;]+")
_ASSIGNED = re.compile(
    r"(?:(?<![\w$.{-])([A-Za-z_][\w.-]{0,99})[\"']?\s{0,9}(?:=|:\s)\s{0,9}|--([A-Za-z][\w-]{0,99})(?:=|\s{1,9}))"
    r"(\"[^\"]*\"|'[^']*'|\S+)"
)
"""`NAME=value`, `name: value`, `--name value`."""
_NONE = re.compile(r"[\"']?(?:\$\(|`|[<>|-]|(?:yes|no)\b[\"']?$)", re.IGNORECASE)
"""A value that a command makes, or that is no secret."""
_BLOB = re.compile(r"[A-Za-z0-9/+]{41,}={0,2}")


def _bare(word: str) -> str:
    """Without what only looks like a secret: the path of an address; a file, certificate or public key in Base64."""
    if "://" in word:
        return "/".join(word.split("/")[:3])
    return "x" if _BLOB.fullmatch(word) else word
