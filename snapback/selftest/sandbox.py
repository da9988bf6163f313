"""The sandbox account, and the marks of what the selftest makes there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.core.partitions import partition

if TYPE_CHECKING:
    import boto3

KEY, VALUE = "snapback-selftest", "yes"
PREFIX, PATH = "snapback-selftest-", "/snapback-selftest/"
"""How names begin, and where IAM's are."""


class Sandbox:
    """The account, with the caller's credentials. `run` ends each name."""

    def __init__(self, session: boto3.Session, account: str, run: str) -> None:
        self._session, self.account, self._run = session, account, run
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)  # type: ignore[call-overload]
        return self._clients[service]

    @property
    def region(self) -> str:
        return str(self.client("ec2").meta.region_name)

    def name(self, what: str) -> str:
        return f"{PREFIX}{what}-{self._run}"

    def iam_arn(self, id: str, account: str = "") -> str:
        return f"arn:{partition(self.region)}:iam::{account or self.account}:{id}"

    @cached_property
    def vpc(self) -> str:
        """Without a gateway, an endpoint or a peer: nothing comes in or goes out. One for all, as an account has five."""
        asked = {"CidrBlock": "10.255.255.0/24", "TagSpecifications": tagged("vpc")}
        return str(self.client("ec2").create_vpc(**asked)["Vpc"]["VpcId"])


def tags(key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: KEY, value: VALUE}]


def tagged(kind: str) -> list[dict[str, Any]]:
    """As EC2 takes tags."""
    return [{"ResourceType": kind, "Tags": tags()}]
