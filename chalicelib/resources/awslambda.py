"""Lambda functions. Calls name them by name or by ARN, whole or in part, with a version or an alias or without."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(
    r"(?:(?:arn:[a-z-]+:lambda:[a-z0-9-]+:)?[0-9]{12}:function:|function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
"""https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html."""
_NOT_THERE = "ResourceNotFoundException"
CONFIGURED = ("CreateFunction", "UpdateFunctionConfiguration")
CODED = ("CreateFunction", "UpdateFunctionCode")


def _named(event: Event) -> tuple[str, str] | None:
    """The function that an event names, and the version or alias, if any; `$LATEST` is the function itself."""
    for key in ("functionName", "functionArn", "resourceArn"):
        found = _NAME.fullmatch(event.text(key) or event.answered(key) or "")
        if found:
            qualifier = event.text("qualifier") or found["qualifier"] or ""
            return found["name"], "" if qualifier == "$LATEST" else qualifier
    return None


@dataclass(frozen=True, slots=True)
class Function(Resource):
    """A function as it can be changed, not its published versions."""

    cloudformation_type: ClassVar[str] = "AWS::Lambda::Function"
    gone: ClassVar[frozenset[str]] = frozenset({_NOT_THERE})
    tag_reads: ClassVar[tuple[str, ...]] = ("lambda:ListTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("lambda:ListFunctions",)
    batch_reads: ClassVar[tuple[str, ...]] = ("lambda:GetFunction",)

    @property
    def name(self) -> str:
        return self.id.partition(":")[0]

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:lambda:{self.region}:{self.account}:function:{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if named := _named(event):
            yield cls(named[0], event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for name in _names(aws):
            yield cls(name, aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """GetFunction tells the configuration too, and may be called more often than what is for that alone.

        https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        """
        for each in some:
            with absent(_NOT_THERE):
                found = aws.client("lambda").get_function(**each.asked)["Configuration"]
                yield Prefetched("lambda", "GetFunctionConfiguration", each.asked, found)

    def configured(self, aws: Session) -> Mapping[str, Any]:
        """As GetFunctionConfiguration tells it: the values of its environment are in there, maybe in plain text."""
        return aws.client("lambda").get_function_configuration(**self.asked)  # type: ignore[no-any-return]

    @property
    def asked(self) -> dict[str, str]:
        """How calls name it."""
        name, _, qualifier = self.id.partition(":")
        return {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Versions and aliases have those of their function."""
        arn = self.arn.removesuffix(self.id) + self.name
        return aws.client("lambda").list_tags(Resource=arn).get("Tags", {})  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Qualified(Function):
    """A function, a version or an alias of it, as in `web` and `web:live`: each has a policy of its own."""

    list_reads: ClassVar[tuple[str, ...]] = ("lambda:ListFunctions", "lambda:ListAliases")
    batch_reads: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """None: policies and addresses are asked for one by one."""
        return iter(())

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if named := _named(event):
            yield cls(":".join(filter(None, named)), event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        client = aws.client("lambda")
        for page in client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            for each in page["Functions"]:
                if each["Version"] != "$LATEST":
                    yield cls(f"{each['FunctionName']}:{each['Version']}", aws.account, aws.region)
        for name in _names(aws):
            yield cls(name, aws.account, aws.region)
            with absent(_NOT_THERE):  # Deleted since it was listed.
                for page in client.get_paginator("list_aliases").paginate(FunctionName=name):
                    for each in page["Aliases"]:
                        yield cls(f"{name}:{each['Name']}", aws.account, aws.region)

    def policy(self, aws: Session) -> str | None:
        """Its policy's text, or None where there is no policy.

        Lambda tells by the same error that there is no policy and that there is no function: only in that case, the
        function itself is asked for too, which raises where it is gone.
        """
        with absent(_NOT_THERE):
            return str(aws.client("lambda").get_policy(**self.asked)["Policy"])
        self.configured(aws)
        return None


@dataclass(frozen=True, slots=True)
class FunctionUrl(Qualified):
    """The address on the internet of a function or of an alias of it."""

    cloudformation_type: ClassVar[str] = "AWS::Lambda::Url"
    list_reads: ClassVar[tuple[str, ...]] = ("lambda:ListFunctions", "lambda:ListFunctionUrlConfigs")

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for name in _names(aws):
            with absent(_NOT_THERE):  # Deleted since it was listed.
                pages = aws.client("lambda").get_paginator("list_function_url_configs").paginate(FunctionName=name)
                for each in (each for page in pages for each in page["FunctionUrlConfigs"]):
                    yield cls(each["FunctionArn"].partition(":function:")[2], aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        return aws.client("lambda").get_function_url_config(**self.asked)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Deployment(Function):
    """Code that somebody put into a function: the function's name, the code's SHA-256 as Lambda tells it, and who.

    Who is the role that a session is of, where the event tells it, else the principal.
    """

    batch_reads: ClassVar[tuple[str, ...]] = ()
    list_reads: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        return self.id.split(" ", 2)[0]

    @property
    def code(self) -> str:
        return self.id.split(" ", 2)[1]

    @property
    def who(self) -> str:
        return self.id.split(" ", 2)[2]

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def asked(self) -> dict[str, str]:
        return {"FunctionName": self.name}

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Without a digest in the event, this code can't be distinguished from what came after it."""
        named, code = _named(event), event.answered("codeSha256")
        if named and code and re.fullmatch(r"[A-Za-z0-9+/=]{1,128}", code):
            who = re.sub(
                r"[^!-~]", "_", event.actor.issuer or event.actor.principal
            )  # AWS's principals have only these characters.
            yield cls(f"{named[0]} {code} {who}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        yield from ()

    def tags(self, aws: Session) -> Mapping[str, str]:
        return aws.client("lambda").list_tags(Resource=self.arn).get("Tags", {})  # type: ignore[no-any-return]


def _names(aws: Session) -> Iterator[str]:
    for page in aws.client("lambda").get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            yield each["FunctionName"]
