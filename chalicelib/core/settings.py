"""What the operator decides: modes, exemptions, what is known, where to tell.

The structs are the format of the settings file; `adapters/settings.py` reads it.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec looks at it when it reads the settings
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.core.event import Actor
    from chalicelib.core.guardrail import Guardrail, Rule
    from chalicelib.core.resource import Resource

AccountId = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]


class Mode(StrEnum):
    """How far a guardrail may go, weakest first."""

    OFF = "off"
    ALERT = "alert"
    ASK = "ask"
    FIX = "fix"


class Modes(Struct, frozen=True, forbid_unknown_fields=True):
    """A guardrail's mode, by account and by tag (`key=value`); a tag beats an account, an account beats `mode`."""

    mode: Mode | UnsetType = UNSET
    accounts: dict[AccountId, Mode] = {}
    tags: dict[Annotated[str, Meta(pattern=r"^[^=]+=.*$")], Mode] = {}


class Exemption(Struct, frozen=True, forbid_unknown_fields=True):
    """What is let be until the end of the day `expires` (UTC). `guardrail`, `resource` (an ARN) and `actor` are globs."""

    guardrail: str
    reason: Annotated[str, Meta(min_length=3)]
    owner: Annotated[str, Meta(min_length=3)]
    expires: date
    resource: str = "*"
    actor: str = "*"

    def covers(self, guardrail: str, arn: str, actor: Actor, now: datetime) -> bool:
        return (
            now.date() <= self.expires
            and fnmatchcase(guardrail, self.guardrail)
            and fnmatchcase(arn, self.resource)
            and fnmatchcase(actor.principal, self.actor)
        )


class Trail(Struct, frozen=True, forbid_unknown_fields=True):
    """How a deleted trail is made again."""

    bucket: str
    prefix: str | None = None
    kms_key: str | None = None
    organization: bool = False


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """The allowlists: what may be let in. An account's own self is always known.

    `principals` are ARN globs that may hold keys, admin rights and trusts; `admin_ports` the ports that must never
    face the internet; `trails` the audit trails that must exist, by name. `stack` is what Snapback itself is, by its
    CloudFormation ARN: the deployment tells it (see `core.own`), and the file can't.
    """

    accounts: frozenset[AccountId] = frozenset()
    organizations: frozenset[Annotated[str, Meta(pattern=r"^o-[a-z0-9]{10,32}$")]] = frozenset()
    principals: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    prefix_lists: frozenset[Annotated[str, Meta(pattern=r"^pl-")]] = frozenset()
    registries: tuple[str, ...] = ()
    admin_ports: tuple[Annotated[int, Meta(ge=0, le=65535)], ...] = (
        *(20, 21, 22, 23, 135, 445, 1433, 1434, 1521, 2375, 2376, 2379, 3306, 3389, 5432, 5439, 5601, 5900),
        *(5985, 5986, 6379, 6443, 7000, 7001, 8020, 8086, 9042, 9092, 9200, 9300, 10250, 11211, 27017, 27018, 50070),
    )
    trails: dict[str, Trail] = {}
    stack: str = ""

    def principal(self, arn: str) -> bool:
        return any(fnmatchcase(arn, allowed) for allowed in self.principals)


class Channel(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell. `url` is an address, or names a secret: `ssm:/path` or `secretsmanager:name`."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    type: Literal["slack", "webhook"]
    url: Annotated[str, Meta(pattern=r"^(https?://|ssm:/|secretsmanager:).+$")]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What stops Snapback from doing harm by being busy.

    After `fights` fixes of one guardrail on one resource within `fight_minutes`, it stops and tells who is fighting.
    Above `fixes_per_minute` of one guardrail in one account, it asks instead of fixing.
    """

    fights: Annotated[int, Meta(ge=1, le=20)] = 3
    fight_minutes: Annotated[int, Meta(ge=1, le=1440)] = 60
    fixes_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 20


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. With `trouble`, it could not be read: everything is told, nothing is fixed."""

    mode: Mode = Mode.ALERT
    accounts: frozenset[AccountId] = frozenset()
    guardrails: dict[str, Mode | Modes] = {}
    exemptions: tuple[Exemption, ...] = ()
    known: Known = Known()
    channels: tuple[Channel, ...] = ()
    limits: Limits = Limits()
    undo_exemption_days: Annotated[int, Meta(ge=1, le=365)] = 7
    trouble: str = ""

    def needs_tags(self, guardrail: str) -> bool:
        chosen = self.guardrails.get(guardrail)
        return isinstance(chosen, Modes) and bool(chosen.tags)

    def mode_of(self, rule: Rule, account: str, tags: Mapping[str, str]) -> Mode:
        """As configured; what the guardrail itself allows is `allowed`'s business."""
        chosen = self.guardrails.get(rule.id, UNSET)
        if isinstance(chosen, Modes):
            by_tag = [
                mode for tag, mode in chosen.tags.items() if tags.get(tag.partition("=")[0]) == tag.partition("=")[2]
            ]
            if by_tag:
                return weakest(*by_tag)
            chosen = chosen.accounts.get(account, chosen.mode)
        return self.mode if chosen is UNSET else chosen

    def allowed(self, guardrail: Guardrail[Resource], mode: Mode) -> Mode:
        """The mode after the guardrail's own limits: no fix, not reversible, opt-in, or settings in trouble."""
        if guardrail.fix is None or self.trouble or (guardrail.opt_in and guardrail.id not in self.guardrails):
            return weakest(mode, Mode.ALERT)
        return mode if guardrail.fix.reversible else weakest(mode, Mode.ASK)


def weakest(*modes: Mode) -> Mode:
    return min(modes, key=list(Mode).index)
