"""Accounts' names: the settings', and those that Organizations has, through the role that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.aws.sessions import AwsSessions
from snapback.errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.settings import Settings


def with_names(settings: Settings, warn: Callable[[str], None]) -> Settings:
    """The settings with Organizations' names under their own; `warn` hears why if those can't be read."""
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
    found = with_names(settings, warn).account_names
    seen = {home, *settings.accounts, *settings.account_names}
    return replace(settings, account_names={each: name for each, name in sorted(found.items()) if each in seen})


def _in_organizations(settings: Settings, role: str) -> dict[str, str]:
    account, name = role.split(":", 5)[4], role.partition(":role/")[2]
    sessions = AwsSessions("", settings)
    region = sessions.source.region_name or ""
    source = sessions.assuming(account, region, name, RoleSessionName="snapback-names")
    pages = source.client("organizations").get_paginator("list_accounts").paginate()
    return {each["Id"]: each["Name"] for page in pages for each in page["Accounts"]}
