"""IAM's wildcards: `*` is any text, `?` any one character, and nothing else means more than itself.

`fnmatch` knows brackets besides, and takes seconds for a pattern of 20,000 of them.
"""

from __future__ import annotations

from functools import lru_cache

from chalicelib.analysis.budget import spend

_CALL = 16
"""Steps that it costs to ask, as against one place of a pattern that is looked at: a hundred nanoseconds."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is what the pattern means, case included; in time that grows with the product of lengths.

    Within `budget.bounded`, raises CannotJudge when that is spent.
    """
    found, steps = _walked(pattern, text)
    spend(steps)
    return found


@lru_cache(maxsize=1 << 16)
def _walked(pattern: str, text: str) -> tuple[bool, int]:
    """And how many steps it took, also if they were taken before."""
    steps = _CALL
    at = after = 0
    star = -1
    for_star = 0
    while at < len(text):
        steps += 1
        if pattern[after : after + 1] == "*":
            star, for_star = after, at
            after += 1
        elif pattern[after : after + 1] in ("?", text[at]):
            at, after = at + 1, after + 1
        elif star >= 0:
            for_star += 1
            at, after = for_star, star + 1
        else:
            return False, steps
    return not pattern[after:].strip("*"), steps


def completed(arn: str) -> str:
    """A pattern of ARNs with `*` for each of its six parts that is missing, as IAM takes it; other text as it is.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    return arn + ":*" * (5 - arn.count(":")) if arn.startswith("arn:") else arn
