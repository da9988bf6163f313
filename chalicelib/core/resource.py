"""A typed pointer to one thing in AWS: it knows where to look, never what is true."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from chalicelib.core.event import Event
    from chalicelib.core.session import Prefetched, Session


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """One thing in AWS. Subclasses live in `chalicelib/resources/<service>`, decorated like this class.

    `id` is the name or id that the service's API takes; `region` is the one whose endpoint answers for it.
    """

    id: str
    account: str
    region: str

    cloudformation_type: ClassVar[str]
    """AWS's own type name, as in `AWS::S3::Bucket`."""
    gone: ClassVar[frozenset[str]] = frozenset()
    """Error codes by which the API says that the resource isn't there (any more)."""
    arn_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `arns` needs."""
    affecting: ClassVar[frozenset[str]] = frozenset()
    """Calls, by eventName, after which AWS is asked which of this kind they are about (`affected`)."""
    affected_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `affected` needs."""
    tag_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `tags` needs."""
    list_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `all_in` needs."""
    batch_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `batch_read` needs."""
    batch_size: ClassVar[int] = 100
    """How many a sweep evaluates together."""
    name_pattern: ClassVar[str] = "*"
    """What a function's policy lets its name be, where only some of a kind are ever meant."""

    @property
    @abstractmethod
    def arn(self) -> str:
        """The ARN in records, slots and exemptions. It never changes, and an event is enough to build it."""

    def arns(self, aws: Session) -> tuple[str, ...]:  # noqa: ARG002 - the default for what events name in full
        """All ARN forms of the resource, AWS's own first: globs of the settings match any of them."""
        return (self.arn,)

    @classmethod
    @abstractmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Those that the event names: none, one or many; duplicates are allowed."""

    @classmethod
    @abstractmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """All of this kind in the session's account and region."""

    @classmethod
    def affected(cls, event: Event, aws: Session) -> Iterable[Self]:  # noqa: ARG003 - the default for what events name
        """The resources that a call in `affecting` changes without naming them: they use the thing that it names."""
        return ()

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:  # noqa: ARG003 - the default: not at all
        """What AWS tells of some of this kind, in fewer calls than one each: answers to calls that ask about one alone.

        A guardrail may take them for that call's own answer. What they leave out (a resource that is gone, say) is
        asked for alone.
        """
        return iter(())

    def tags(self, aws: Session) -> Mapping[str, str]:  # noqa: ARG002 - the default for what has no tags
        return {}

    @classmethod
    def kind(cls) -> str:
        """`s3.Bucket`: the service and the class, by which `revive` finds it again, whatever the file is called."""
        package, _, rest = cls.__module__.partition(".resources.")
        return f"{rest.partition('.')[0] or package.rpartition('.')[2]}.{cls.__name__}"


@dataclass(frozen=True, slots=True)
class Account(Resource):
    """The account itself, for settings that hold for all of it."""

    cloudformation_type: ClassVar[str] = "AWS::Account"

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:root"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        yield cls(event.account, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        yield cls(aws.account, aws.account, aws.region)


def revive(kind: str, id: str, account: str, region: str) -> Resource:
    """The resource that a record in the ledger points to. Raises LookupError if its kind no longer exists."""
    service, _, name = kind.partition(".")
    if kind == Account.kind():
        return Account(id, account, region)
    for module in _modules(service):
        cls = getattr(module, name, None)
        if isinstance(cls, type) and issubclass(cls, Resource) and cls.kind() == kind:
            return cls(id, account, region)
    raise LookupError(f"no resource of kind {kind!r} in this version of Snapback")


def _modules(service: str) -> Iterator[ModuleType]:
    """The service's file in `chalicelib/resources`, or the files of its folder."""
    try:
        found = import_module(f"chalicelib.resources.{service}")
    except (ImportError, ValueError):
        return
    yield found
    for each in iter_modules(getattr(found, "__path__", ())):
        yield import_module(f"{found.__name__}.{each.name}")
