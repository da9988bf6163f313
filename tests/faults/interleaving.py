"""Two deliveries in one process, step by step, in every order: engine and ledger as they are, AWS and DynamoDB in memory.

What is faked is what the steps are made of: calls to AWS about one document, and the ledger's transactions.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.core.baseline import Baseline


class Turns:
    """Threads that go on one at a time, each to its next step; the order is `choices`, by number, then always the first."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices, self.taken, self.steps = choices, list[tuple[int, int]](), 0
        """`taken`: at each turn, which of how many threads went on. `steps` is all that was done, as a clock."""
        self._gates: dict[int, threading.Semaphore] = {}
        self._back = threading.Semaphore(0)

    def step(self) -> None:
        """A thread is about to do something that others may see; outside of `run` there is nobody to wait for."""
        if gate := self._gates.get(threading.get_ident()):
            self._back.release()
            gate.acquire()
        self.steps += 1

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        waiting: list[tuple[threading.Thread, threading.Semaphore]] = []
        ended = set[threading.Thread]()

        def begin(work: Callable[[], None], gate: threading.Semaphore) -> None:
            self._gates[threading.get_ident()] = gate
            gate.acquire()
            try:
                work()
            finally:
                ended.add(threading.current_thread())
                self._back.release()

        for work in works:
            gate = threading.Semaphore(0)
            thread = threading.Thread(target=begin, args=(work, gate), daemon=True)
            thread.start()
            waiting.append((thread, gate))
        while waiting:
            number = self.choices[len(self.taken)] if len(self.taken) < len(self.choices) else 0
            self.taken.append((number, len(waiting)))
            thread, gate = waiting[number]
            gate.release()
            self._back.acquire()
            waiting = [each for each in waiting if each[0] not in ended]
        for thread in ended:
            thread.join()


def orders(run: Callable[[Turns], None]) -> Iterator[None]:
    """Run it in every order that there is."""
    choices: list[int] = []
    while True:
        turns = Turns(choices)
        run(turns)
        yield
        taken = turns.taken
        while taken and taken[-1][0] == taken[-1][1] - 1:
            taken.pop()
        if not taken:
            return
        choices = [number for number, _ in taken[:-1]] + [taken[-1][0] + 1]


class MemoryTable:
    """As `LedgerTable`, for what the engine asks of it."""

    name = "ledger"

    def __init__(self, turns: Turns) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self._turns = turns

    def item(self, key: str) -> dict[str, Any] | None:
        return self.items.get(key)

    def count(self, *_: Any) -> bool:
        return True

    def transact(self, *items: Any) -> list[dict[str, Any] | None] | None:
        self._turns.step()
        refusals: list[dict[str, Any] | None] = []
        for ((_, request),) in (item.items() for item in items):
            key = (request.get("Key") or request["Item"])["pk"]["S"]
            there = self.items.get(key, {})
            refusals.append(None if _holds(request, there) else dict(there))
        if any(each is not None for each in refusals):
            return refusals
        for ((kind, request),) in (item.items() for item in items):
            if kind == "Put":
                self.items[request["Item"]["pk"]["S"]] = request["Item"]
            elif kind == "Update":
                key = request["Key"]["pk"]["S"]
                self.items[key] = _updated(request, self.items.get(key, {"pk": {"S": key}}))
        return None


_TERM = re.compile(r"attribute_not_exists\((?P<gone>#?\w+)\)|(?P<left>#?\w+) (?P<how>=|<>|<=|<) (?P<right>:\w+)")


def _holds(request: Any, item: dict[str, Any]) -> bool:
    """A condition expression, of the kinds that the ledger writes. Raises SyntaxError for any other."""
    condition = request.get("ConditionExpression", "")
    if not condition:
        return True

    def truth(term: re.Match[str]) -> str:
        if term["gone"]:
            return str(_name(request, term["gone"]) not in item)
        have, want = item.get(_name(request, term["left"])), request["ExpressionAttributeValues"][term["right"]]
        if have is None:
            return str(term["how"] == "<>")
        ((kind, left),), ((_, right),) = have.items(), want.items()
        if kind == "N":
            left, right = float(left), float(right)
        return str({"=": left == right, "<>": left != right, "<=": left <= right, "<": left < right}[term["how"]])

    read = _TERM.sub(truth, condition).replace(" AND ", " and ").replace(" OR ", " or ")
    if not re.fullmatch(r"(True|False|and|or|[() ])+", read):
        raise SyntaxError(condition)
    return bool(eval(read))  # noqa: S307 - only the words just matched


def _updated(request: Any, item: dict[str, Any]) -> dict[str, Any]:
    values, new = request["ExpressionAttributeValues"], dict(item)
    for assignment in re.split(r", (?![^(]*\))", request["UpdateExpression"].removeprefix("SET ")):
        name, _, value = assignment.partition(" = ")
        if found := re.fullmatch(r"if_not_exists\((\w+), (:\w+)\)", value):
            new[_name(request, name)] = item.get(found[1], values[found[2]])
        else:
            new[_name(request, name)] = values[value]
    return new


def _name(request: Any, name: str) -> str:
    return str(request.get("ExpressionAttributeNames", {}).get(name, name))


_SEES = {"get_bucket_policy", "get_role", "list_user_policies"}
"""Reads of a document that the deliveries write; a user's inline policies are seen when they are listed."""


@dataclass
class MemoryAws:
    """A bucket's policy, a role's trust policy and a user's policies; `documents` by their names."""

    turns: Turns
    documents: dict[str, Any]
    writes: list[str] = field(default_factory=list)

    def call(self, operation: str, given: dict[str, Any]) -> Any:
        if operation.startswith(
            ("get_bucket_policy", "get_role", "get_user_policy", "list_")
        ) or not operation.startswith("get_"):
            self.turns.step()
        return getattr(self, operation)(**given)

    def get_bucket_policy(self, **_: Any) -> Any:
        return {"Policy": self._there("bucket", "NoSuchBucketPolicy")}

    def put_bucket_policy(self, Policy: str, **_: Any) -> None:  # noqa: N803 - boto3's
        self.documents["bucket"] = Policy

    def delete_bucket_policy(self, **_: Any) -> None:
        self.documents.pop("bucket", None)

    def get_bucket_website(self, **_: Any) -> Any:
        self._there("website", "NoSuchWebsiteConfiguration")

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
