"""How IAM and events name identities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.core.event import text

if TYPE_CHECKING:
    from chalicelib.core.event import Event


NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
CREDENTIALS = ("resource", "accessKeyDetails")


def about_its_own_account(event: Event) -> bool:
    about = (text(event.detail, "accountId"), text(event.detail, "affectedAccount"))
    return all(account in {None, event.account} for account in about)
