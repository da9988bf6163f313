"""What the operator decides: modes, exemptions, what is known, where to tell.

The structs are the format of the settings file; `adapters/settings.py` reads it.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.core.own import is_ours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.core.event import Actor
    from chalicelib.core.guardrail import Guardrail, Rule
    from chalicelib.core.resource import Resource

AccountId = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
ChannelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Secret = Annotated[str, Meta(pattern=r"^(ssm:/|secretsmanager:).+$")]
"""The name of a secret in Parameter Store or Secrets Manager, never the secret."""
SeverityName = Literal["low", "medium", "high", "critical"]
TagKey = Annotated[str, Meta(pattern=r"^(?![aA][wW][sS]:)[A-Za-z0-9 _.:/=+@-]{1,128}$")]


class Mode(StrEnum):
    """How far a guardrail may go, weakest first."""

    OFF = "off"
    ALERT = "alert"
    ASK = "ask"
    FIX = "fix"


class Modes(Struct, frozen=True, forbid_unknown_fields=True):
    """A guardrail's mode, by account and by tag (`key=value`); a tag beats an account, an account beats `mode`.

    Only the settings' `trusted_tags` weaken a mode: others are their author's to choose, who may be who made it unsafe.
    """

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


class Bucket(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bucket must have; what isn't said isn't asked for.

    `kms_key` is the key that new objects are encrypted with (an ARN, an id, an `alias/…`; "" is any KMS key), `logs_to`
    the bucket that its access logs go to, `keep_days` how long no lifecycle rule may delete its objects.
    """

    kms_key: str | None = None
    versioning: bool = False
    logs_to: str | None = None
    keep_days: Annotated[int, Meta(ge=1, le=36500)] | None = None


class Passwords(Struct, frozen=True, forbid_unknown_fields=True):
    """What the account's password policy must ask for at least; the defaults are CIS's.

    `reuse` is how many former passwords may not be used again, `max_days` how long one may be used.
    """

    length: Annotated[int, Meta(ge=6, le=128)] = 14
    reuse: Annotated[int, Meta(ge=0, le=24)] = 24
    max_days: Annotated[int, Meta(ge=1, le=1095)] | None = None
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """What the images of a release repository must be; what isn't said isn't asked for.

    `keys` are public keys and certificates, as PEM: one of them must have signed each image; a key does by cosign, a
    certificate by Notation, itself or by those that it issued. `profiles` are globs of AWS Signer's profiles, by ARN,
    whose signature counts too. `pushers` are ARN globs of who may push, `tags` globs of tags that none may have.
    """

    keys: tuple[Annotated[str, Meta(pattern=r"^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----")], ...] = ()
    profiles: tuple[Annotated[str, Meta(pattern=r"^arn:")], ...] = ()
    pushers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("latest",)

    def forbids(self, tag: str) -> bool:
        return any(fnmatchcase(tag, glob) for glob in self.tags)


class Scans(Struct, frozen=True, forbid_unknown_fields=True):
    """How many known vulnerabilities of each severity an image may have; null is any number.

    With `exploitable`, none for which an exploit is known, of whatever severity (enhanced scanning tells). `cves` are
    let be until the end of a day (UTC), by their ids, in instances and functions too.
    """

    critical: Annotated[int, Meta(ge=0)] | None = 0
    high: Annotated[int, Meta(ge=0)] | None = None
    medium: Annotated[int, Meta(ge=0)] | None = None
    low: Annotated[int, Meta(ge=0)] | None = None
    exploitable: bool = True
    cves: dict[str, date] = {}


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """The allowlists: what may be let in. An account's own self is always known.

    `vendors` are accounts of third parties, which get into roles only, and only with an external id; `principals` are
    ARN globs that may hold keys, admin rights and trusts; `admin_ports` the ports that must never face the internet;
    `trails` the audit trails that must exist, by name; `buckets` what buckets must have, by a glob of names, of
    which the first that fits counts. `key_days` is how old an access key may become, and `unused_days` how long a key
    or a password may lie unused; the defaults are CIS's.
    `passwords` is what the password policy must ask for; `boundaries` the permissions boundary that a user or role must
    have, by a glob of ARNs, of which the first that fits counts; `scps` what the protected organization policies must
    be attached to, by their ids; `production` the accounts in which nobody is to be administrator, all when none is
    named.
    `registries` are where images may come from, by host and path (globs), and any when none is named;
    `images_by_digest` has them named by digest; `kms_keys` are the keys to encrypt with, of which the first of the
    same account and region counts.
    `releases` are the release repositories and what their images must be, by a glob of names, of which the first that
    fits counts; `scans` how many vulnerabilities an image may have, and `quarantine` what is done to images that may
    not be pulled: archive them, or take their tags off.
    `public_subnets` are those in which instances may have public addresses; `image_owners` the accounts, besides ours,
    whose machine images may be started, or AWS's names for them (`amazon`, `aws-marketplace`); `flow_logs` where the
    flow logs go that a VPC must have, as the ARN of a bucket and a prefix.
    `deployers` are ARN globs of the users and roles that may put code in functions; any may while none is named.
    `required_tags` are the tags that resources must have, by a glob of CloudFormation types, of which the first that fits
    counts; each with what it is filled with where it lacks, once that is known: the `creator` (an ARN), the `session` (or
    the user's name) or the `time` of the call that made the resource. null is what only a person knows.
    `stack` is what Snapback itself is, by its CloudFormation ARN, and `published` where its settings are (`ssm:/…`,
    `appconfig:…`) if they change without a deploy: the deployment tells it (see `core.own`), and the file can't.
    """

    accounts: frozenset[AccountId] = frozenset()
    vendors: frozenset[AccountId] = frozenset()
    organizations: frozenset[Annotated[str, Meta(pattern=r"^o-[a-z0-9]{10,32}$")]] = frozenset()
    principals: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    prefix_lists: frozenset[Annotated[str, Meta(pattern=r"^pl-")]] = frozenset()
    registries: tuple[str, ...] = ()
    images_by_digest: bool = False
    kms_keys: tuple[Annotated[str, Meta(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$")], ...] = ()
    admin_ports: tuple[Annotated[int, Meta(ge=0, le=65535)], ...] = (
        *(20, 21, 22, 23, 135, 445, 1433, 1434, 1521, 2375, 2376, 2379, 3306, 3389, 5432, 5439, 5601, 5900),
        *(5985, 5986, 6379, 6443, 7000, 7001, 8020, 8086, 9042, 9092, 9200, 9300, 10250, 11211, 27017, 27018, 50070),
    )
    trails: dict[str, Trail] = {}
    buckets: dict[str, Bucket] = {}
    key_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    unused_days: Annotated[int, Meta(ge=1, le=3650)] = 45
    passwords: Passwords = Passwords()
    boundaries: dict[str, Annotated[str, Meta(pattern=r"^arn:[a-z-]+:iam::([0-9]{12}|aws|\*):policy/.+$")]] = {}
    scps: dict[Annotated[str, Meta(pattern=r"^p-[0-9a-zA-Z_]{8,128}$")], tuple[str, ...]] = {}
    production: frozenset[AccountId] = frozenset()
    releases: dict[str, Release] = {}
    scans: Scans = Scans()
    quarantine: Literal["archive", "untag"] = "archive"
    public_subnets: frozenset[Annotated[str, Meta(pattern=r"^subnet-[0-9a-z]+$")]] = frozenset()
    image_owners: frozenset[Annotated[str, Meta(pattern=r"^([0-9]{12}|amazon|aws-[a-z-]+)$")]] = frozenset({"amazon"})
    flow_logs: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$")] | None = None
    deployers: tuple[str, ...] = ()
    required_tags: dict[str, dict[TagKey, Literal["creator", "session", "time"] | None]] = {}
    stack: str = ""
    published: str = ""

    def principal(self, arn: str) -> bool:
        return any(fnmatchcase(arn, allowed) for allowed in self.principals)

    def deployer(self, *names: str | None) -> bool:
        """Whether somebody may put code in functions, by any of the names that they go by."""
        return not self.deployers or any(fnmatchcase(name, glob) for name in names if name for glob in self.deployers)

    def boundary(self, arn: str, account: str) -> str | None:
        """The boundary that this user or role must have; `*` for the account in the settings is its own."""
        found = next((policy for glob, policy in self.boundaries.items() if fnmatchcase(arn, glob)), None)
        return found and found.replace(":iam::*:", f":iam::{account}:")

    def kms_key(self, account: str, region: str) -> str | None:
        """The ARN of the key to encrypt with in this account and region."""
        return next((key for key in self.kms_keys if key.split(":")[3:5] == [region, account]), None)

    def release(self, repository: str) -> Release | None:
        """What the images of this repository must be; None when it is no release repository."""
        return next((needs for glob, needs in self.releases.items() if fnmatchcase(repository, glob)), None)

    def tags_of(self, type: str) -> Mapping[str, str | None]:
        """The tags that resources of a CloudFormation type must have, each with what it is filled with."""
        return next((tags for glob, tags in self.required_tags.items() if fnmatchcase(type, glob)), {})

    def bucket(self, name: str) -> Bucket:
        """What this bucket must have, by the first glob that fits; nothing where none does."""
        return next((needs for glob, needs in self.buckets.items() if fnmatchcase(name, glob)), _NOTHING)


_NOTHING = Bucket()


class _Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """What all channels have. Above `per_minute` messages they are summed up; `fallback` is another channel's name, told
    what this one has not taken in half an hour.
    """

    name: ChannelName
    per_minute: Annotated[int, Meta(ge=1, le=600)] = 20
    fallback: ChannelName | None = None


class SlackWebhook(_Channel, frozen=True, tag="slack"):
    """Slack, by an incoming webhook: it only tells."""

    url: Secret


class SlackApp(_Channel, frozen=True, tag="slack_app"):
    """Slack, by an app (docs/slack.md): its messages move on with their records, and have buttons.

    `token` is the bot's (`xoxb-…`), `conversation` the id of the Slack channel.
    """

    token: Secret
    conversation: Annotated[str, Meta(pattern=r"^[CG][A-Z0-9]{6,}$")]


class Teams(_Channel, frozen=True, tag="teams"):
    """Microsoft Teams, by a workflow "when a webhook request is received"."""

    url: Secret


class Apprise(_Channel, frozen=True, tag="apprise"):
    """What Apprise speaks to: Discord, Google Chat, PagerDuty, Opsgenie, e-mail …, by one of its URLs."""

    url: Secret


class Sns(_Channel, frozen=True, tag="sns"):
    topic: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")]


class Webhook(_Channel, frozen=True, tag="webhook"):
    """JSON to any address; signed as https://www.standardwebhooks.com says with a `secret` (`whsec_…`)."""

    url: Annotated[str, Meta(pattern=r"^(https?://|ssm:/|secretsmanager:).+$")]
    secret: Secret | None = None


Channel = SlackWebhook | SlackApp | Teams | Apprise | Sns | Webhook


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
    """Who is told directly as well, in Slack, by the app of the channel `via`; they are found by their e-mail addresses.

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

    It is asked again after `remind_hours` and each time as long, told to the channels `escalate_to` as well after
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


class Outward(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. With `trouble`, it could not be read: everything is told, nothing is fixed."""

    mode: Mode = Mode.ALERT
    accounts: frozenset[AccountId] = frozenset()
    guardrails: dict[str, Mode | Modes] = {}
    trusted_tags: frozenset[TagKey] = frozenset()
    """Keys of tags that may weaken a mode: who changes resources must not be able to set these."""
    exemptions: tuple[Exemption, ...] = ()
    known: Known = Known()
    regions: frozenset[Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]] = frozenset()
    """The regions to look after, besides the one that Snapback runs in."""
    channels: tuple[Channel, ...] = ()
    routes: tuple[Route, ...] = ()
    direct: Direct | None = None
    quiet: Quiet | None = None
    flood: Flood = Flood()
    asking: Asking = Asking()
    clicks: Clicks = Clicks()
    outward: Outward = Outward()
    approvers: tuple[Approver, ...] = ()
    four_eyes: bool = True
    """Whether nobody may decide about their own change."""
    limits: Limits = Limits()
    never_touch: tuple[str, ...] = ()
    """ARN globs of what no fix may change; it is told only."""
    grace: dict[str, Annotated[int, Meta(ge=0, le=1440)]] = {}
    """Minutes by guardrail (a glob; the first that fits), for those that wait for pipelines."""
    undo_exemption_days: Annotated[int, Meta(ge=1, le=365)] = 7
    trouble: str = ""

    def needs_tags(self, guardrail: str) -> bool:
        chosen = self.guardrails.get(guardrail)
        return isinstance(chosen, Modes) and bool(chosen.tags)

    def on(self, rule: Rule, account: str) -> bool:
        """Whether it may be asked at all; where its mode depends on tags, those tell."""
        return self.needs_tags(rule.id) or self.mode_of(rule, account, {}) is not Mode.OFF

    @property
    def told_tags(self) -> frozenset[str]:
        """Keys of the tags by which it is decided whom to tell."""
        direct = self.direct.tags if self.direct else ()
        return frozenset({*(key for route in self.routes for key in route.tags), *direct})

    def grace_of(self, guardrail: Guardrail[Any]) -> timedelta:
        """How long after an event this guardrail waits until it believes that it stays so."""
        if not guardrail.grace:
            return guardrail.grace
        minutes = next((minutes for glob, minutes in self.grace.items() if fnmatchcase(guardrail.id, glob)), None)
        return guardrail.grace if minutes is None else timedelta(minutes=minutes)

    def never(self, resource: Resource, *touched: str) -> bool:
        """Whether nobody may change it, not even with an approval: it is named, or Snapback's own role.

        `touched` are the ARNs of what else would be changed.
        """
        arns = (resource.arn, *touched)
        ours = any(is_ours(self.known, arn) for arn in arns)
        return ours or any(fnmatchcase(arn, glob) for arn in arns for glob in self.never_touch)

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


def weakest(*modes: Mode) -> Mode:
    return min(modes, key=list(Mode).index)
