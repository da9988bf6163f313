"""What the operator allows and what resources must have: the part of the settings that guardrails read."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it from the annotation
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from chalicelib.core.arns import fits
from chalicelib.core.partitions import root_arns

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

AccountId = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
TagKey = Annotated[str, Meta(pattern=r"^(?![aA][wW][sS]:)[A-Za-z0-9 _.:/=+@-]{1,128}$")]


class RequiredTrail(Struct, frozen=True, forbid_unknown_fields=True):
    """How a deleted trail is made again."""

    bucket: str
    prefix: str | None = None
    kms_key: str | None = None
    organization: bool = False


class RequiredBucket(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bucket must have; what isn't said isn't asked for.

    `kms_key` is the key that new objects are encrypted with (an ARN, an id, an `alias/…`; "" is any KMS key), `logs_to`
    the bucket that its access logs go to, `keep_days` how long no lifecycle rule may delete its objects.
    """

    kms_key: Annotated[str, Meta(min_length=0)] | None = None
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
    exempt until the end of a day (UTC), by their ids, in instances and functions too.
    """

    critical: Annotated[int, Meta(ge=0)] | None = 0
    high: Annotated[int, Meta(ge=0)] | None = None
    medium: Annotated[int, Meta(ge=0)] | None = None
    low: Annotated[int, Meta(ge=0)] | None = None
    exploitable: bool = True
    cves: dict[str, date] = {}


class Allow(Struct, frozen=True, forbid_unknown_fields=True):
    """The allowlists: who and what may be let in. An account is always allowed in its own resources."""

    accounts: frozenset[AccountId] = frozenset()
    """Your accounts, and partners' accounts that may be let in."""
    vendors: frozenset[AccountId] = frozenset()
    """Accounts of third parties: they may assume roles only, and only with an external id."""
    organizations: frozenset[Annotated[str, Meta(pattern=r"^o-[a-z0-9]{10,32}$")]] = frozenset()
    """Organizations that may be let in."""
    principals: tuple[str, ...] = ()
    """ARN globs of who may hold access keys, administrator rights and trusts."""
    cidrs: tuple[str, ...] = ()
    """Address ranges that may be let in on any port."""
    prefix_lists: frozenset[Annotated[str, Meta(pattern=r"^pl-")]] = frozenset()
    """Managed prefix lists that may be let in on any port."""
    registries: tuple[str, ...] = ()
    """Where container images may come from, by host and path (globs); any registry while none is named."""
    public_subnets: frozenset[Annotated[str, Meta(pattern=r"^subnet-[0-9a-z]+$")]] = frozenset()
    """Subnets in which instances may have public addresses."""
    image_owners: frozenset[Annotated[str, Meta(pattern=r"^([0-9]{12}|amazon|aws-[a-z-]+)$")]] = frozenset({"amazon"})
    """Accounts, besides yours, whose machine images may be started, or AWS's names for them (`aws-marketplace`)."""
    deployers: tuple[str, ...] = ()
    """ARN globs of the users and roles that may put code in functions; any may while none is named."""


class Require(Struct, frozen=True, forbid_unknown_fields=True):
    """What resources must have. What is not named here is not required."""

    images_by_digest: bool = False
    """Whether tasks and functions must name their images by digest."""
    kms_keys: tuple[Annotated[str, Meta(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$")], ...] = ()
    """The keys to encrypt with; the first of the same account and region counts."""
    admin_ports: tuple[Annotated[int, Meta(ge=0, le=65535)], ...] = (
        20,  # FTP data
        21,  # FTP
        22,  # SSH
        23,  # Telnet
        135,  # Windows RPC
        445,  # SMB
        1433,  # SQL Server
        1434,  # SQL Server Browser
        1521,  # Oracle
        2375,  # Docker
        2376,  # Docker, TLS
        2379,  # etcd
        3306,  # MySQL
        3389,  # RDP
        5432,  # PostgreSQL
        5439,  # Redshift
        5601,  # Kibana
        5900,  # VNC
        5985,  # WinRM
        5986,  # WinRM, TLS
        6379,  # Redis
        6443,  # Kubernetes API
        7000,  # Cassandra, between nodes
        7001,  # Cassandra, between nodes, TLS
        8020,  # HDFS
        8086,  # InfluxDB
        9042,  # Cassandra
        9092,  # Kafka
        9200,  # Elasticsearch
        9300,  # Elasticsearch, between nodes
        10250,  # kubelet
        11211,  # memcached
        27017,  # MongoDB
        27018,  # MongoDB, shards
        50070,  # HDFS web page
    )
    """Ports that must never face the internet."""
    trails: dict[str, RequiredTrail] = {}
    """The audit trails that must exist, by name."""
    buckets: dict[str, RequiredBucket] = {}
    """What buckets must have, by a glob of names; the first that fits counts."""
    key_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    """How many days old an access key may become; the default is CIS's."""
    unused_days: Annotated[int, Meta(ge=1, le=3650)] = 45
    """How many days a key or a password may lie unused; the default is CIS's."""
    passwords: Passwords = Passwords()
    """What an account's password policy must ask for."""
    boundaries: dict[str, Annotated[str, Meta(pattern=r"^arn:[a-z-]+:iam::([0-9]{12}|aws|\*):policy/.+$")]] = {}
    """The permissions boundary that users and roles must have, by a glob of ARNs; the first that fits counts."""
    scps: dict[Annotated[str, Meta(pattern=r"^p-[0-9a-zA-Z_]{8,128}$")], tuple[str, ...]] = {}
    """What protected organization policies must be attached to, by the policies' ids."""
    releases: dict[str, Release] = {}
    """The release repositories and what their images must be, by a glob of names; the first that fits counts."""
    scans: Scans = Scans()
    """How many known vulnerabilities an image may have."""
    flow_logs: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$")] | None = None
    """Where the flow logs of each VPC must go, as the ARN of a bucket and a prefix."""
    required_tags: dict[str, dict[TagKey, Literal["creator", "session", "time"] | None]] = {}
    """The tags that resources must have, by a glob of CloudFormation types; the first that fits counts. Each names what
    fills it where it is missing, from the call that made the resource: the `creator` (an ARN), the `session` (or the
    user's name) or the `time`. null is what only a person knows."""


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """What guardrails hold resources against: a part of the settings, and what the deployment tells of itself."""

    allow: Allow = Allow()
    """Who and what may be let in."""
    require: Require = Require()
    """What resources must have."""
    production: frozenset[AccountId] = frozenset()
    """Accounts in which nobody is to be administrator; all accounts when none is named."""
    quarantine: Literal["archive", "untag"] = "archive"
    """What is done to images that may not be pulled: archive them, or take their tags off."""
    stack: str = ""
    """What Snapback itself is, by its CloudFormation ARN. The deployment tells it; the file can't."""
    published: str = ""
    """Where the settings are (`ssm:/…`, `appconfig:…`) if they change without a deploy. The deployment tells it."""

    def principal(self, name: str) -> bool:
        """Whether a principal is let in, by AWS's own ARN or, of a whole account, by its id.

        A path counts: who may only make roles under `/dev/` must not reach what `role/admin-*` lets in.
        """
        arns = root_arns(name) if name.isdigit() else (name,)
        return any(fits(allowed, *arns) for allowed in self.allow.principals)

    def deployer(self, *names: str | None) -> bool:
        """Whether somebody may put code in functions, by any of the names that they go by."""
        globs = self.allow.deployers
        return not globs or any(fits(glob, *filter(None, names)) for glob in globs)

    def boundary(self, arn: str, account: str) -> str | None:
        """The boundary that this user or role must have; `*` for the account in the settings is its own."""
        found = _first(self.require.boundaries, arn)
        return found and found.replace(":iam::*:", f":iam::{account}:")

    def kms_key(self, account: str, region: str) -> str | None:
        """The ARN of the key to encrypt with in this account and region."""
        return next((key for key in self.require.kms_keys if key.split(":")[3:5] == [region, account]), None)

    def release(self, repository: str) -> Release | None:
        """What the images of this repository must be; None when it is no release repository."""
        return _first(self.require.releases, repository)

    def tags_of(self, type: str) -> Mapping[str, str | None]:
        """The tags that resources of a CloudFormation type must have, each with what it is filled with."""
        return _first(self.require.required_tags, type) or {}

    def bucket(self, name: str) -> RequiredBucket:
        """What this bucket must have; nothing where no glob fits."""
        return _first(self.require.buckets, name) or RequiredBucket()


def _first(by_glob: Mapping[str, T], name: str) -> T | None:
    return next((value for glob, value in by_glob.items() if fits(glob, name)), None)
