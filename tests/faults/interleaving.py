"""Two deliveries in one process, step by step: engine and ledger as they are, AWS's documents in memory.

The table and the turns are tests/delivery's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

from botocore.exceptions import ClientError

from tests.delivery.memory import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.baseline import Baseline


class Ledger(Table):
    """Of which only the transactions are steps: what else the ledger asks for, the other delivery doesn't change."""

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__()
        self._step = step

    def transact_write_items(self, **request: Any) -> Any:
        self._step()
        return super().transact_write_items(**request)


_SEES = {"get_bucket_policy", "get_role", "list_user_policies", "get_user_policy"}
"""Reads of a document that the deliveries write. Another read answers the same at any time, so it gives no turn."""


@dataclass
class MemoryAws:
    """A bucket's policy, a role's trust policy and a user's policies; `documents` by their names."""

    step: Callable[[], None]
    documents: dict[str, Any]

    def call(self, operation: str, given: dict[str, Any]) -> Any:
        if operation in _SEES or not operation.startswith(("get_", "list_", "describe_")):
            self.step()
        return getattr(self, operation)(**given)

    def get_bucket_policy(self, **_: Any) -> Any:
        return {"Policy": self._there("bucket", "NoSuchBucketPolicy")}

    def put_bucket_policy(self, Policy: str, **_: Any) -> None:  # noqa: N803 - boto3's
        self.documents["bucket"] = Policy

    def delete_bucket_policy(self, **_: Any) -> None:
        self.documents.pop("bucket", None)

    def get_bucket_website(self, **_: Any) -> Any:
        self._there("website", "NoSuchWebsiteConfiguration")

    def describe_organization(self) -> Any:
        raise _error("AWSOrganizationsNotInUseException")

    def get_role(self, RoleName: str) -> Any:  # noqa: N803 - boto3's
        arn = f"arn:aws:iam::123456789012:role/{RoleName}"
        trust = json.loads(self.documents["role"])
        return {"Role": {"RoleName": RoleName, "Arn": arn, "Path": "/", "AssumeRolePolicyDocument": trust}}

    def update_assume_role_policy(self, PolicyDocument: str, **_: Any) -> None:  # noqa: N803 - boto3's
        self.documents["role"] = PolicyDocument

    def get_user(self, UserName: str) -> Any:  # noqa: N803 - boto3's
        return {"User": {"UserName": UserName, "Arn": f"arn:aws:iam::123456789012:user/{UserName}", "Path": "/"}}

    def list_user_policies(self, **_: Any) -> Any:
        return {"PolicyNames": sorted(self.documents["inline"])}

    def get_user_policy(self, PolicyName: str, **_: Any) -> Any:  # noqa: N803 - boto3's
        if PolicyName not in self.documents["inline"]:
            raise _error("NoSuchEntity")
        return {"PolicyDocument": self.documents["inline"][PolicyName]}

    def put_user_policy(self, PolicyName: str, PolicyDocument: str, **_: Any) -> None:  # noqa: N803 - boto3's
        self.documents["inline"] = {**self.documents["inline"], PolicyName: PolicyDocument}

    def delete_user_policy(self, PolicyName: str, **_: Any) -> None:  # noqa: N803 - boto3's
        left = {name: text for name, text in self.documents["inline"].items() if name != PolicyName}
        self.documents["inline"] = left

    def list_entities_for_policy(self, **_: Any) -> Any:
        return {"PolicyUsers": [{"UserName": "reserve"}], "PolicyGroups": [], "PolicyRoles": []}

    def list_attached_user_policies(self, **_: Any) -> Any:
        return {"AttachedPolicies": []}

    def _there(self, name: str, code: str) -> Any:
        if name not in self.documents:
            raise _error(code)
        return self.documents[name]


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Any")


class MemorySessions:
    """Readers that remember, as AwsSessions' do, and writers that note their calls."""

    def __init__(self, aws: MemoryAws, baseline: Baseline) -> None:
        self._aws, self._baseline = aws, baseline

    def reader(self, account: str, region: str) -> Any:
        return self._session(account, region, {})

    def writer(self, account: str, region: str, *_: Any, **__: Any) -> Any:
        return self._session(account, region, None)

    def _session(self, account: str, region: str, memory: dict[str, Any] | None) -> Any:
        def client(service: str, *_: Any) -> Any:
            return _Client(self._aws, memory)

        return SimpleNamespace(
            account=account,
            region=region,
            baseline=self._baseline,
            calls=[],
            client=client,
            prefetch=lambda _: None,
        )


class _Client:
    def __init__(self, aws: MemoryAws, memory: dict[str, Any] | None) -> None:
        self._aws, self._memory, self.meta = aws, memory, MagicMock()

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            asked = f"{operation} {json.dumps(given, sort_keys=True)}"
            if self._memory is None:
                return self._aws.call(operation, given)
            if asked not in self._memory:
                try:
                    self._memory[asked] = self._aws.call(operation, given)
                except ClientError as error:
                    self._memory[asked] = error
            if isinstance(found := self._memory[asked], ClientError):
                raise found
            return found

        return call

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda PaginationConfig=None, **given: [getattr(self, operation)(**given)])  # noqa: N803
