"""What EventBridge delivers, read without trusting its shape.

Only `detail.eventSource`, `eventName` and the few fields that name a resource are ever used, and each may be
missing, null or of another type: `dig`, `text` and `rows` answer None or nothing instead of raising.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

from chalicelib.core.errors import EventRejected
from chalicelib.core.partitions import REGION, is_of_aws

JSON = Any
_ACCOUNT = re.compile(r"[0-9]{12}")
_AWS = re.compile(r"aws\.[A-Za-z0-9._-]+")
"""Sources that PutEvents refuses to everyone but AWS; without a slash, since `aws.partner/…` is a partner's to fill."""
DATED = re.compile(r"(\d{8}|\d{4}_\d{2}_\d{2})(v\d+)?$")
"""Lambda and CloudFront write the API's date behind a call's name: `AddPermission20150331v2`."""
_LONE = re.compile("[\ud800-\udfff]")
_OF_IDENTITY_CENTER = re.compile(r"arn:[a-z-]+:iam::\d+:role/aws-reserved/sso\.amazonaws\.com/")
"""By the path, which AWS keeps for itself: anybody may name a role `AWSReservedSSO_…`."""
_TOOLS = (
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("pulumi", "Pulumi"),
    ("cloudformation.amazonaws.com", "CloudFormation"),
    ("aws-cdk", "AWS CDK"),
    ("console.amazonaws.com", "AWS console"),
    ("signin.amazonaws.com", "AWS console"),
    ("aws internal", "AWS console"),
    ("mozilla", "a browser"),
    ("aws-cli", "AWS CLI"),
    ("boto3", "boto3"),
    ("botocore", "botocore"),
    ("aws-sdk-", "an AWS SDK"),
)


def dig(value: JSON, *path: str) -> JSON:
    """The value at a path of keys, or None as soon as something on the way is no mapping."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: JSON, *path: str) -> str | None:
    r"""The non-empty string at a path; a list of one string counts (old S3 records write `host` so).

    Half a character, as JSON's `"\ud800"` is, can't be sent to AWS or stored: such a string is none.
    """
    found = dig(value, *path)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, str) or not found:
        return None
    return found if found.isascii() or not _LONE.search(found) else None


def rows(value: JSON, *path: str) -> list[JSON]:
    """The members of a list, of CloudTrail's `{"items": [...]}`, or of a lone value; never None."""
    found = dig(value, *path)
    if isinstance(found, Mapping) and "items" in found:
        found = found["items"]
    if isinstance(found, list):
        return found
    return [] if found in (None, "", {}) else [found]


def parse_time(value: JSON) -> datetime | None:
    """An ISO 8601 time as an aware datetime in UTC, or None; also for the first year and the last, to which nothing can be added."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: in UTC the year would be 0 or 10000.
        return None
    return moment if MINYEAR < moment.year < MAXYEAR else None


_NOBODYS = frozenset({"Root", "AWSService", "Unknown"})
"""Kinds of identity that name no person: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html."""


def folded_name(name: str) -> str:
    """Equal for `Alice@example.com` and `alice`."""
    return name.partition("@")[0].lower()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made the change. Its texts come from AWS, so the caller may have chosen them.

    `principal` is an ARN, or the kind of identity where there is none; `tool` a guess from the user agent;
    `via` the AWS service that called for them.
    """

    kind: str
    principal: str
    account: str
    session: str = ""
    source_ip: str = ""
    user_agent: str = ""
    tool: str = ""
    via: str = ""
    key: str = ""
    """The id of the access key that signed the call."""
    source_identity: str = ""
    """Who it is, whatever roles they took on: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html."""
    issuer: str = ""
    """The ARN, with its path, of what a session was got with: a role, or the user who asked for a federation token."""

    @property
    def people(self) -> dict[str, bool]:
        """The names of whoever it may have been, each with whether it counts as theirs: anybody may name a session as they like.

        AWS vouches for IAM users' names, whoever they say that they sign in for, and for those of IAM Identity Center's
        sessions. A source identity counts as long as the session's name doesn't name somebody else: who may set it is
        for the role's trust policy to say.
        """
        session = "" if self.kind in _NOBODYS else self.session or self.name.rpartition("/")[2]
        vouched = self.kind == "IAMUser" or bool(_OF_IDENTITY_CENTER.match(self.issuer))
        agree = not session or folded_name(session) == folded_name(self.source_identity)
        user = self.issuer.rpartition("/")[2] if ":user/" in self.issuer else ""
        found = {self.source_identity: agree, session: vouched or agree, user: True}
        return {name: sure for name, sure in found.items() if name}

    @property
    def name(self) -> str:
        """The shortest thing that tells a person who it was: `role/session`, `user`, `root`."""
        if self.kind == "Root":
            return "root"
        return self.principal.rsplit(":", 1)[-1].removeprefix("assumed-role/").removeprefix("user/") or self.kind

    @classmethod
    def of(cls, detail: JSON, account: str) -> Actor:
        """Read from `userIdentity`; shapes differ by its `type`, which may itself be missing."""
        who = dig(detail, "userIdentity")
        agent = text(detail, "userAgent") or ""
        address = text(detail, "sourceIPAddress") or ""
        via = text(who, "invokedBy") or (address if is_of_aws(address) else "")
        folded = f"{agent} {via}".lower()
        tool = next((name for mark, name in _TOOLS if mark in folded), agent.split(" ")[0][:40])
        issuer = text(who, "sessionContext", "sessionIssuer", "arn") or ""
        principal = text(who, "arn") or issuer
        kind = text(who, "type") or ("AWSService" if via else "Unknown")
        return cls(
            kind=kind,
            principal=principal
            or text(who, "principalId")
            or text(who, "userName")
            or text(who, "onBehalfOf", "userId")
            or via
            or kind,
            account=text(who, "accountId") or account,
            session=principal.rsplit("/", 1)[-1] if principal and ":assumed-role/" in principal else "",
            source_ip=address,
            user_agent=agent,
            tool=tool,
            via=via,
            key=text(who, "accessKeyId") or "",
            source_identity=text(who, "sessionContext", "sourceIdentity") or "",
            issuer=issuer,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One EventBridge envelope; `name` is the CloudTrail eventName or the native event's detail-type.

    `id` is CloudTrail's eventID where there is one: EventBridge may deliver the same one in two envelopes.
    """

    raw: Mapping[str, Any]
    id: str
    account: str
    region: str
    time: datetime
    source: str
    name: str
    detail: Mapping[str, Any]
    actor: Actor

    @classmethod
    def parse(cls, envelope: JSON) -> Event:
        """Raises EventRejected when it names no account, contradicts itself, or isn't from AWS."""
        detail = dig(envelope, "detail")
        if not isinstance(detail, Mapping):
            raise EventRejected("detail is no object")
        account, region = text(envelope, "account"), text(envelope, "region")
        if account is None or not _ACCOUNT.fullmatch(account):
            raise EventRejected("account is not 12 digits")
        recipient = detail.get("recipientAccountId")
        if recipient not in (None, account):
            raise EventRejected("detail.recipientAccountId is another account than the envelope's")
        source = text(envelope, "source") or ""
        if not _AWS.fullmatch(source):
            raise EventRejected("source is not AWS")
        region = text(detail, "awsRegion") or region
        moment = parse_time(detail.get("eventTime")) or parse_time(dig(envelope, "time"))
        identity = text(detail, "eventID") or text(envelope, "id")
        if not region or moment is None or identity is None:
            raise EventRejected("region, time or id is missing")
        if not REGION.fullmatch(region):
            raise EventRejected("region isn't an AWS region")
        return cls(
            raw=envelope,
            id=identity,
            account=account,
            region=region,
            time=moment,
            source=text(detail, "eventSource") or source,
            name=text(detail, "eventName") or text(envelope, "detail-type") or "",
            detail=detail,
            actor=Actor.of(detail, account),
        )

    @property
    def actor_arns(self) -> tuple[str, ...]:
        """Who called, as the settings may name them: the principal, and the role that its session is of."""
        return tuple(filter(None, (self.actor.principal, self.actor.issuer)))

    @property
    def call(self) -> str:
        """The name without the date that some services write behind it: `AddPermission`."""
        return DATED.sub("", self.name)

    def text(self, *path: str) -> str | None:
        """A string in `detail.requestParameters`."""
        return text(self.detail, "requestParameters", *path)

    def answered(self, *path: str) -> str | None:
        """A string in `detail.responseElements`."""
        return text(self.detail, "responseElements", *path)

    def names(self, *keys: str) -> Iterator[str]:
        """The first string among some keys of requestParameters, as none or one value."""
        found = next((value for key in keys if (value := self.text(key))), None)
        if found:
            yield found
