"""What the operator allows and what resources must have: the part of the settings that guardrails read."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it from the annotation
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


AccountId = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
TagKey = Annotated[str, Meta(pattern=r"^(?![aA][wW][sS]:)[A-Za-z0-9 _.:/=+@-]{1,128}$")]


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
