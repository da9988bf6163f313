"""What a recorded call presupposes is made in memory first, in a safe state, so that only the call makes it unsafe.

A log starts in the middle: the bucket that a policy is put on was there before it. Ids (`sg-…`) are looked for up
front; named things are made when memory says that they aren't there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.analysis.policy_access import public
from chalicelib.core.baseline import Baseline
from chalicelib.core.event import dig
from snapback.replay.aliases import fold
from snapback.replay.presupposed import audit, belongings, code, containers, ec2, iam, keys, messages, rds, s3
from snapback.replay.presupposed.call import Call

if TYPE_CHECKING:
    from snapback.memory_aws.memory import MemoryAws
    from snapback.replay.aliases import Aliases
    from snapback.replay.presupposed.call import MakeNamed

ABSENT = re.compile(r"NotFound|NoSuch|NotExist|NonExistent|Unknown")
"""In the error codes by which services say that something isn't there."""
LACKING = re.compile(f"{ABSENT.pattern}|NotInUse|NoAvailable|InvalidTargetBucket|BadRequest|InvalidParameterValue")
"""And in those that may mean as much."""

THERE = re.compile(r"Exists|AlreadyOwned|Duplicate|AlreadyIn|Conflict")
_ID = re.compile(r"([a-z]+)-[0-9a-zA-Z]+")
_ID_KEYS = re.compile(r"(id|ids|groups|subnets|securitygroups|resources|instances)$")
_BLOCKED_SINCE = datetime(2023, 4, 28, tzinfo=UTC)
"""From then on new buckets are private: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html."""
_PUBLIC_ACL = re.compile(r"AllUsers|AuthenticatedUsers|public-read|authenticated-read")
_BY_NAME: dict[tuple[str, str], MakeNamed] = {
    **audit.BY_NAME,
    **code.BY_NAME,
    **containers.BY_NAME,
    **iam.BY_NAME,
    **keys.BY_NAME,
    **messages.BY_NAME,
    **rds.BY_NAME,
    **s3.BY_NAME,
}
"""By service and parameter."""


class Presupposed(Call):
    """What one call presupposes."""

    def __init__(
        self,
        aws: MemoryAws,
        aliases: Aliases,
        service: str,
        operation: str,
        account: str,
        region: str,
        parameters: dict[str, Any],
    ) -> None:
        super().__init__(aws, aliases, service, operation, account, region, parameters)
        self.notes: list[str] = []
        self._made: set[tuple[str, str]] = set()

    @property
    def described(self) -> str:
        return "; ".join(dict.fromkeys(self.notes))

    def ids(self) -> None:
        """Make what the ids that memory didn't give stand for."""
        new = False
        for each in dict.fromkeys(_ids(self.parameters)):
            make = ec2.BY_ID.get(each.partition("-")[0])
            if make is None or self.aliases.made(each):
                continue
            self.aliases.put(each, make(self))
            self.notes.append(f"presupposed {each}")
            new = True
        if new:
            self.parameters = self.aliases.to_memory(self.parameters)
            if self.operation == "DetachInternetGateway":
                self.client("ec2").attach_internet_gateway(**self.parameters)

    def names(self) -> bool:
        """Make what the parameters name and memory lacks; says whether there was anything to make."""
        new = False
        for name, value in list(_texts(self.parameters)):
            make = _BY_NAME.get((self.service, name))
            if make is None or (name, value) in self._made or self._makes(name):
                continue
            self._made.add((name, value))
            try:
                what = make(self, value)
            except ClientError as error:
                if not THERE.search(str(dig(error.response, "Error", "Code"))):
                    raise
                continue
            if what:
                self.notes.append(f"presupposed {what}")
                new = True
        if new:
            self.parameters = self.aliases.to_memory(self.parameters)
        return new

    def _makes(self, name: str) -> bool:
        """Whether what a parameter names is what the call itself creates: `CreateUser`, `UserName`."""
        created = self.operation.removeprefix("Create")
        return created != self.operation and (
            fold(name).startswith(fold(created)) or (created, name) == ("Trail", "Name")
        )

    def implied(self, at: datetime | None, invoked_by: str) -> None:
        """What AWS does besides, and what must have been so, or AWS would have refused the call."""
        if (self.service, self.operation) == ("iam", "CreateRole"):
            self.notes += belongings.organization(self, invoked_by)
        if self.service != "s3":
            return
        bucket = self.parameters.get("Bucket", "")
        if self.operation == "CreateBucket" and at and at >= _BLOCKED_SINCE:
            s3.block(self, bucket)
        if self.operation == "PutBucketPolicy":
            self.notes += belongings.access_identities(self)
        opened = ""
        if self.operation in {"CreateBucket", "PutBucketAcl"} and _PUBLIC_ACL.search(json.dumps(self.parameters)):
            opened = "ACL"
        elif self.operation == "PutBucketPolicy" and _is_public(self.parameters["Policy"], self.account):
            opened = "policy"
        if opened and s3.unblock(self, bucket, opened):
            self.notes.append(f"presupposed Block Public Access off, or AWS would have refused the public {opened}")


def _texts(parameters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every string, by its dotted path."""
    for name, value in parameters.items():
        if isinstance(value, str):
            yield path + name, value
        elif isinstance(value, Mapping):
            yield from _texts(value, f"{path}{name}.")


def _ids(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _ids(each, fold(str(name)))
    elif isinstance(value, list):
        for each in value:
            yield from _ids(each, key)
    elif isinstance(value, str) and _ID.fullmatch(value) and _ID_KEYS.search(key):
        yield value


def _is_public(policy: str, account: str) -> bool:
    try:
        return bool(public(policy, Baseline(), account))
    except ValueError:
        return False
