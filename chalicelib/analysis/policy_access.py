"""What an IAM policy lets in, and how to take just that out of its text. Pure: no AWS, nothing beyond the standard library.

Every statement is judged, whatever stands beside it: what can't be read narrows nothing in an Allow, and excuses nothing
in a Deny.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from chalicelib.analysis.policy_document import (
    DELETED_PRINCIPAL,
    Condition,
    Policy,
    Statement,
    element_matches,
    named_principals,
    statements,
)
from chalicelib.analysis.policy_sets import Constraint, Names, Search, box, caller, constraint, format_left, names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

    from chalicelib.core.baseline import Baseline

_Holds: TypeAlias = "Callable[[Condition, str], bool]"

_CALLER_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:userid",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:vpceorgpaths",
        "codebuild:buildarn",
        "codebuild:projectarn",
        "ec2:sourceinstancearn",
        "kms:calleraccount",
        "lambda:eventsourcetoken",
        "lambda:sourcefunctionarn",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "ssm:sourceinstancearn",
    }
)
_FIXING_KEYS = _CALLER_KEYS | {"s3:x-amz-server-side-encryption-aws-kms-key-id"}
_ORGANIZATION_KEYS = frozenset(
    {"aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths", "aws:vpceorgid"}
)
_SOURCE_KEYS = frozenset(
    {"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner"}
)
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
}

# Patterns that `re` compiles when they are first needed, and keeps: a cold start mostly needs none.
_ARN_OF_ACCOUNT = r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):"
_ORGANIZATION_PATH = r"o-[a-z0-9]{10,32}/"
_ESCAPED_WILDCARD = r"\$\{[*?$]\}"
_VPC_OF_ANY = r"^arn:[^:]*:ec2:[^:]*:\*:vpc/"
_OUR_SIDE = r"(?i)\$\{aws:Resource(Account|OrgID)\}"

_GITHUB, _PULUMI = "token.actions.githubusercontent.com", "api.pulumi.com/oidc"
_SENTINEL = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d"
_CLAIMS = frozenset({"sub", "aud", "app_id", "repository", "repository_id", "repository_owner", "repository_owner_id"})
_CALLER_PICKS_AUDIENCE = frozenset(
    {
        _GITHUB,
        "gitlab.com",
        "app.terraform.io",
        "agent.buildkite.com",
        "oidc.codefresh.io",
        "proidc.upbound.io",
        "scalr.io",
    }
)
_SHARED_WITH_PATH = frozenset({_PULUMI, "studio.datachain.ai/api"})
_TENANTS = {
    "sub": r"[^*?$:]+:[^*?$:/]+[:/]",
    "repository": r"[^*?$/]+/",
    _GITHUB: r"([^*?$]*:)?(repo|repository(_owner)?(_id)?|enterprise(_id)?):[^*?$:/]+([:/]|$)",
    _PULUMI: r"[^*?$]*:org:[^*?$:]+:",
}
"""What a claim begins with when it names one tenant of a shared issuer; an issuer's own is for `sub`. At GitHub, all
may have `sub` hold what they like (`ref:refs/heads/main` alone, say), so that even a fixed one has to name the
repository or its owner. Google's `oaud` is no claim here: the caller chooses it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
https://docs.github.com/en/actions/reference/security/oidc
"""


class Outsider(StrEnum):
    """Why a principal with access counts as an outsider."""

    ANYONE = "anyone"
    ORGANIZATION = "unknown organization"
    ACCOUNT = "unknown account"
    VENDOR = "vendor without external id"
    WEB_IDENTITY = "web identity without a fixed subject"
    SERVICE = "service on anyone's behalf"


class Grant(NamedTuple):
    """A principal to which a statement gives access, as written; `*` for NotPrincipal. `public` is meant as S3 means it.

    `undecided`: True if finding out whether Deny statements shut it out would take too long.
    `left`: what those Deny statements leave to it, in words.
    """

    statement: int
    principal: str
    who: Outsider
    public: bool
    undecided: bool = False
    left: str = ""


def let_in(policy: Policy, baseline: Baseline, account_id: str) -> list[Grant]:
    """The unknown principals that the Allow statements give access to, after Deny statements and conditions.

    Known are our account, the known accounts, organizations, principals and CIDRs; a condition that demands one of
    them will do. Known vendors get into roles with a fixed `sts:ExternalId`, and nowhere else. A deleted principal is
    no stranger; a web identity is one without a claim that names one tenant; a service is one (a confused deputy) when
    no condition says on whose behalf it must call.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    found = statements(policy)
    denies = [each for each in found if each.effect == "Deny"]
    search = Search()
    return [
        Grant(statement.index, value, *judged)
        for statement in found
        if statement.effect == "Allow"
        for kind, value in statement.principals()
        if (judged := _judged(_Entry(statement, kind, value), denies, baseline, account_id, search))
    ]


def by_statement(grants: Iterable[Grant]) -> dict[int, list[str]]:
    """As `drop_principals` takes them."""
    found: dict[int, list[str]] = {}
    for each in grants:
        found.setdefault(each.statement, []).append(each.principal)
    return found


def format_left_over(grants: Iterable[Grant]) -> str:
    """What Deny statements leave of what the first of these is allowed, to stand behind a reason; empty without any."""
    left = next((each.left for each in grants if each.left), "")
    return f"; its Deny statements still allow {left}" if left else ""


def why_undecided(grants: Iterable[Grant]) -> str | None:
    """Why a person is asked before these are taken out; None where it is clear that they get in."""
    found = sorted({each.statement + 1 for each in grants if each.undecided})
    numbers = ", ".join(map(str, found))
    return (
        f"it has too many Deny statements to tell whether they block the access from statement {numbers}"
        if found
        else None
    )


def public(policy: Policy, baseline: Baseline, account_id: str) -> list[int]:
    """The Allow statements that give anybody access: no fixed principal, and no condition that fixes one.

    "Fixed" as S3 means it, with four mercies: a wildcard is fine in an ARN or organization path whose account or
    organization is fixed, `${aws:ResourceAccount}` and `${aws:ResourceOrgID}` are ours, so are the known CIDRs, and a
    Deny of all others fixes as well as a condition does.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
    """
    return list(by_statement(each for each in let_in(policy, baseline, account_id) if each.public))


def unknown_principals(policy: Policy, baseline: Baseline, account_id: str) -> dict[int, list[str]]:
    """The unknown principals, as written, that an Allow statement gives access to; no AWS services."""
    return by_statement(each for each in let_in(policy, baseline, account_id) if each.who is not Outsider.SERVICE)


class _Entry(NamedTuple):
    """One principal of one Allow statement."""

    statement: Statement
    kind: str
    value: str

    @property
    def anybody(self) -> bool:
        if self.kind == "Federated" and not self.value.startswith("arn:"):
            return not _claimed(self.statement, self.value)
        return "*" in self.value and not re.match(_ARN_OF_ACCOUNT, self.value)


def _judged(
    entry: _Entry, denies: list[Statement], baseline: Baseline, account_id: str, search: Search
) -> tuple[Outsider, bool, bool, str] | None:
    """Who it is, whether it is public, whether that is undecided, and what is left; or None of one whom we know."""
    search.undecided, search.left = False, ""

    def ours(condition: Condition, value: str) -> bool:
        return _ours(condition, value, baseline, account_id)

    def fixed(condition: Condition, value: str) -> bool:
        return _fixed(condition, value, baseline) or ours(condition, value)

    def kept(keys: Collection[str], holds: _Holds) -> bool:
        narrowed = search.once(
            (entry.statement.index, keys is _FIXING_KEYS), lambda: _narrowed(entry.statement, keys, account_id, holds)
        )
        if narrowed or not all(search.spend(each.weight) for each in denies):
            return narrowed
        lacked = search.once(
            (entry.statement.index, keys is _FIXING_KEYS, "lacked"),
            lambda: _lacked(entry.statement, keys, account_id, holds),
        )
        return _shut_out(search, _covering(denies, entry, keys, account_id, holds, baseline, search), entry, lacked)

    if _is_service(entry):
        known_one = baseline.principal(entry.value) or kept(_CALLER_KEYS, ours)
        return None if known_one else (Outsider.SERVICE, False, search.undecided, search.left)
    is_public = entry.anybody and not kept(_FIXING_KEYS, fixed)
    who = _stranger(entry, baseline, account_id)
    if not is_public and (who is None or kept(_CALLER_KEYS, ours)):
        return None
    if who is Outsider.ACCOUNT and entry.anybody:
        of_organization = any(each.key in _ORGANIZATION_KEYS for each in entry.statement.narrowing())
        who = Outsider.ORGANIZATION if of_organization and not is_public else Outsider.ACCOUNT
    if is_public and who is not Outsider.WEB_IDENTITY:
        who = Outsider.ANYONE
    return who or Outsider.ANYONE, is_public, search.undecided, search.left


def _is_service(entry: _Entry) -> bool:
    return entry.kind == "Service" and "*" not in entry.value


def _stranger(entry: _Entry, baseline: Baseline, account_id: str) -> Outsider | None:
    """By the principal alone, and the claims and external ids that its kind calls for."""
    statement, kind, value = entry
    account = _account(value)
    if baseline.principal(value) or _is_service(entry):
        return None
    if kind == "Federated" and ":saml-provider/" not in value:
        if value.startswith("arn:") and account not in {account_id, *baseline.allow.accounts}:
            return Outsider.ACCOUNT
        return None if _claimed(statement, value) else Outsider.WEB_IDENTITY
    if account in baseline.allow.vendors and element_matches(statement, "Action", "sts:assumerole"):
        return None if _external_id(statement) else Outsider.VENDOR
    trusted = account in {account_id, *baseline.allow.accounts} or re.fullmatch(DELETED_PRINCIPAL, value)
    return None if trusted else Outsider.ACCOUNT


def _account(name: str) -> str:
    """The account of an ARN; what isn't an ARN stands for itself."""
    arn = re.match(_ARN_OF_ACCOUNT, name)
    return arn[1] if arn else name


def _external_id(statement: Statement) -> bool:
    """Whether the vendor has to send an id that it has for us alone.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    return any(
        key == "sts:externalid" and all(_literal(operator, each) for each in values)
        for operator, key, values in statement.narrowing()
    )


def _claimed(statement: Statement, provider: str) -> bool:
    """Whether a claim of the provider's tokens is fixed, so that not everybody with an account there gets in.

    Microsoft Sentinel's tokens are the same for all its customers, whose workspace is in the session's name.
    """
    issuer = provider.rpartition(":oidc-provider/")[2].lower()
    claims = _CLAIMS - {"aud"} if issuer in _CALLER_PICKS_AUDIENCE else _CLAIMS
    fixing = {f"{issuer}:{claim}": claim for claim in claims}
    if issuer == _SENTINEL:
        fixing = {"sts:rolesessionname": "session"}
    return any(
        key in fixing and all(_one_tenant(issuer, fixing[key], operator, each) for each in values)
        for operator, key, values in statement.narrowing()
    )


def _one_tenant(issuer: str, claim: str, operator: str, pattern: str) -> bool:
    """Whether all that fits is one tenant's: what comes before a wildcard names it, as in `repo:acme/*`.

    An issuer with a path (`oidc.circleci.com/org/1`) mostly is one tenant's own, so that any part of a claim will do.
    """
    if claim == "sub" and issuer == _GITHUB:
        return bool(re.match(_TENANTS[_GITHUB], pattern))
    own_issuer = "/" in issuer.rstrip("/") and issuer not in _SHARED_WITH_PATH | {_SENTINEL}
    if _literal(operator, pattern) or (own_issuer and "${" not in pattern and pattern.strip("*?:/")):
        return True
    tenant = _TENANTS.get(issuer if claim == "sub" and issuer in _TENANTS else claim)
    return bool(tenant and re.match(tenant, pattern))


def _covering(
    denies: Iterable[Statement],
    entry: _Entry,
    keys: Collection[str],
    account_id: str,
    holds: _Holds,
    baseline: Baseline,
    search: Search,
) -> Iterator[list[Constraint]]:
    """What each Deny says that meets the entry, whoever it is but callers that conditions name and that `holds` is for.

    What a negated operator compares may be absent: then it holds, and so does the Deny.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    for deny in denies:
        others = [each for each in deny.conditions() if not _exempts(each, entry, keys, account_id, holds)]
        read = [search.once(each, partial(constraint, each, of_deny=True)) for each in others]
        if None not in read and _denied_principal(deny, entry, baseline, account_id):
            yield names(deny) + [each for each in read if each]


def _shut_out(search: Search, covering: Iterable[list[Constraint]], entry: _Entry, lacked: Iterable[str]) -> bool:
    """Whether Deny statements together take back all that a statement allows its principal without the keys `lacked`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """
    denied = list(covering)
    if not denied:
        return False
    allowed = [each for condition in entry.statement.conditions() if (each := constraint(condition, of_deny=False))]
    missing = [(key, Names(present=False)) for key in lacked]
    wanted = box(names(entry.statement) + caller(entry.kind, entry.value) + allowed + missing)
    found = search.uncovered(wanted, denied)
    search.left = "" if search.undecided or found in (None, wanted) else format_left(found or {}, wanted)
    return found is None


def _denied_principal(deny: Statement, entry: _Entry, baseline: Baseline, account_id: str) -> bool:
    """Whoever is denied an account is denied all in it; NotPrincipal denies everybody but those whom it names."""
    if "NotPrincipal" in deny.raw:
        but = list(named_principals(deny.raw["NotPrincipal"]))
        return all(
            isinstance(value, str)
            and value != entry.value
            and _stranger(_Entry(deny, kind, value), baseline, account_id) is None
            for kind, value in but
        )
    return any(
        (value == "*" and kind in {"AWS", entry.kind})
        or (
            kind == entry.kind
            and (value == entry.value or (_is_whole_account(value) and _account(value) == _account(entry.value)))
        )
        for kind, value in deny.principals()
    )


def _is_whole_account(value: str) -> bool:
    """Whether it stands for an account as a whole."""
    return value.isdigit() or value.endswith(":root")


def _exempts(condition: Condition, entry: _Entry, keys: Collection[str], account_id: str, holds: _Holds) -> bool:
    """Whether a condition of a Deny exempts nobody but callers that `holds` for. Conditions add up, so each has to."""
    operator, key, values = condition
    operator = operator.lower().removeprefix("forallvalues:")
    bare = operator.removesuffix("ifexists")
    if key == "aws:principalisawsservice" and bare == "bool":
        if _is_service(entry):
            return values in {("true",), ("True",)}
        return operator == "boolifexists" and values in {("false",), ("False",)}
    if _is_service(entry):
        if bare == "null":
            return key in _SOURCE_KEYS and values in {("false",), ("False",)}
        keys = _SOURCE_KEYS
    if bare not in _NEGATED or key not in keys:
        return False
    meant = Condition(_NEGATED[bare], key, values)
    return all(holds(meant, _named(value, account_id)) for value in values)


def _narrowed(
    statement: Statement, keys: Collection[str], account_id: str, holds: _Holds, also_there: Collection[str] = ()
) -> bool:
    """Whether one condition on one of the keys holds for all its values: conditions add up, values are alternatives."""
    return any(
        condition.key in keys and all(holds(condition, _named(value, account_id)) for value in condition.values)
        for condition in statement.narrowing(also_there)
    )


def _lacked(statement: Statement, keys: Collection[str], account_id: str, holds: _Holds) -> list[str]:
    """Keys that whoever else it allows doesn't have: IfExists lets them pass, and those who have one are `holds`'s."""
    used = {each.key for each in statement.conditions() if each.key in keys}
    return [key for key in sorted(used) if _narrowed(statement, {key}, account_id, holds, also_there={key})]


def _named(value: str, account_id: str) -> str:
    """With what stands for our account in place; a VPC's id names one VPC, whatever account stands before it."""
    return re.sub(_VPC_OF_ANY, "", re.sub(_OUR_SIDE, account_id, value))


def _literal(operator: str, value: str) -> bool:
    """Whether the value can match one thing only; StringEquals knows variables, but no wildcards."""
    value = re.sub(_ESCAPED_WILDCARD, "", value)
    return "${" not in value and (operator.startswith("stringequals") or not re.search(r"[*?]", value))


def _fixed(condition: Condition, value: str, baseline: Baseline) -> bool:
    if condition.key == "aws:sourceip" and condition.operator == "ipaddress":
        network = _network(value)
        if network is None:
            return False
        return network.prefixlen >= (8 if network.version == 4 else 32) or _known_network(network, baseline)  # noqa: PLR2004
    if _literal(condition.operator, value):
        # Unsigned requests have this value for aws:PrincipalAccount and aws:userid.
        return value.lower() != "anonymous"
    return bool(re.match(_ARN_OF_ACCOUNT, _arn(condition, value)) or re.match(_ORGANIZATION_PATH, value))


def _ours(condition: Condition, value: str, baseline: Baseline, account_id: str) -> bool:
    if condition.key == "aws:sourceip" and condition.operator == "ipaddress":
        network = _network(value)
        return network is not None and _known_network(network, baseline)
    return (
        _account(_arn(condition, value)) in {account_id, *baseline.allow.accounts}
        or value.partition("/")[0] in baseline.allow.organizations
        or baseline.principal(value)
    )


def _arn(condition: Condition, value: str) -> str:
    """Empty where the account isn't fixed, since StringLike's `*` crosses colons and ArnLike's doesn't.

    Names of access points hold no colon. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html
    """
    begin = ":".join(value.split(":", 5)[:5])
    crosses = condition.operator == "stringlike" and condition.key != "s3:dataaccesspointarn"
    return "" if crosses and re.search(r"[*?]", begin) else value


def _network(value: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _known_network(network: IPv4Network | IPv6Network, baseline: Baseline) -> bool:
    wider = (ip_network(cidr, strict=False) for cidr in baseline.allow.cidrs)
    return any(each.version == network.version and network.subnet_of(each) for each in wider)  # type: ignore[arg-type]
