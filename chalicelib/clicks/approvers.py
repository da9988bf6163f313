"""Who clicks, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chalicelib.core.arns import fits
from chalicelib.core.types import ASIDE, SECOND_WANTED

if TYPE_CHECKING:
    from chalicelib.core.record import Record, Step
    from chalicelib.core.settings import Settings

PAGE = "page:"
"""How the id of whoever clicks on the action page begins; after it comes the channel that the link was sent to."""
OUTSIDER = "slack-other:"
"""How the id of whoever is of another Slack workspace begins, in a channel that is shared with it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a channel vouches for. `id` is `slack:U012AB3CD`, `slack-other:T012AB3CD/U012AB3CD` or
    `page:<channel>`; `where` is an address.
    """

    id: str
    name: str = ""
    email: str = ""
    where: str = ""

    def __str__(self) -> str:
        """As it stands in a record's history."""
        who = f"{self.name} ({self.id})" if self.name else self.id
        return f"{who} from {self.where}" if self.where else who


def refusal(person: Person, record: Record, settings: Settings) -> str | None:
    """Why a person may not decide about a record, in words for them; None if they may.

    They have to be named under `approvers`, by id or e-mail, for this guardrail, account and severity; and, with
    `four_eyes`, the change may not be their own. Whoever holds a link that was sent to a channel is not meant by a glob
    such as `*`, but only by what begins with PAGE; whoever is of another workspace never decides.
    """
    if person.id.startswith(OUTSIDER):
        return f"you ({person.id}) belong to another Slack workspace than Snapback's app: guests in a shared channel can't decide"
    named = any(
        _named(person, each.who)
        and fnmatchcase(record.guardrail, each.guardrail)
        and (not each.accounts or record.account in each.accounts)
        and (not each.severities or record.severity in each.severities)
        for each in settings.approvers
    )
    if not named:
        return (
            f"you ({person.id}) may not decide about {record.guardrail} in account {record.account}: nobody has named "
            "you under `approvers` in the settings"
        )
    if why := is_own_change(person, record, settings):
        return why
    author = next((author for author in record.actor.people if "@" in author), None)
    if settings.four_eyes and author and not (person.email or person.id.startswith(PAGE)):
        return (
            f"Snapback can't check whether this is your own change: {author} made it, and Slack didn't give your "
            "e-mail address (its app needs the scope users:read.email)"
        )
    return None


def is_own_change(person: Person, record: Record, settings: Settings) -> str:
    """Why a person may not decide about their own change, in words for them; nothing where it isn't theirs for sure, or four eyes are off."""
    sure = any(sure and _same(person, author) for author, sure in record.actor.people.items())
    if settings.four_eyes and (sure or person.id == record.actor.principal):
        return "this is your own change, so somebody else must decide (`four_eyes` in the settings)"
    return ""


def caller(arn: str) -> Person:
    """Whoever has these credentials, by GetCallerIdentity's ARN: an IAM user's name, or a session's."""
    name = arn.rpartition("/")[2] if "/" in arn else ""
    return Person(id=arn, name=name, email=name if "@" in name else "")


def wants_second(person: Person, action: str, record: Record, settings: Settings) -> str | None:
    """Why a person who may decide may not do so alone, in words for them; None if they may.

    A session or its source identity bears their name, which anybody could have given it. Two people who decide alike are
    enough, whichever of them it was.
    """
    authors = record.actor.people.items()
    author = next((author for author, sure in authors if not sure and _same(person, author)), None)
    if author is None or not settings.four_eyes:
        return None
    if any(person.id not in step.by for step in _voices(record, action)):
        return None
    return f"the change was made in a session named {author}, which may be you; a second approver must {action} too"


def has_spoken(person: Person, action: str, record: Record) -> bool:
    """Whether it is on record already that this person wants it so."""
    return any(person.id in step.by for step in _voices(record, action))


def _voices(record: Record, action: str) -> list[Step]:
    """What people, each not enough alone, decided since the record last moved on."""
    moved = max((n for n, step in enumerate(record.history) if step.status not in ASIDE), default=0)
    since = record.history[moved:]
    return [step for step in since if step.status == SECOND_WANTED and step.note.startswith(f"{action}: ")]


def _named(person: Person, who: str) -> bool:
    if person.id.startswith(PAGE) and not who.startswith(PAGE):
        return False
    by_email = bool(person.email) and fits(who.lower(), person.email.lower())
    return by_email or fits(who, person.id)


def _same(person: Person, author: str) -> bool:
    """SSO names a session after the person's e-mail address or user name; IAM users have names of their own."""
    theirs = {author.lower(), author.partition("@")[0].lower()} - {""}
    mine = {person.email.lower(), person.email.partition("@")[0].lower(), person.name.lower()} - {""}
    return bool(theirs & mine)
