"""Accounts' names: the settings', and those that Organizations has, through the role that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snapback.errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.core.settings import Settings


ACCOUNT_NAMES = "snapback.account_names"
"""In click's context: answers with accounts' names by their numbers."""


def account(number: str) -> str:
    """An account's number, and its name where the settings or Organizations have one."""
    names = account_names()
    return f"{number} ({names[number]})" if number in names else number


def account_names() -> Mapping[str, str]:
    """Accounts' names by their numbers, as this command has read them."""
    context = click.get_current_context(silent=True)
    names: Mapping[str, str] = context.meta[ACCOUNT_NAMES]() if context and ACCOUNT_NAMES in context.meta else {}
    return names


def with_names(settings: Settings, warn: Callable[[str], None]) -> Settings:
    """The settings with Organizations' names under their own; `warn` hears why if those can't be read."""
    from msgspec.structs import replace

    if not settings.organization_role:
        return settings
    try:
        found = _in_organizations(settings, settings.organization_role)
    except Exception as error:
        line, _ = describe_error(error)
        if not line:
            raise
        warn(f"can't read accounts' names with {settings.organization_role}: {line}")
        return settings
    return replace(settings, account_names={**found, **settings.account_names})


def for_functions(settings: Settings, home: str, warn: Callable[[str], None]) -> Settings:
    """The same, but only the accounts that functions see.

    Functions get names with their settings, so that no message waits for Organizations; Parameter Store takes 8 KB.
    """
    from msgspec.structs import replace

    found = with_names(settings, warn).account_names
    seen = {home, *settings.accounts, *settings.account_names}
    return replace(settings, account_names={each: name for each, name in sorted(found.items()) if each in seen})


def _in_organizations(settings: Settings, role: str) -> dict[str, str]:
    from chalicelib.aws.sessions import AwsSessions

    number, name = role.split(":", 5)[4], role.partition(":role/")[2]
    sessions = AwsSessions("", settings)
    region = sessions.source.region_name or ""
    source = sessions.assuming(number, region, name, RoleSessionName="snapback-names")
    pages = source.client("organizations").get_paginator("list_accounts").paginate()
    return {each["Id"]: each["Name"] for page in pages for each in page["Accounts"]}
