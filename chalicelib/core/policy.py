"""What an IAM policy lets in, and how to take just that out of its text. Pure: no AWS, nothing beyond the standard library.

A policy that can't be read raises ValueError: it is neither safe nor public, and somebody has to look.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from chalicelib.core.settings import Known

Policy: TypeAlias = "str | Mapping[str, Any] | None"
Span: TypeAlias = tuple[int, int]

_CALLER_KEYS = frozenset(
    {
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid"),
        *("aws:principalservicename", "aws:principalservicenameslist"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce"),
        *("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
        *("ec2:sourceinstancearn", "kms:calleraccount", "lambda:eventsourcetoken", "lambda:sourcefunctionarn"),
        *("s3:dataaccesspointaccount", "s3:dataaccesspointarn"),
    }
)
_FIXING_KEYS = _CALLER_KEYS | {"s3:x-amz-server-side-encryption-aws-kms-key-id"}
_EQUALITY = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"})

_ARN_OF_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):")
_ORGANIZATION_PATH = re.compile(r"o-[a-z0-9]{10,32}/")
_DELETED_PRINCIPAL = re.compile(r"A(IDA|ROA)[A-Z0-9]{12,}(:.*)?")
_ESCAPED_WILDCARD = re.compile(r"\$\{[*?$]\}")
_OUR_SIDE = re.compile(r"\$\{aws:Resource(Account|OrgID)\}", re.IGNORECASE)

_CLAIMS = frozenset(
    {"sub", "aud", "oaud", "app_id", "repository", "repository_id", "repository_owner", "repository_owner_id"}
)
_CALLER_PICKS_AUDIENCE = frozenset(
    {
        *("token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "agent.buildkite.com"),
        *("oidc.codefresh.io", "proidc.upbound.io", "scalr.io"),
    }
)

_ESCALATIONS = tuple(
    (f"iam:{action}".lower(), f"arn:aws:iam::000000000000:{kind}/~")
    for kind, actions in {
        "user": "PutUserPolicy AttachUserPolicy CreateAccessKey CreateLoginProfile UpdateLoginProfile",
        "role": "PutRolePolicy AttachRolePolicy UpdateAssumeRolePolicy",
        "group": "PutGroupPolicy AttachGroupPolicy AddUserToGroup",
        "policy": "CreatePolicyVersion SetDefaultPolicyVersion",
    }.items()
    for action in actions.split()
)
"""Calls by any one of which a principal makes itself administrator. Only a wildcard matches `~`, which no name may have."""


class Condition(NamedTuple):
    """One line of a Condition block; keys are lower-cased, because IAM ignores their case."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, with what may be written in several ways read in one."""

    index: int
    raw: Mapping[str, Any]

    @property
    def effect(self) -> str:
        return str(self.raw["Effect"])

    def principals(self) -> Iterator[tuple[str, str]]:
        """Kind and value, as in ("AWS", "*"); an Allow with NotPrincipal lets in everybody else: ("AWS", "*").

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        """
        if "NotPrincipal" in self.raw:
            yield "AWS", "*"
        principal = self.raw.get("Principal", {})
        for kind, values in ({"AWS": principal} if isinstance(principal, str) else principal).items():
            yield from ((kind, value) for value in _listed(values))

    def actions(self) -> list[str]:
        """Of Action; empty when NotAction is used."""
        return _listed(self.raw.get("Action", []))

    def conditions(self) -> Iterator[Condition]:
        for operator, keys in self.raw.get("Condition", {}).items():
            for key, values in keys.items():
                yield Condition(operator, key.lower(), tuple(map(str, _listed(values))))

    def narrowing(self) -> Iterator[Condition]:
        """Those that hold only if the key is there and has one of the values; the operator is lower-cased and bare.

        ForAllValues and IfExists also hold without the key, unless a Null condition demands it.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
        """
        demanded = {
            key
            for operator, key, values in self.conditions()
            if (operator, *values) in {("Null", "false"), ("Null", "False")}
        }
        for operator, key, values in self.conditions():
            bare = operator.lower().removeprefix("foranyvalue:")
            if key in demanded:
                bare = bare.removeprefix("forallvalues:").removesuffix("ifexists")
            if bare in _EQUALITY:
                yield Condition(bare, key, values)


def statements(policy: Policy) -> list[Statement]:
    """The statements of a policy, as text or parsed; none of no policy. What is malformed raises ValueError.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    if policy is None or policy == "":
        return []
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
        found = [Statement(index, raw) for index, raw in enumerate(_listed(document["Statement"]))]
        for statement in found:
            _check(statement)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an IAM policy: {error!r}") from error
    return found


def public(policy: Policy, known: Known, own: str) -> list[int]:
    """The Allow statements that let in anybody: no fixed principal, and no condition that fixes one.

    "Fixed" as S3 means it, with three mercies: a wildcard is fine in an ARN or organization path whose account or
    organization is fixed, `${aws:ResourceAccount}` and `${aws:ResourceOrgID}` are ours, and so are the known CIDRs.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
    """
    return [
        statement.index
        for statement in statements(policy)
        if statement.effect == "Allow"
        and any(_anybody(statement, kind, value) for kind, value in statement.principals())
        and not _narrowed(statement, _FIXING_KEYS, own, lambda condition, value: _fixed(condition, value, known))
    ]


def strangers(policy: Policy, known: Known, own: str) -> dict[int, list[str]]:
    """The principals, as written, that an Allow statement lets in though we don't know them; `*` for NotPrincipal.

    Known are our account, the known accounts, organizations, principals and CIDRs; a condition that demands one of
    them will do. AWS services and deleted principals are no strangers; a web identity is one without a fixed claim.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
    """
    found = {
        statement.index: [
            value for kind, value in statement.principals() if _stranger(statement, kind, value, known, own)
        ]
        for statement in statements(policy)
        if statement.effect == "Allow"
        and not _narrowed(statement, _CALLER_KEYS, own, lambda condition, value: _ours(condition, value, known, own))
    }
    return {index: principals for index, principals in found.items() if principals}


def admin(policy: Policy) -> str | None:
    """Why an identity policy makes its holder administrator, as in "allows iam:* on *", or None.

    It must grant IAM's writes wholesale (`*`, `iam:*`, NotAction), and Deny must leave one by which to get the rest.
    Single grants such as iam:PutUserPolicy are another question. Conditions about the caller or the call (MFA, region,
    address, `aws:Principal…`) don't count: under them the holder still is administrator.
    https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-1
    """
    found = statements(policy)
    denies = [each for each in found if each.effect == "Deny" and not any(each.conditions())]
    for statement in found:
        if statement.effect == "Allow" and _wholesale(statement) and not any(map(_limits_reach, statement.narrowing())):
            granted = [call for call in _ESCALATIONS if _covers(statement, *call)]
            if any(not any(_covers(deny, *call) for deny in denies) for call in granted):
                return f"allows {_written(statement, 'Action')} on {_written(statement, 'Resource')}"
    return None


def drop(text: str, indexes: Iterable[int]) -> str | None:
    """The text without those statements, every other byte as it was; None when no statement is left."""
    return drop_principals(text, dict.fromkeys(indexes))


def drop_principals(text: str, principals: Mapping[int, Collection[str] | None]) -> str | None:
    """The text without those principals, by statement index; a statement goes when none is left, or if given None.

    Every other byte stays as it was. None when no statement is left.
    """
    listed = _value(text, _skip(text, 0), "Statement") if statements(text) else None
    if listed is None:
        return None
    spans = _elements(text, listed)
    cuts: list[Span] = []
    gone = set()
    for index, span in enumerate(spans):
        if index in principals:
            names = principals[index]
            kept = None if names is None else _principal_cuts(text, span, names)
            if kept is None:
                gone.add(index)
            else:
                cuts += kept
    if len(gone) == len(spans):
        return None
    for start, end in sorted(cuts + _cuts(spans, gone), reverse=True):
        text = text[:start] + text[end:]
    return text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check(statement: Statement) -> None:
    """Reads everything once, so that what is malformed fails here and not in the middle of an answer."""
    if statement.effect not in {"Allow", "Deny"}:
        raise ValueError(f"statement {statement.index} neither allows nor denies")
    list(statement.conditions())
    texts = [value for _, value in statement.principals()]
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        texts += _listed(statement.raw.get(element, []))
    if not all(isinstance(each, str) for each in texts):
        raise ValueError(f"statement {statement.index} has something other than text for a name")


def _account(name: str) -> str:
    """The account of an ARN; what isn't an ARN stands for itself."""
    arn = _ARN_OF_ACCOUNT.match(name)
    return arn[1] if arn else name


def _anybody(statement: Statement, kind: str, value: str) -> bool:
    if kind == "Federated" and not value.startswith("arn:"):
        return not _claimed(statement, value)
    return "*" in value and not _ARN_OF_ACCOUNT.match(value)


def _stranger(statement: Statement, kind: str, value: str, known: Known, own: str) -> bool:
    if known.principal(f"arn:aws:iam::{value}:root" if value.isdigit() else value):
        return False
    if kind == "Service":
        return "*" in value
    if kind == "Federated" and ":saml-provider/" not in value:
        if not _claimed(statement, value):
            return True
        if not value.startswith("arn:"):
            return False
    return not (_DELETED_PRINCIPAL.fullmatch(value) or _account(value) in {own, *known.accounts})


def _claimed(statement: Statement, provider: str) -> bool:
    """Whether a claim of the provider's tokens is fixed, so that not everybody with an account there gets in."""
    issuer = provider.rpartition(":oidc-provider/")[2].lower()
    claims = _CLAIMS - {"aud"} if issuer in _CALLER_PICKS_AUDIENCE else _CLAIMS
    fixing = {f"{issuer}:{claim}": claim for claim in claims}
    return any(
        key in fixing and all(_literal(operator, each) or _one_tenant(fixing[key], each) for each in values)
        for operator, key, values in statement.narrowing()
    )


def _one_tenant(claim: str, pattern: str) -> bool:
    """Whether what comes before the wildcard names one tenant: `repo:acme/*` does, `repo:acme*` doesn't."""
    return bool(re.match({"sub": r"[^*?$:]+:[^*?$:/]+[:/]", "repository": "[^*?$/]+/"}.get(claim, "(?!)"), pattern))


def _narrowed(statement: Statement, keys: Collection[str], own: str, holds: Callable[[Condition, str], bool]) -> bool:
    """Whether one condition on one of the keys holds for all its values: conditions add up, values are alternatives."""
    return any(
        condition.key in keys and all(holds(condition, _OUR_SIDE.sub(own, value)) for value in condition.values)
        for condition in statement.narrowing()
    )


def _literal(operator: str, value: str) -> bool:
    """Whether the value can match one thing only; StringEquals knows variables, but no wildcards."""
    value = _ESCAPED_WILDCARD.sub("", value)
    return "${" not in value and (operator.startswith("stringequals") or not re.search(r"[*?]", value))


def _fixed(condition: Condition, value: str, known: Known) -> bool:
    if condition.key == "aws:sourceip" and condition.operator == "ipaddress":
        network = ip_network(value, strict=False)
        return network.prefixlen >= (8 if network.version == 4 else 32) or _known_network(network, known)  # noqa: PLR2004
    if _literal(condition.operator, value):
        return True
    return bool(_ARN_OF_ACCOUNT.match(value) or _ORGANIZATION_PATH.match(value))


def _ours(condition: Condition, value: str, known: Known, own: str) -> bool:
    if condition.key == "aws:sourceip" and condition.operator == "ipaddress":
        return _known_network(ip_network(value, strict=False), known)
    return (
        _account(value) in {own, *known.accounts}
        or value.partition("/")[0] in known.organizations
        or known.principal(value)
    )


def _known_network(network: IPv4Network | IPv6Network, known: Known) -> bool:
    wider = (ip_network(cidr, strict=False) for cidr in known.cidrs)
    return any(each.version == network.version and network.subnet_of(each) for each in wider)  # type: ignore[arg-type]


def _wholesale(statement: Statement) -> bool:
    return "NotAction" in statement.raw or all(_matches(statement, "Action", action) for action, _ in _ESCALATIONS)


def _covers(statement: Statement, action: str, resource: str) -> bool:
    return _matches(statement, "Action", action) and _matches(statement, "Resource", resource)


def _matches(statement: Statement, element: str, name: str) -> bool:
    if f"Not{element}" in statement.raw:
        return not any(_glob(pattern, name) for pattern in _listed(statement.raw[f"Not{element}"]))
    return any(_glob(pattern, name) for pattern in _listed(statement.raw.get(element, [])))


def _glob(pattern: str, name: str) -> bool:
    """IAM's wildcards. The account of an IAM ARN is taken for ours: no identity policy reaches into another."""
    if pattern.startswith("arn:"):
        pattern = re.sub(r"::\d{12}:", "::*:", re.sub(r"^arn:[^:]*:iam::", "arn:aws:iam::", pattern))
    else:
        pattern = pattern.lower()
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _limits_reach(condition: Condition) -> bool:
    about_what_is_touched = ("aws:resourcetag/", "aws:requesttag/")
    if condition.key.startswith("aws:") and not condition.key.startswith(about_what_is_touched):
        return False
    return all(value.strip("*") for value in condition.values)


def _written(statement: Statement, element: str) -> str:
    if f"Not{element}" in statement.raw:
        return f"everything but {', '.join(_listed(statement.raw[f'Not{element}'])) or 'nothing'}"
    return ", ".join(_listed(statement.raw[element]))


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


class _Member(NamedTuple):
    """A member of an object, or an element of an array, and where in the text it is."""

    name: str
    whole: Span
    value: Span


def _members(text: str, at: int) -> list[_Member]:
    """Of the object or array that starts there."""
    decode = json.JSONDecoder().raw_decode
    found = []
    in_object = text[at] == "{"
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        start, name = at, ""
        if in_object:
            name, at = decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = decode(text, at)
        found.append(_Member(name, (start, end), (at, end)))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _value(text: str, at: int, name: str) -> Span | None:
    """The last one counts, as in json.loads."""
    return {member.name: member.value for member in _members(text, at)}.get(name)


def _elements(text: str, value: Span) -> list[Span]:
    """Where a list is allowed, one thing may stand for itself."""
    return [each.value for each in _members(text, value[0])] if text[value[0]] == "[" else [value]


def _cuts(spans: list[Span], gone: Collection[int]) -> list[Span]:
    """What to cut so that some of several remain: each takes one of its separators along."""
    first = min(set(range(len(spans))) - set(gone), default=0)
    return [(spans[i][0], spans[i + 1][0]) if i < first else (spans[i - 1][1], spans[i][1]) for i in gone]


def _principal_cuts(text: str, statement: Span, names: Collection[str]) -> list[Span] | None:
    """What to cut of a statement's Principal; None when nobody would be left."""
    principal = _value(text, statement[0], "Principal")
    if principal is None:
        return None if "*" in names and _value(text, statement[0], "NotPrincipal") else []
    if text[principal[0]] != "{":
        return None if json.loads(text[slice(*principal)]) in names else []
    kinds = _members(text, principal[0])
    cuts: list[Span] = []
    emptied = set()
    for number, kind in enumerate(kinds):
        values = _elements(text, kind.value)
        gone = [i for i, value in enumerate(values) if json.loads(text[slice(*value)]) in names]
        if gone and len(gone) == len(values):
            emptied.add(number)
        else:
            cuts += _cuts(values, gone)
    return None if emptied and len(emptied) == len(kinds) else cuts + _cuts([kind.whole for kind in kinds], emptied)
