"""Secrets by their names in Parameter Store and Secrets Manager."""

from __future__ import annotations

from chalicelib.core.errors import SecretUnreadable

_KEPT = 300
"""Seconds that a secret is kept that was read; one that was refused is read again at once."""
_REFUSED: set[str] = set()
"""Secrets that were refused since they were read."""


def secret(where: str, *, anew: bool = False) -> str:
    """What the secret holds that `where` names (`ssm:/path`, `secretsmanager:name`), or `where` itself when it names none.

    It is read `anew`, or may be some minutes old. Raises SecretUnreadable.
    """
    store, _, name = where.partition(":")
    if store not in {"ssm", "secretsmanager"}:
        return where
    from aws_lambda_powertools.utilities import parameters

    refused = anew or where in _REFUSED
    try:
        found = str(
            parameters.get_parameter(name, decrypt=True, max_age=_KEPT, force_fetch=refused)
            if store == "ssm"
            else parameters.get_secret(name, max_age=_KEPT, force_fetch=refused)
        ).strip()
    except parameters.exceptions.GetParameterError as error:
        raise SecretUnreadable(f"can't be read from {store}: {error}") from error
    _REFUSED.discard(where)
    return found


def values(held: str) -> tuple[str, ...]:
    """Those that a secret holds, a line each, one at least: the present one, then any former one while it is rotated.

    Blank lines count as nothing; a secret of nothing else is one empty value.
    """
    return tuple(line for each in held.splitlines() if (line := each.strip())) or ("",)


def refuse(where: str) -> None:
    """What a secret holds was refused by whom it is for: the next one to ask for it reads it again."""
    _REFUSED.add(where)
