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
from chalicelib.core.event import dig, parse_time, text
from snapback.replay import direct
from snapback.replay.aliases import fold
from snapback.replay.presupposed import (
    audit,
    belongings,
    code,
    containers,
    ec2,
    iam,
    keys,
    messages,
    organization,
    rds,
    required,
    s3,
)
from snapback.replay.presupposed.call import Call

if TYPE_CHECKING:
    from snapback.memory_aws.memory import MemoryAws
    from snapback.replay.aliases import Aliases
    from snapback.replay.presupposed.call import MakeNamed

ABSENT = re.compile(r"NotFound|NoSuch|NotExist|NonExistent|Unknown")
"""In the error codes by which services say that something isn't there."""
LACKING = re.compile(
    f"{ABSENT.pattern}|NotInUse|NoAvailable|InvalidDocument|InvalidTargetBucket|BadRequest|InvalidParameterValue"
)
"""And in those that may mean as much."""

DEPENDED_ON = re.compile(r"DeleteConflict|DependencyViolation|NotEmpty|InUse|InvalidGroup.InUse")
"""In the codes by which services refuse to delete what something else needs."""
THERE = re.compile(r"Exists|AlreadyOwned|Duplicate|AlreadyIn|Conflict")
_ID = re.compile(r"([a-z]+)(-assoc)?-[0-9a-zA-Z]+")
_ID_KEYS = re.compile(r"(id|ids|groups|subnets|securitygroups|resources|instances)$")
_BLOCKED_SINCE = datetime(2023, 4, 28, tzinfo=UTC)
"""From then on new buckets are private: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html."""
_PUBLIC_ACL = re.compile(r"AllUsers|AuthenticatedUsers|public-read|authenticated-read")
BY_NAME: dict[tuple[str, str], MakeNamed] = {
    **audit.BY_NAME,
    **code.BY_NAME,
    **containers.BY_NAME,
    **iam.BY_NAME,
    **keys.BY_NAME,
    **messages.BY_NAME,
    **organization.BY_NAME,
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
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(aws, aliases, service, operation, account, region, parameters, baseline)
        self.notes: list[str] = []
        self._made: set[tuple[str, str]] = set()
        self._replaced: dict[str, Any] = {}

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
            try:
                self.aliases.put(each, make(self))
            except KeyError:  # What makes it needs a parameter that this call doesn't have.
                continue
            if each.startswith("pl-") and self.operation.startswith("AuthorizeSecurityGroup"):
                self.blind.add("ec2.security_group_opened_to_internet")
            self.notes.append(f"presupposed {each}")
            new = True
        if new:
            self.parameters = self.aliases.to_memory(self.parameters)
            if self.operation == "DetachInternetGateway":
                self.client("ec2").attach_internet_gateway(**self.parameters)

    def required(self) -> None:
        """Make the buckets that the settings want logs to go to."""
        for name, what in required.buckets(self):
            if what:
                self.aws.presupposed.add((self.account, "s3", name))
                self.notes.append(f"presupposed {what}")

    def names(self) -> bool:
        """Make what the parameters name and memory lacks; says whether there was anything to make."""
        new = False
        for name, value in list(_texts(self.parameters)):
            make = BY_NAME.get((self.service, name))
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
                self.aws.presupposed.add((self.account, self.service, last_of(value)))
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

    def implied(self, detail: Mapping[str, Any]) -> None:
        """What AWS does besides, and what must have been so, or AWS would have refused the call."""
        at, invoked_by = parse_time(detail.get("eventTime")), text(detail, "userIdentity", "invokedBy") or ""
        direct.hand_over(self, self._replaced)
        if besides := direct.BESIDES.get((self.service, self.operation)):
            besides(self, detail)
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

    def replace(self) -> bool:
        """Take out of memory what was only presupposed and is created by this call; says whether there was any.

        A rule of a network ACL too: AWS had no other of its number any more.
        """
        if self.operation == "CreateNetworkAclEntry":
            which = {key: self.parameters[key] for key in ("NetworkAclId", "RuleNumber", "Egress")}
            self.client("ec2").delete_network_acl_entry(**which)
            self.notes.append("its number was taken in memory")
            return True
        named = {last_of(value) for _, value in _texts(self.parameters)}
        made = [name for name in named if (self.account, self.service, name) in self.aws.presupposed]
        for name in made:
            self.aws.presupposed.discard((self.account, self.service, name))
            self._replaced |= direct.forget(self, name)
        return bool(made)

    def force(self) -> bool:
        """Take out of memory what the call deletes, whatever depends on it there: in AWS, nothing did."""
        gone = [name for _, name in _texts(self.parameters) if direct.forget(self, last_of(name))]
        if gone:
            self.notes.append("what depended on it in memory was gone in AWS")
        return bool(gone)


def last_of(name: str) -> str:
    """The name in an ARN, a URL or a path."""
    return re.split(r"[/:]", name)[-1]


def _texts(parameters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every string, by its dotted path."""
    for name, value in parameters.items():
        if isinstance(value, str):
            yield path + name, value
        elif isinstance(value, list):
            yield from ((path + name, each) for each in value if isinstance(each, str))
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
