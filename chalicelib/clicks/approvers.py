"""Who clicks, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chalicelib.core.arns import fits

if TYPE_CHECKING:
    from chalicelib.core.record import Record
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
    `four_eyes`, the change may not be their own. Whoever holds a link that was sent to a channel, and whoever is of another
    workspace, is not meant by a glob such as `*`, but only by what begins with PAGE or OUTSIDER.
    """
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
    if settings.four_eyes and _same(person, record):
        return "the change is your own; somebody else has to decide (`four_eyes` in the settings)"
    if settings.four_eyes and "@" in record.actor.session and not (person.email or person.id.startswith(PAGE)):
        return (
            f"whether the change is your own can't be known: {record.actor.session} made it, and Slack doesn't tell your "
            "e-mail address (its app needs the scope users:read.email)"
        )
    return None


def _named(person: Person, who: str) -> bool:
    if any(person.id.startswith(each) and not who.startswith(each) for each in (PAGE, OUTSIDER)):
        return False
    by_email = bool(person.email) and fits(who.lower(), person.email.lower())
    return by_email or fits(who, person.id)


def _same(person: Person, record: Record) -> bool:
    """SSO names a session after the person's e-mail address or user name; IAM users have names of their own."""
    actor = record.actor
    names = actor.session.lower(), actor.name.rpartition("/")[2].lower()
    theirs = {*names, *(name.partition("@")[0] for name in names)} - {""}
    mine = {person.email.lower(), person.email.partition("@")[0].lower(), person.name.lower()} - {""}
    return bool(theirs & mine)
