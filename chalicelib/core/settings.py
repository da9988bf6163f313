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
    """A guardrail's mode, by account and by tag (`key=value`). A tag overrides an account, an account overrides `mode`.

    Only `trusted_tags` can weaken a mode, because whoever made a resource unsafe may have set its other tags.
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
        """`names` are all ARN forms of the resource."""
        return (
            now.date() <= self.expires
            and fnmatchcase(guardrail, self.guardrail)
            and fits(self.resource, *names)
            and fits(self.actor, actor.principal)
        )


class _Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Keys of every channel. Above `per_minute` messages, the rest arrive as a summary. `fallback` names another channel, which
    gets a message if this channel doesn't accept it within half an hour.
    """

    name: ChannelName
    per_minute: Annotated[int, Meta(ge=1, le=600)] = 20
    fallback: ChannelName | None = None


class SlackSettings(_Channel, frozen=True, tag="slack"):
    """Slack, by an incoming webhook: messages only, no buttons."""

    url: Secret


class SlackAppSettings(_Channel, frozen=True, tag="slack_app"):
    """Slack, by an app (docs/slack.md): messages have buttons and change with their records.

    `token` is the bot's token (`xoxb-…`), `conversation` the id of the Slack channel.
    """

    token: Secret
    conversation: Annotated[str, Meta(pattern=r"^[CG][A-Z0-9]{6,}$")]


class TeamsSettings(_Channel, frozen=True, tag="teams"):
    """Microsoft Teams, by a workflow "when a webhook request is received"."""

    url: Secret


class AppriseSettings(_Channel, frozen=True, tag="apprise"):
    """Any service that Apprise supports (Discord, Google Chat, PagerDuty, Opsgenie, e-mail …), by its Apprise URL."""

    url: Secret


class SnsSettings(_Channel, frozen=True, tag="sns"):
    topic: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")]


class WebhookSettings(_Channel, frozen=True, tag="webhook"):
    """JSON to any URL. With a `secret` (`whsec_…`), signed as https://www.standardwebhooks.com defines."""

    url: Annotated[str, Meta(pattern=r"^(https?://|ssm:/|secretsmanager:).+$")]
    secret: Secret | None = None


Channel = SlackSettings | SlackAppSettings | TeamsSettings | AppriseSettings | SnsSettings | WebhookSettings


class Route(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The channels for findings that match every condition: a guardrail glob, accounts, severities (empty means all), and
    globs of tag values, by tag key.

    The first matching route wins. If no route matches, a finding goes to all channels.
    """

    channels: tuple[ChannelName, ...]
    guardrail: str = "*"
    accounts: frozenset[AccountId] = frozenset()
    severities: frozenset[SeverityName] = frozenset()
    tags: dict[TagKey, str] = {}


class Direct(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """People who also get a direct message in Slack, from the app of the channel `via`, which finds them by e-mail address.

    With `actor`, the person who made the change gets one, if the session's name is an e-mail address, as in IAM Identity
    Center. `tags` are tag keys, such as `owner`, whose values are addresses, or names to which the first of `domains` is
    added. Snapback never looks up addresses of other domains.
    """

    via: ChannelName
    domains: Annotated[tuple[Annotated[str, Meta(pattern=r"^[a-z0-9.-]+\.[a-z]{2,}$")], ...], Meta(min_length=1)]
    actor: bool = True
    tags: tuple[TagKey, ...] = ()


class Quiet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours (from `start` to `end`, as `22:00`) in which findings of these severities wait. At the end, they arrive in one digest."""

    start: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    end: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    zone: str = "UTC"
    severities: frozenset[SeverityName] = frozenset({"low", "medium"})


class Flood(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Above `messages` about one guardrail in one account within `minutes`, the rest arrive as one summary."""

    messages: Annotated[int, Meta(ge=1, le=1000)] = 5
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 10


class Asking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens to a question (mode `ask`) that nobody answers.

    Snapback reminds every `remind_hours`, also sends the question to the channels `escalate_to` after `escalate_hours`, and
    closes the question without a change after `expire_hours`.
    """

    remind_hours: Annotated[int, Meta(ge=1, le=720)] = 4
    escalate_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    expire_hours: Annotated[int, Meta(ge=1, le=2160)] = 72
    escalate_to: tuple[ChannelName, ...] = ()


class Clicks(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Secrets used to verify clicks: Slack's signing secret, and the key of the action page's links (32 bytes or more).
    Without a secret, its buttons or links are off.
    """

    slack_signing_secret: Secret | None = None
    page_key: Secret | None = None


class Exports(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Other tools that get findings: Security Hub (as ASFF), an EventBridge bus (its name or ARN), and an S3 bucket (as OCSF,
    in the layout of Security Lake).
    """

    security_hub: bool = False
    bus: Annotated[str, Meta(min_length=1)] | None = None
    ocsf: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$")] | None = None


class Approver(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may approve, undo and exempt with a click: a glob of ids such as `slack:U012AB3CD`, or of e-mail addresses.

    Limit an approver to guardrails (a glob), accounts and severities. Empty means all.
    """

    who: Annotated[str, Meta(min_length=3)]
    guardrail: str = "*"
    accounts: frozenset[AccountId] = frozenset()
    severities: frozenset[SeverityName] = frozenset()


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on fixes.

    After `fights` fixes of one guardrail on one resource within `fight_minutes`, Snapback stops and reports who is fighting.
    Above `fixes_per_minute` of one guardrail in one account, Snapback asks instead of fixing.
    """

    fights: Annotated[int, Meta(ge=1, le=20)] = 3
    fight_minutes: Annotated[int, Meta(ge=1, le=1440)] = 60
    fixes_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 20


class Settings(Baseline, frozen=True, forbid_unknown_fields=True):
    """The top-level keys of `snapback.yaml`."""

    mode: Mode = Mode.ALERT
    """The mode of every guardrail that `guardrails` doesn't list."""
    accounts: frozenset[AccountId] = frozenset()
    """Accounts to cover, besides Snapback's own account. Snapback refuses events of other accounts."""
    account_names: dict[AccountId, Annotated[str, Meta(pattern=r"^.{1,50}$")]] = {}
    """Names of accounts, shown beside their numbers."""
    organization_role: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")] | None = None
    """A role that may call `organizations:ListAccounts`. The command line then adds Organizations' names to `account_names`, as do `snapback deploy` and `settings publish` for the functions."""
    guardrails: dict[str, Mode | Modes] = {}
    """Modes by a guardrail's id. A tag overrides an account, an account overrides `mode`."""
    trusted_tags: frozenset[TagKey] = frozenset()
    """Tag keys that may weaken a mode. Anyone who can set these tags can exempt their own changes: restrict who can with an SCP."""
    exemptions: tuple[Exemption, ...] = ()
    """Findings to ignore through a given day (UTC)."""
    regions: frozenset[RegionName] = frozenset()
    """Regions to cover, besides Snapback's own region."""
    channels: tuple[Channel, ...] = ()
    """Where messages go."""
    routes: tuple[Route, ...] = ()
    """Which channels get a finding: those of the first route whose conditions all match; if none matches, all channels."""
    guardrail_pages: Annotated[str, Meta(pattern=r"^https://[!-;=?-~]+$")] | None = None
    """Where you publish docs/guardrails, as an https:// URL. Messages then link the page of their guardrail."""
    direct: Direct | None = None
    """Who also gets a direct message in Slack."""
    quiet: Quiet | None = None
    """Hours in which findings of some severities wait. At the end, they arrive in one digest."""
    flood: Flood = Flood()
    """Above how many messages the rest arrive as one summary."""
    asking: Asking = Asking()
    """When Snapback reminds people of a question, escalates it and closes it."""
    clicks: Clicks = Clicks()
    """Secrets used to verify clicks. Without them, buttons and links are off."""
    exports: Exports = Exports()
    """Other tools that get findings."""
    approvers: tuple[Approver, ...] = ()
    """Who may approve, undo and exempt with a click."""
    four_eyes: bool = True
    """If true, nobody may decide about their own change."""
    limits: Limits = Limits()
    """How many fixes Snapback makes before it asks or stops."""
    never_touch: tuple[str, ...] = ()
    """ARN globs of resources that no fix may change, even with an approval; findings are only reported. IAM ARNs match with or without the path."""
    grace: dict[str, Annotated[int, Meta(ge=0, le=1440)]] = {}
    """How many minutes a guardrail waits for a pipeline, by guardrail glob; the first match wins."""
    second_look: bool = True
    """Whether to evaluate a resource again after a minute, if its service is eventually consistent and the resource was safe or missing within ten seconds after the change."""
    undo_exemption_days: Annotated[int, Meta(ge=1, le=365)] = 7
    """For how many days an undo exempts the resource."""
    trouble: str = ""
    """Why the file could not be read: then everything is reported, and nothing is fixed."""

    def needs_tags(self, guardrail: str) -> bool:
        chosen = self.guardrails.get(guardrail)
        return isinstance(chosen, Modes) and bool(chosen.tags)

    def on(self, rule: Rule, account: str) -> bool:
        """Whether the rule may be evaluated at all. If its mode depends on tags, the answer is yes."""
        return self.needs_tags(rule.id) or self.mode_of(rule, account, {}) is not Mode.OFF

    @property
    def recorded_tags(self) -> frozenset[str]:
        """Tag keys that routes and direct messages read."""
        direct = self.direct.tags if self.direct else ()
        return frozenset({*(key for route in self.routes for key in route.tags), *direct})

    def account_name(self, account: str) -> str:
        """An account's name, for beside its number; empty if the settings have none."""
        return self.account_names.get(account, "")

    def grace_of(self, guardrail: Guardrail[Any]) -> timedelta:
        """How long this guardrail waits after an event before it reports."""
        if not guardrail.grace:
            return guardrail.grace
        minutes = next((minutes for glob, minutes in self.grace.items() if fnmatchcase(guardrail.id, glob)), None)
        return guardrail.grace if minutes is None else timedelta(minutes=minutes)

    def exemption(self, guardrail: str, names: Sequence[str], actor: Actor, now: datetime) -> Exemption | None:
        """The first exemption that covers a finding; `names` are all ARN forms of the resource."""
        return next((each for each in self.exemptions if each.covers(guardrail, names, actor, now)), None)

    def never(self, *things: Sequence[str]) -> str:
        """Why no fix may change one of these things, even with an approval; empty if a fix may.

        Each thing is given by all its ARN forms, AWS's own first, which identifies Snapback's own roles. An unknown part
        of an ARN is `*` and matches anything.
        """
        for names in things:
            if is_ours(self, names[0]):
                return f"{names[0]} is Snapback's own role, which no fix changes"
            if any(fits(glob, *names) or _open(glob, *names) for glob in self.never_touch):
                return f"{names[0]} is under `never_touch` in the settings"
        return ""

    def mode_of(self, rule: Rule, account: str, tags: Mapping[str, str]) -> Mode:
        """The configured mode; `allowed` applies the guardrail's own limits."""
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
    """Whether a name with an unknown part, as in `…:autoScalingGroup:*:autoScalingGroupName/web`, may match."""
    return any("*" in name and fnmatchcase(glob, name) for name in names)
