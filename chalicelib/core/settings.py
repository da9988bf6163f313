"""What the operator decides: modes, exemptions, the baseline, where messages go.

The structs are the format of the settings file; `snapback/settings_file.py` reads it.
"""

from __future__ import annotations

from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.core.arns import fits
from chalicelib.core.baseline import AccountId, Baseline, TagKey
from chalicelib.core.partitions import REGION
from chalicelib.core.snapback_resources import is_ours
from chalicelib.core.types import Mode, weakest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Guardrail, Rule

ChannelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
RegionName = Annotated[str, Meta(pattern=f"^{REGION.pattern}$")]
Secret = Annotated[str, Meta(pattern=r"^(ssm:/|secretsmanager:).+$")]
"""The name of a secret in Parameter Store or Secrets Manager, never the secret."""
SeverityName = Literal["low", "medium", "high", "critical"]


class Modes(Struct, frozen=True, forbid_unknown_fields=True):
    """A guardrail's mode, by account and by tag (`key=value`); a tag beats an account, an account beats `mode`.

    Only the settings' `trusted_tags` weaken a mode: others are their author's to choose, who may be who made it unsafe.
    """

    mode: Mode | UnsetType = UNSET
    accounts: dict[AccountId, Mode] = {}
    tags: dict[Annotated[str, Meta(pattern=r"^[^=]+=.*$")], Mode] = {}


class Exemption(Struct, frozen=True, forbid_unknown_fields=True):
    """Findings to ignore through the day `expires` (UTC). `guardrail`, `resource` (an ARN) and `actor` are globs."""

    guardrail: str
    reason: Annotated[str, Meta(min_length=3)]
    owner: Annotated[str, Meta(min_length=3)]
    expires: date
    resource: str = "*"
    actor: str = "*"

    def covers(self, guardrail: str, names: Sequence[str], actor: Actor, now: datetime) -> bool:
        """`names` are the ARNs that the resource goes by."""
        return (
            now.date() <= self.expires
            and fnmatchcase(guardrail, self.guardrail)
            and fits(self.resource, *names)
            and fits(self.actor, actor.principal)
        )


class _Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """What all channels have. Above `per_minute` messages they are summed up; `fallback` is the name of another channel, which gets
    what this one has not taken in half an hour.
    """

    name: ChannelName
    per_minute: Annotated[int, Meta(ge=1, le=600)] = 20
    fallback: ChannelName | None = None


class SlackSettings(_Channel, frozen=True, tag="slack"):
    """Slack, by an incoming webhook: it only tells."""

    url: Secret


class SlackAppSettings(_Channel, frozen=True, tag="slack_app"):
    """Slack, by an app (docs/slack.md): its messages move on with their records, and have buttons.

    `token` is the bot's (`xoxb-…`), `conversation` the id of the Slack channel.
    """

    token: Secret
    conversation: Annotated[str, Meta(pattern=r"^[CG][A-Z0-9]{6,}$")]


class TeamsSettings(_Channel, frozen=True, tag="teams"):
    """Microsoft Teams, by a workflow "when a webhook request is received"."""

    url: Secret


class AppriseSettings(_Channel, frozen=True, tag="apprise"):
    """What Apprise speaks to: Discord, Google Chat, PagerDuty, Opsgenie, e-mail …, by one of its URLs."""

    url: Secret


class SnsSettings(_Channel, frozen=True, tag="sns"):
    topic: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")]


class WebhookSettings(_Channel, frozen=True, tag="webhook"):
    """JSON to any address; signed as https://www.standardwebhooks.com says with a `secret` (`whsec_…`)."""

    url: Annotated[str, Meta(pattern=r"^(https?://|ssm:/|secretsmanager:).+$")]
    secret: Secret | None = None


Channel = SlackSettings | SlackAppSettings | TeamsSettings | AppriseSettings | SnsSettings | WebhookSettings


class Route(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the findings go that all of this fits: a glob of guardrails, accounts, severities (empty ones are all), and
    globs of tags' values, by their keys.

    The first route that fits counts; findings that none fits go to all channels.
    """

    channels: tuple[ChannelName, ...]
    guardrail: str = "*"
    accounts: frozenset[AccountId] = frozenset()
    severities: frozenset[SeverityName] = frozenset()
    tags: dict[TagKey, str] = {}


class Direct(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who gets a direct message as well, in Slack, by the app of the channel `via`; they are found by their e-mail addresses.

    With `actor`, who made the change: a session that is named after an address, as those of IAM Identity Center are.
    `tags` are keys whose values are addresses, or names before an `@` of the first of `domains`, as `owner`. Addresses of
    other domains are not asked for.
    """

    via: ChannelName
    domains: Annotated[tuple[Annotated[str, Meta(pattern=r"^[a-z0-9.-]+\.[a-z]{2,}$")], ...], Meta(min_length=1)]
    actor: bool = True
    tags: tuple[TagKey, ...] = ()


class Quiet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours of the day (`22:00`) in which findings of low severity wait, for one digest at their end."""

    start: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    end: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    zone: str = "UTC"
    severities: frozenset[SeverityName] = frozenset({"low", "medium"})


class Flood(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Above `messages` about one guardrail in one account within `minutes`, a channel gets one message with all the rest."""

    messages: Annotated[int, Meta(ge=1, le=1000)] = 5
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 10


class Asking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of a question that nobody answers, by the hours since it was asked.

    It is asked again after `remind_hours` and each time as long, sent to the channels `escalate_to` as well after
    `escalate_hours`, and closed after `expire_hours`.
    """

    remind_hours: Annotated[int, Meta(ge=1, le=720)] = 4
    escalate_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    expire_hours: Annotated[int, Meta(ge=1, le=2160)] = 72
    escalate_to: tuple[ChannelName, ...] = ()


class Clicks(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The secrets that clicks are known by: Slack's signing secret, and the key of the action page's links, of 32 bytes
    or more. Without one there are no such clicks.
    """

    slack_signing_secret: Secret | None = None
    page_key: Secret | None = None


class Exports(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where findings go besides, for other tools: Security Hub (as ASFF), a bus of EventBridge (as `snapback.finding`,
    by its name or ARN), and a bucket (as OCSF, in the layout of Security Lake).
    """

    security_hub: bool = False
    bus: Annotated[str, Meta(min_length=1)] | None = None
    ocsf: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$")] | None = None


class Approver(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may approve, undo and exempt by a click: an id such as `slack:U012AB3CD`, or an e-mail address, as a glob.

    For guardrails (a glob), accounts and severities; those that are empty are all of them.
    """

    who: Annotated[str, Meta(min_length=3)]
    guardrail: str = "*"
    accounts: frozenset[AccountId] = frozenset()
    severities: frozenset[SeverityName] = frozenset()


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What stops Snapback from doing harm by being busy.

    After `fights` fixes of one guardrail on one resource within `fight_minutes`, it stops and tells who is fighting.
    Above `fixes_per_minute` of one guardrail in one account, it asks instead of fixing.
    """

    fights: Annotated[int, Meta(ge=1, le=20)] = 3
    fight_minutes: Annotated[int, Meta(ge=1, le=1440)] = 60
    fixes_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 20


class Settings(Baseline, frozen=True, forbid_unknown_fields=True):
    """The whole file. With `trouble`, it could not be read: everything is reported, nothing is fixed."""

    mode: Mode = Mode.ALERT
    accounts: frozenset[AccountId] = frozenset()
    guardrails: dict[str, Mode | Modes] = {}
    trusted_tags: frozenset[TagKey] = frozenset()
    """Keys of tags that may weaken a mode: who changes resources must not be able to set these."""
    exemptions: tuple[Exemption, ...] = ()
    regions: frozenset[RegionName] = frozenset()
    """The regions to look after, besides the one that Snapback runs in."""
    channels: tuple[Channel, ...] = ()
    routes: tuple[Route, ...] = ()
    direct: Direct | None = None
    quiet: Quiet | None = None
    flood: Flood = Flood()
    asking: Asking = Asking()
    clicks: Clicks = Clicks()
    exports: Exports = Exports()
    approvers: tuple[Approver, ...] = ()
    four_eyes: bool = True
    """Whether nobody may decide about their own change."""
    limits: Limits = Limits()
    never_touch: tuple[str, ...] = ()
    """ARN globs of what no fix may change; it is only reported. IAM names are meant with their path, or without it."""
    grace: dict[str, Annotated[int, Meta(ge=0, le=1440)]] = {}
    """Minutes by guardrail (a glob; the first that fits), for those that wait for pipelines."""
    second_look: bool = True
    """Whether what AWS's documentation calls eventually consistent, and was safe or not there within ten seconds after its change, is evaluated once more after a minute."""
    undo_exemption_days: Annotated[int, Meta(ge=1, le=365)] = 7
    trouble: str = ""

    def needs_tags(self, guardrail: str) -> bool:
        chosen = self.guardrails.get(guardrail)
        return isinstance(chosen, Modes) and bool(chosen.tags)

    def on(self, rule: Rule, account: str) -> bool:
        """Whether it may be evaluated at all; where its mode depends on tags, those tell."""
        return self.needs_tags(rule.id) or self.mode_of(rule, account, {}) is not Mode.OFF

    @property
    def recorded_tags(self) -> frozenset[str]:
        """Keys of the tags by which it is decided whom to tell."""
        direct = self.direct.tags if self.direct else ()
        return frozenset({*(key for route in self.routes for key in route.tags), *direct})

    def grace_of(self, guardrail: Guardrail[Any]) -> timedelta:
        """How long after an event this guardrail waits until it believes that it stays so."""
        if not guardrail.grace:
            return guardrail.grace
        minutes = next((minutes for glob, minutes in self.grace.items() if fnmatchcase(guardrail.id, glob)), None)
        return guardrail.grace if minutes is None else timedelta(minutes=minutes)

    def exemption(self, guardrail: str, names: Sequence[str], actor: Actor, now: datetime) -> Exemption | None:
        """The first that covers a finding; `names` are the ARNs that the resource goes by."""
        return next((each for each in self.exemptions if each.covers(guardrail, names, actor, now)), None)

    def never(self, *things: Sequence[str]) -> str:
        """Why nobody may change one of these things, not even with an approval; empty when somebody may.

        Each is given by the ARNs that it goes by, AWS's own first: by that one Snapback knows its own roles. A part that
        nobody told is `*`, and may be any.
        """
        for names in things:
            if is_ours(self, names[0]):
                return f"{names[0]} is Snapback's own role, which no fix changes"
            if any(fits(glob, *names) or _open(glob, *names) for glob in self.never_touch):
                return f"{names[0]} is under `never_touch` in the settings"
        return ""

    def mode_of(self, rule: Rule, account: str, tags: Mapping[str, str]) -> Mode:
        """As configured; what the guardrail itself allows is `allowed`'s business."""
        chosen = self.guardrails.get(rule.id, UNSET)
        if isinstance(chosen, Modes):
            split = ((tag.partition("="), mode) for tag, mode in chosen.tags.items())
            by_tag = [(key, mode) for (key, _, value), mode in split if tags.get(key) == value]
            if trusted := [mode for key, mode in by_tag if key in self.trusted_tags]:
                return weakest(*trusted)
            chosen = chosen.accounts.get(account, chosen.mode)
            modes = self.mode if chosen is UNSET else chosen, *(mode for _, mode in by_tag)
            return max(modes, key=list(Mode).index)
        return self.mode if chosen is UNSET else chosen

    def allowed(self, guardrail: Guardrail[Resource], mode: Mode) -> Mode:
        """The mode after the guardrail's own limits: no fix, not reversible, opt-in, or settings in trouble."""
        if guardrail.fix is None or self.trouble or (guardrail.opt_in and guardrail.id not in self.guardrails):
            return weakest(mode, Mode.ALERT)
        return mode if guardrail.fix.reversible else weakest(mode, Mode.ASK)


def _open(glob: str, *names: str) -> bool:
    """Whether a name of which a part isn't known, as in `…:autoScalingGroup:*:autoScalingGroupName/web`, may be the one."""
    return any("*" in name and fnmatchcase(glob, name) for name in names)
