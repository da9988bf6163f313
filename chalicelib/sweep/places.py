"""The sweep: every guardrail evaluates every resource of its kind. Where it goes, and the event that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.core.event import Event
from chalicelib.core.partitions import global_region
from chalicelib.core.resource import Account

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from chalicelib.core.rule import Guardrail
    from chalicelib.core.settings import Settings

T = TypeVar("T")
_WORLDWIDE = frozenset({"iam", "organizations"})
"""Modules of resources that are of no region."""
_OF_THE_ACCOUNT = frozenset({"iam", "s3"})
"""Services of guardrails about the account itself whose setting is of no region."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One kind of resource (`s3.Bucket`) in one account and region."""

    account: str
    region: str
    kind: str

    @property
    def key(self) -> str:
        """Of its marker in the ledger's table, which tells by which guardrails it was gone through."""
        return f"sweep#{self.account}#{self.region}#{self.kind}"


def is_global(rule: Guardrail[Any]) -> bool:
    """Whether it is evaluated once for all regions, in the one that global services report to."""
    return _service(rule) in (_OF_THE_ACCOUNT if rule.resource is Account else _WORLDWIDE)


def _service(rule: Guardrail[Any]) -> str:
    """Whose resource it is about; of the account itself, the guardrail's own service."""
    return rule.service if rule.resource is Account else rule.resource.kind().partition(".")[0]


def places(
    rules: Iterable[Guardrail[Any]],
    settings: Settings,
    accounts: Iterable[str],
    regions: Collection[str],
    global_regions: Collection[str] = (),
) -> dict[Place, list[Guardrail[Any]]]:
    """Where to go, and what to ask there: nothing that is off, and of no kind that only events tell of.

    `global_regions` are regions where only global services are evaluated.
    """
    found: dict[Place, list[Guardrail[Any]]] = {}
    listed = [rule for rule in rules if issubclass(rule.resource, Account) or rule.resource.list_reads]
    for account in sorted(set(accounts)):
        on = [rule for rule in listed if settings.on(rule, account)]
        for region in sorted({*regions, *global_regions}):
            for rule in on:
                there = region == global_region(region, _service(rule)) if is_global(rule) else region in regions
                if there:
                    found.setdefault(Place(account, region, rule.resource.kind()), []).append(rule)
    return found


def event_of(place: Place, run: str, at: datetime, expected_from_events: Sequence[str]) -> Event:
    """The clock's event as a sweep has it: `run` names the sweep, so that a second asking is no second finding.

    `expected_from_events` are the guardrails that were evaluated here before: an event should have reported what they find now.
    """
    return Event.parse(
        {
            "id": f"sweep-{run}",
            "source": "aws.events",
            "detail-type": "Scheduled Event",
            "account": place.account,
            "region": place.region,
            "time": at.isoformat(),
            "detail": {"expected_from_events": list(expected_from_events)},
        }
    )


def expected_from_events(rules: Iterable[Guardrail[Any]], asked: Mapping[str, str], run: str) -> list[str]:
    """Guardrails that an earlier sweep asked (`asked`: by which sweep first), and whose findings events tell of."""
    return [rule.id for rule in rules if asked.get(rule.id, run) != run and not rule.needs_sweep]


def chunks(all_of_them: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_of_them), most):
        yield all_of_them[start : start + most]
