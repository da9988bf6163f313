"""Before → after as a few lines that a person can read, with what looks like a secret left out.

All text in a state is somebody else's to choose: names, tags, policies. What comes out of here is short, on one line
each, and holds nothing that hides or reorders text.
"""

from __future__ import annotations

import json
import re
from typing import Any

_HINT = (
    r"(?:secret|passw|passphrase|pwd|token|credential|private[-_]?key|api[-_]?key|user[-_]?data"
    r"|connection[-_]?string|authori[sz]ation(?![-_a-z]))"
)
_HARMLESS = r"(?:required|optional|enabled|disabled|true|false|null|none|[0-9]{1,4})"
_SECRET_NAME = re.compile(_HINT, re.IGNORECASE)
_NO_SECRET = re.compile(rf"{_HARMLESS}|arn:.*|", re.IGNORECASE | re.DOTALL)
_NAMES = frozenset({"name", "key", "parameterkey", "parametername"})
_VALUES = frozenset({"value", "parametervalue"})

_LEFT_OUT = "[left out]"
_SECRET_VALUE = re.compile(
    rf"({_HINT}[\w-]{{0,40}}(?:\\?[\"']\s?:\s?|\s?=\s?|:\s))(?!\\?[\"']?(?:{_HARMLESS}\b|arn:|\[left out))"
    r"(?:\\?\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|(?:(?:Basic|Bearer)\s+)?[^\s\"'&,{}\[\]]+)",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)"
    # Forty characters of Base64 with all of its kinds: hexadecimal digests and ids stay.
    r"|(?<![A-Za-z0-9/+])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*[0-9])[A-Za-z0-9/+]{40,}={0,2}"
    r"|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|\bgh[pousr]_\w+|\bgithub_pat_\w+|\bglpat-[\w-]+|\bnpm_\w{20,}|\bAIza[\w-]{30,}"
    r"|\b[sr]k_live_\w+|\beyJ[\w-]+\.[\w.-]+|\bhooks\.slack\.com/[\w/-]+|\bBearer\s+[\w.~+/=-]{16,}"
    r"|(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)",
    re.DOTALL,
)
_CREDENTIAL_NAME = re.compile(
    rf"{_HINT}|(?:^|_)PASS(?:$|_)|(?:access|encryption|master|signing|ssh)_?key|ECS_ENGINE_AUTH_DATA", re.IGNORECASE
)
_ABOUT_ONE = re.compile(
    r"(?:^|_)(?:ARNS?|NAMES?|IDS?|FILES?|PATHS?|DIR|URLS?|URI|ENDPOINT|HOST|HEADER|TYPE|REGION|ALIAS|PREFIX|LENGTH|TTL|AGE"
    r"|DAYS|HOURS|MINUTES|SECONDS|TIMEOUT|EXPIR(?:Y|ES|ATION)|ENABLED|REQUIRED|POLICY|VERSION|PROVIDER|ISSUER|AUDIENCE|TOKENI[SZ]ER\w*)$",
    re.IGNORECASE,
)
"""A name's end by which it tells something about a secret, as in `DB_PASSWORD_FILE`."""
_REFERENCE = re.compile(r"arn:\S+|(?:ssm|secretsmanager|vault):\S+|\$\{[^}]*\}|\$\w+|\{\{.*\}\}|<[^>]*>|\*+", re.DOTALL)
_PLAIN = re.compile(r"[0-9]{1,9}|/[\w./-]*|https?://[^\s@?#]+")
"""A number, a path, an address: no secret by its name alone, as in `MAX_TOKENS`, `PWD` and `TOKEN_SERVICE`."""
_DEEP = 40


def redact(text: str) -> str:
    """Leaves out what looks like a secret; ids of access keys stay, since they name the thing and open nothing."""
    return _SECRET_VALUE.sub(rf"\1{_LEFT_OUT}", _SECRET_TEXT.sub(_LEFT_OUT, text))


def without_secrets(value: Any) -> Any:
    """A JSON value without what looks like a secret, by the name of its field or by its looks. JSON in strings is opened."""
    return _redacted(open_and_redact(value, {}))


def credential(name: str, value: str) -> bool:
    """Whether a named text, as of an environment variable, is a secret by its looks or by its name; a reference is none."""
    if not value or _REFERENCE.fullmatch(value):
        return False
    if name.upper() == "AWS_ACCESS_KEY_ID" or redact(value) != value:
        return True
    told = _CREDENTIAL_NAME.search(name) and not _ABOUT_ONE.search(name)
    return bool(told) and not (_NO_SECRET.fullmatch(value) or _PLAIN.fullmatch(value))


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {redact(key): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value


def open_and_redact(value: Any, hidden: dict[str, int], *, secret: bool = False, depth: int = 0) -> Any:
    """A JSON value without secrets, for a comparison: `hidden` numbers them, so that two that differ look different. JSON in strings is opened."""
    if isinstance(value, str):
        return _opened_text(value, hidden, secret=secret, depth=depth)
    if isinstance(value, dict | list | tuple) and depth > _DEEP:
        return "…"
    if isinstance(value, dict):
        named = any(_is_secret(inner) for key, inner in value.items() if str(key).lower() in _NAMES)
        return {
            str(key): open_and_redact(
                inner,
                hidden,
                secret=secret or _is_secret(key) or (named and str(key).lower() in _VALUES),
                depth=depth + 1,
            )
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [open_and_redact(inner, hidden, secret=secret, depth=depth + 1) for inner in value]
    return value


def _opened_text(value: str, hidden: dict[str, int], *, secret: bool, depth: int) -> Any:
    if secret and not _NO_SECRET.fullmatch(value):
        return f"[left out {hidden.setdefault(value, len(hidden) + 1)}]"
    if value[:1] in {"{", "["}:
        try:
            return open_and_redact(json.loads(value), hidden, depth=depth + 1)
        except (ValueError, RecursionError):
            pass
    return value


def _is_secret(name: Any) -> bool:
    """Whether a field's name says so. A colon makes it a condition key or an ARN, as in `aws:TokenIssueTime`."""
    return isinstance(name, str) and ":" not in name and _SECRET_NAME.search(name) is not None
