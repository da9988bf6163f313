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
    """How to create a deleted trail again."""

    bucket: str
    prefix: str | None = None
    kms_key: str | None = None
    organization: bool = False


class RequiredBucket(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bucket must have. Keys that you leave out aren't checked.

    `kms_key` encrypts new objects (an ARN, an id or an `alias/…`; "" means any KMS key). `logs_to` is the bucket for access
    logs. For `keep_days` days, no lifecycle rule may delete an object.
    """

    kms_key: Annotated[str, Meta(min_length=0)] | None = None
    versioning: bool = False
    logs_to: str | None = None
    keep_days: Annotated[int, Meta(ge=1, le=36500)] | None = None


class Passwords(Struct, frozen=True, forbid_unknown_fields=True):
    """The minimum for the account's password policy. The defaults are from CIS.

    `reuse` is how many former passwords can't be used again, `max_days` the longest lifetime of a password.
    """

    length: Annotated[int, Meta(ge=6, le=128)] = 14
    reuse: Annotated[int, Meta(ge=0, le=24)] = 24
    max_days: Annotated[int, Meta(ge=1, le=1095)] | None = None
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """What the images of a release repository must have. Keys that you leave out aren't checked.

    `keys` are public keys and certificates in PEM; one of them must have signed each image. A public key verifies a cosign
    signature. A certificate verifies a Notation signature by itself or by a certificate that it issued. `profiles` are ARN
    globs of AWS Signer profiles whose signatures also count. `pushers` are ARN globs of principals that may push. `tags` are
    globs of tags that no image may have.
    """

    keys: tuple[Annotated[str, Meta(pattern=r"^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----")], ...] = ()
    profiles: tuple[Annotated[str, Meta(pattern=r"^arn:")], ...] = ()
    pushers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("latest",)

    def forbids(self, tag: str) -> bool:
        return any(fnmatchcase(tag, glob) for glob in self.tags)


class Scans(Struct, frozen=True, forbid_unknown_fields=True):
    """How many known vulnerabilities of each severity an image may have; null means any number.

    With `exploitable`, an image may have none with a known exploit, of any severity (needs enhanced scanning). `cves` are ids
    to ignore through the given day (UTC), in instances and functions too.
    """

    critical: Annotated[int, Meta(ge=0)] | None = 0
    high: Annotated[int, Meta(ge=0)] | None = None
    medium: Annotated[int, Meta(ge=0)] | None = None
    low: Annotated[int, Meta(ge=0)] | None = None
    exploitable: bool = True
    cves: dict[str, date] = {}


class Allow(Struct, frozen=True, forbid_unknown_fields=True):
    """Allowlists: who and what may have access. An account always has access to its own resources."""

    accounts: frozenset[AccountId] = frozenset()
    """Your accounts, and partners' accounts that may have access."""
    vendors: frozenset[AccountId] = frozenset()
    """Third parties' accounts: they may only assume roles, with an external id."""
    organizations: frozenset[Annotated[str, Meta(pattern=r"^o-[a-z0-9]{10,32}$")]] = frozenset()
    """Organizations whose accounts may have access."""
    principals: tuple[str, ...] = ()
    """ARN globs of principals that may have access keys, administrator permissions and role trusts."""
    cidrs: tuple[str, ...] = ()
    """Address ranges that may have access to any port."""
    prefix_lists: frozenset[Annotated[str, Meta(pattern=r"^pl-")]] = frozenset()
    """Managed prefix lists that may have access to any port."""
    registries: tuple[str, ...] = ()
    """Registries that container images may come from, as globs of host and path. Empty means any registry."""
    public_subnets: frozenset[Annotated[str, Meta(pattern=r"^subnet-[0-9a-z]+$")]] = frozenset()
    """Subnets in which instances may have public addresses."""
    image_owners: frozenset[Annotated[str, Meta(pattern=r"^([0-9]{12}|amazon|aws-[a-z-]+)$")]] = frozenset({"amazon"})
    """Accounts, besides yours, whose machine images may start, or AWS's aliases for them (`aws-marketplace`)."""
    deployers: tuple[str, ...] = ()
    """ARN globs of users and roles that may deploy function code; empty means anyone. What they change in monitoring is not
    reported."""


Detection = Literal["config", "guardduty", "securityhub"]
"""AWS services that watch an account, by the names of their IAM actions."""


class Require(Struct, frozen=True, forbid_unknown_fields=True):
    """What resources must have. Keys that you leave out aren't required."""

    images_by_digest: bool = False
    """Whether tasks and functions must name their images by digest."""
    kms_keys: tuple[Annotated[str, Meta(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$")], ...] = ()
    """Keys to encrypt with; Snapback uses the first key of the same account and region."""
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
    """Audit trails that must exist, by name."""
    buckets: dict[str, RequiredBucket] = {}
    """What buckets must have, by a glob of names; the first match wins."""
    key_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    """Maximum age of an access key in days. The default is from CIS."""
    unused_days: Annotated[int, Meta(ge=1, le=3650)] = 45
    """How many days an access key or a password may stay unused. The default is from CIS."""
    passwords: Passwords = Passwords()
    """Minimum for an account's password policy."""
    boundaries: dict[str, Annotated[str, Meta(pattern=r"^arn:[a-z-]+:iam::([0-9]{12}|aws|\*):policy/.+$")]] = {}
    """The permissions boundary that users and roles must have, by a glob of ARNs; the first match wins."""
    scps: dict[Annotated[str, Meta(pattern=r"^p-[0-9a-zA-Z_]{8,128}$")], tuple[str, ...]] = {}
    """The targets that protected service control policies must be attached to, by policy id."""
    releases: dict[str, Release] = {}
    """Release repositories and what their images must have, by a glob of names; the first match wins."""
    scans: Scans = Scans()
    """How many known vulnerabilities an image may have."""
    flow_logs: Annotated[str, Meta(pattern=r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$")] | None = None
    """Where each VPC's flow logs must go: a bucket's ARN and a prefix."""
    detection: frozenset[Detection] = frozenset()
    """Services that must be on in each account and region. Snapback turns on those that are off; AWS charges for most."""
    required_tags: dict[str, dict[TagKey, Literal["creator", "session", "time"] | None]] = {}
    """Tags that resources must have, by a glob of CloudFormation types; the first match wins. Each tag names its value if it
    is missing, from the call that created the resource: the `creator` (an ARN), the `session` (or the user's name) or the
    `time`. null means that only a person knows the value: Snapback reports the missing tag."""


class Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """What guardrails compare resources with: a part of the settings, and values that the deployment sets."""

    allow: Allow = Allow()
    """Allowlists: who and what may have access."""
    require: Require = Require()
    """What resources must have."""
    production: frozenset[AccountId] = frozenset()
    """Accounts in which IAM Identity Center may make nobody administrator. Empty means all accounts."""
    quarantine: Literal["archive", "untag"] = "archive"
    """What happens to images that must not be pulled: archive them, or remove their tags."""
    stack: str = ""
    """The ARN of Snapback's CloudFormation stack. The deployment sets it; the file can't."""
    published: str = ""
    """Where the settings are (`ssm:/…`, `appconfig:…`) if they change without a deploy. The deployment sets it."""

    def principal(self, name: str) -> bool:
        """Whether `allow.principals` covers a principal, by AWS's own ARN, or a whole account by its id.

        The path counts: somebody who may create roles only under `/dev/` must not match `role/admin-*`.
        """
        arns = root_arns(name) if name.isdigit() else (name,)
        return any(fits(allowed, *arns) for allowed in self.allow.principals)

    def deployer(self, *names: str | None) -> bool:
        """Whether somebody may deploy function code, by any of their names."""
        globs = self.allow.deployers
        return not globs or any(fits(glob, *filter(None, names)) for glob in globs)

    def boundary(self, arn: str, account: str) -> str | None:
        """The boundary that this user or role must have; `*` as the account means the principal's own account."""
        found = _first(self.require.boundaries, arn)
        return found and found.replace(":iam::*:", f":iam::{account}:")

    def kms_key(self, account: str, region: str) -> str | None:
        """The ARN of the key to encrypt with in this account and region."""
        return next((key for key in self.require.kms_keys if key.split(":")[3:5] == [region, account]), None)

    def release(self, repository: str) -> Release | None:
        """What the images of this repository must be; None if it isn't a release repository."""
        return _first(self.require.releases, repository)

    def tags_of(self, type: str) -> Mapping[str, str | None]:
        """The tags that resources of a CloudFormation type must have, each with what it is filled with."""
        return _first(self.require.required_tags, type) or {}

    def bucket(self, name: str) -> RequiredBucket:
        """What this bucket must have; nothing if no glob matches it."""
        return _first(self.require.buckets, name) or RequiredBucket()


def _first(by_glob: Mapping[str, T], name: str) -> T | None:
    return next((value for glob, value in by_glob.items() if fits(glob, name)), None)
