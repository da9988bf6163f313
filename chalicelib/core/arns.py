"""How globs of the settings are matched with the names that something goes by: ARNs in AWS's way.

IAM's names are unique in an account whatever their path, and no two differ by case alone; paths are case-sensitive.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_IAM = re.compile(r"arn:[a-z-]+:iam::[^:]*:")
_WITH_PATH = re.compile(
    rf"({_IAM.pattern}(?:user|role|group|policy|instance-profile|server-certificate|mfa)/)[!-~]*/([^/]+)"
)


def fits(glob: str, *names: str) -> bool:
    """Whether a glob of the settings means one of these names. A whole name always means itself, `[` and all."""
    return any(glob == name or fnmatchcase(name, glob) or _fits_iam(glob, name) for name in names)


def without_path(arn: str) -> str:
    """The ARN as Snapback writes it: `role/break-glass/Rescue` is `role/Rescue`. Any other ARN is as it was."""
    found = _WITH_PATH.fullmatch(arn)
    return "".join(found.groups()) if found else arn


def _fits_iam(glob: str, arn: str) -> bool:
    """Whether they are equal but for the case of the last part, the name."""
    return bool(_IAM.match(arn)) and fnmatchcase(_folded(arn), _folded(glob))


def _folded(arn: str) -> str:
    path, slash, name = arn.rpartition("/")
    return path + slash + name.lower()


def name_in(arn: str) -> str:
    """The part of an ARN that people know a resource by: `app-logs`, `role/deploy`; `root` for the account itself."""
    return arn.split(":", 5)[-1] if arn.startswith("arn:") else arn
