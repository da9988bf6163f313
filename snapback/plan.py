"""A sweep's plan: what it would fix, made without a write, kept in a file, and held to when it is carried out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.clicks.approvers import caller, is_own_change, wants_second
from chalicelib.core.errors import StepRefused
from chalicelib.core.types import Status
from chalicelib.sweep.places import Place
from snapback.errors import Refused
from snapback.private_file import write_private
from snapback.sweep import AbsentLedger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record
    from chalicelib.core.resource import Resource
    from chalicelib.core.settings import Settings

VERSION = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """One finding; `does` is the status that it would get, and `fingerprint` is equal for the same change."""

    guardrail: str
    kind: str
    resource: str
    account: str
    region: str
    arn: str
    severity: str
    does: str
    fingerprint: str

    @classmethod
    def of(cls, record: Record) -> Planned:
        return cls(
            guardrail=record.guardrail,
            kind=record.kind,
            resource=record.resource,
            account=record.account,
            region=record.region,
            arn=record.arn,
            severity=str(record.severity),
            does=str(record.status),
            fingerprint=_fingerprint(record),
        )

    @property
    def fixes(self) -> bool:
        return self.does == Status.FIXING


class Deciding:
    """What a sweep leaves to a decision about the record that stands, as `approve` and `fix` make it: `left` has why, by the record's id."""

    def __init__(self, arn: str, settings: Settings) -> None:
        self._person, self._settings = caller(arn), settings
        self.left: dict[str, str] = {}

    def refuse(self, stands: Record | None) -> None:
        """Raises StepRefused for a fix of what waits for approval, or of the caller's own change."""
        if stands is None or not stands.is_open:
            return
        if why := self._why(stands):
            self.left[stands.id] = why
            raise StepRefused("duplicate", stands.id)

    def _why(self, stands: Record) -> str:
        if stands.status is Status.ASKING:
            return f"waits for approval: `snapback approve {stands.id}`"
        if is_own_change(self._person, stands, self._settings):
            return f"your own change, so somebody else must fix it: `snapback fix {stands.id}` (`four_eyes` in the settings)"
        if why := wants_second(self._person, "fix", stands, self._settings):
            return f"{why}: `snapback fix {stands.id}`"
        return ""


class PlanningLedger(AbsentLedger):
    """In place of the ledger while a sweep plans: it keeps what would be recorded, and nothing is written.

    `real` is asked what is exempt, what is on record, and who paused all writes.
    """

    def __init__(self, real: DynamoLedger | None, deciding: Deciding) -> None:
        super().__init__()
        self._real, self._deciding = real, deciding

    def known(self, id: str) -> Record | None:  # type: ignore[override]
        return self._real.known(id) if self._real else None

    def last_of(self, slot: str) -> Record | None:  # type: ignore[override]
        return self._real.last_of(slot) if self._real else None

    def open(self, record: Record, *_: Any) -> Record:
        """Raises StepRefused for what is exempt or left to a decision, and instead of a fix."""
        if self._real and self._real.is_exempt(record):
            raise StepRefused("exempt", "")
        if record.status is Status.FIXING:
            self._deciding.refuse(self.last_of(record.slot))
        self.records_opened.append(record)
        if record.status is Status.FIXING:
            raise StepRefused("duplicate", "")
        return replace(record, id="")

    def paused(self) -> str:
        return self._real.paused() if self._real else ""

    @property
    def planned(self) -> list[Planned]:
        return [Planned.of(record) for record in self.records_opened]


class AgreedLedger:
    """A ledger that begins only those fixes that somebody agreed to; `changed` are those that would change something else by now.

    What a fix of this sweep changed before is no change of somebody else's: two guardrails may edit one policy.
    """

    def __init__(self, real: DynamoLedger, agreed: Iterable[Planned], deciding: Deciding) -> None:
        self._real, self._deciding = real, deciding
        self._agreed = {(each.guardrail, each.arn, each.account, each.region): each.fingerprint for each in agreed}
        self._begun: set[str] = set()
        self.changed: list[Record] = []

    def open(self, record: Record, *more: Any) -> Record:
        if record.status is Status.FIXING:
            self._deciding.refuse(self._real.last_of(record.slot))
            agreed = self._agreed.get((record.guardrail, record.arn, record.account, record.region))
            if agreed is None or (agreed != _fingerprint(record) and record.arn not in self._begun):
                self.changed.append(record)
                raise StepRefused("duplicate", "")
            self._begun.add(record.arn)
        return self._real.open(record, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _fingerprint(record: Record) -> str:
    """Why it is unsafe may be said in other words after another fix; what the fix would change is what counts."""
    change = json.dumps([record.before, record.after], sort_keys=True, default=str)
    return hashlib.blake2b(change.encode(), digest_size=16).hexdigest()


class Chosen:
    """What a sweep is limited to: resources by place and ARN. `marked` are places that were gone through before."""

    def __init__(self, wanted: Iterable[tuple[Place, str]], marked: Collection[Place] = ()) -> None:
        self._wanted, self._marked = set(wanted), marked
        self._places = {place for place, _ in self._wanted}

    def place(self, place: Place) -> bool:
        return place in self._places

    def resource(self, place: Place, resource: Resource) -> bool:
        return (place, resource.arn) in self._wanted

    def marks(self, place: Place) -> bool:
        return place in self._marked


class Named:
    """Resources that a person named, by ARN or id; `found` are those that were there."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._found: set[str] = set()

    def place(self, _: Place) -> bool:
        return True

    def resource(self, _: Place, resource: Resource) -> bool:
        named = self._names & {resource.arn, resource.id}
        self._found |= named
        return bool(named)

    @property
    def missing(self) -> list[str]:
        return sorted(self._names - self._found)

    def marks(self, _: Place) -> bool:
        return False


def chosen(planned: Iterable[Planned]) -> Chosen:
    """The resources of a plan from a file."""
    return Chosen((Place(each.account, each.region, each.kind), each.arn) for each in planned)


def write_plan(path: Path, planned: Sequence[Planned], made: dict[str, str]) -> None:
    """Only its owner may read it: it names what is unsafe. It holds no states. Raises Refused."""
    text = json.dumps({"plan": VERSION, **made, "findings": [asdict(each) for each in planned]}, indent=1)
    write_private(path, f"{text}\n".encode())


def read_plan(path: Path) -> list[Planned]:
    """Raises Refused for what is no plan of this version."""

    class File(msgspec.Struct):
        plan: int
        findings: list[Planned]

    try:
        file = msgspec.json.decode(path.read_bytes(), type=File)
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}; pass a file that `snapback sweep --plan` wrote") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Refused(f"{path} is no plan ({error}); pass a file that `snapback sweep --plan` wrote") from error
    if file.plan != VERSION:
        raise Refused(f"{path} is a plan of version {file.plan}; this Snapback reads version {VERSION}: make it anew")
    return file.findings
