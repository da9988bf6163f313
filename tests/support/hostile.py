"""What AWS answers to a guardrail's reads, with text in it that somebody hostile chose.

One mechanism for all guardrails, those to come included: the answers of a first evaluation are kept, and each further
evaluation gets them bent. Only text is bent that a person may have written, and to what AWS's own model of the service
allows there: no value of a fixed set, and no name by which another call asked. JSON in text is opened, as it is or
quoted, and bent within.
"""

from __future__ import annotations

import copy
import json
import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote, unquote

from hypothesis import strategies as st

from chalicelib.aws.sessions import _Memory, _question
from tests.security.mutation import HOSTILE as NAMES
from tests.security.mutation import Path, places, replaced
from tests.support.events import HOME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.aws.sessions import AwsSessions
    from chalicelib.core.session import Session

LONG = 20_000
TEXTS = (
    *NAMES,
    "x" * LONG,
    "a=" * (LONG // 2),
    "*" * 40,
    "[" * LONG,
    '{"a":' * 3_000 + "1" + "}" * 3_000,
    '"',
    "[]",
    "{}",
    '{"Statement": 5}',
    '{"Statement": [[[]], null, "Deny"]}',
    json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": 7, "Resource": {}}]}),
    json.dumps(json.dumps({"Statement": []})),
    "10.*",
    "010.0.0.0/8",
    "10.0.0.0/99",
    "::/0/0",
    "1.2.3",
    "arn:aws:iam::*",
    "arn:aws:iam::12345678901:role/x",
    "arn:aws:iam::123456789012",
    "%7B%22Statement%22%3A%20%5B%5D%7D",
    b64encode(b"\x1f\x8b\x00\xff").decode(),
    b64encode(b"\x00\xff\xfe" * 50).decode(),
)
"""No value that AWS could have, or one that takes its reader long."""
VALUES: tuple[Any, ...] = (*TEXTS, None, True, 0, -1, 10**40, 1.5, [], {}, [None], [[]], [{}], {"AWS": 5}, {"": None})
_UNREADABLE: tuple[Any, ...] = (
    {"IpAddress": {"aws:SourceIp": "10.207.*.*"}},
    {"NotIpAddress": {"aws:SourceIp": ["office", None]}},
    {"StringNotEquals": {"aws:PrincipalOrgID": [{}]}},
    {"ArnNotLike": {"aws:PrincipalArn": []}},
    {"StringNotEquals": None},
    {"Nonsense": {"": [[]]}},
    "none",
    [None],
)
SIBLINGS: tuple[Any, ...] = (
    None,
    "Deny",
    [[]],
    {},
    {"Effect": "deny", "Principal": "*", "Action": "*", "Resource": "*"},
    {"Effect": ["Deny"], "Principal": "*", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Principal": {"AWS": 5}, "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Principal": "*", "Action": [None], "Resource": {"*": 1}},
    {"Effect": "Deny", "NotPrincipal": {"AWS": [None]}, "NotAction": [7], "NotResource": [{}]},
    *({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": each} for each in _UNREADABLE),
)
"""Statements that excuse nothing, since they can't be read."""


NO_POLICIES = (
    "{",
    "[" * LONG,
    "7",
    '"{}"',
    "[]",
    '{"Statement": 5}',
    '{"Statement": [null]}',
    '\ufeff{"Statement": []}',
)
"""Texts that are no policy, and so let nobody know what they allow."""


def _of_identity(statement: Any) -> bool:
    """Whether what can't be read in it isn't just the principal, for which an identity's policy has no use."""
    return not isinstance(statement, dict) or statement.get("Principal") != {"AWS": 5}


@dataclass(frozen=True)
class Place:
    """A text in the answer to a call: the call, the way to it, and what it can be by the model of the service."""

    call: Any
    path: Path
    shape: Any

    def takes(self, text: str) -> bool:
        """Whether AWS's model allows such a text."""
        about = self.shape.metadata
        with suppress(re.error):  # It is Java's.
            if not re.fullmatch(about.get("pattern", ".*"), text, re.DOTALL):
                return False
        return bool(about.get("min", 0) <= len(text) <= about.get("max", len(text)))


@dataclass
class Answers:
    """What AWS answered to the reads of one evaluation, by call, and where in them is text that somebody may choose.

    `words` are those of the resource's id.
    """

    sessions: AwsSessions
    answers: dict[Any, Any]
    texts: list[Place]
    words: list[str]

    def reader(self, region: str, bent: dict[Any, Any]) -> Session:
        """A reader session that gets these answers, some of them bent."""
        reader = self.sessions.reader(HOME, region)
        memory = self.sessions._memories[HOME]
        memory.answers.update(
            {call: each._replace(parsed=bent.get(call, each.parsed)) for call, each in self.answers.items()}
        )
        return reader


def answers_to(sessions: AwsSessions, resource: Any, evaluate: Callable[[Session], object]) -> Answers:
    """Of one evaluation of the resource."""
    shapes: dict[Any, Any] = {}
    read = _Memory._read

    def noting(self: Any, client: Any, operation: str, asked: Any, **how: Any) -> Any:
        shapes[_question(client, operation, asked)] = client.meta.service_model.operation_model(operation).output_shape
        return read(self, client, operation, asked, **how)

    with patch.object(_Memory, "_read", noting):
        evaluate(sessions.reader(HOME, resource.region))
    answers = dict(sessions._memories[HOME].answers)
    asked = unquote("\n".join(map(repr, [resource, *answers])))
    texts = [
        Place(call, path, shape)
        for call, answer in answers.items()
        for path, shape, text in _texts(shapes[call], answer.parsed)
        if len(text) > 1 and text not in asked
    ]
    return Answers(sessions, answers, texts, re.findall(r"[\w.-]{4,}", resource.id))


def _texts(shape: Any, value: Any, at: Path = ()) -> Iterator[tuple[Path, Any, str]]:
    """Those that aren't of a fixed set."""
    if shape is None or shape.type_name in {"timestamp", "blob"}:
        return
    if isinstance(value, dict) and shape.type_name == "map":
        for key, inner in value.items():
            yield from _texts(shape.value, inner, (*at, key))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(shape.members.get(key), inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(shape.member, inner, (*at, index))
    elif isinstance(value, str) and not shape.enum:
        yield at, shape, value


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def opened(text: str) -> tuple[Any, Callable[[Any], str]] | None:
    """A JSON object in a text, and how it is written there; None of other text."""
    for read, write in ((str, str), (unquote, quote)):
        with suppress(ValueError, RecursionError):
            found = json.loads(read(text))
            if isinstance(found, dict):
                return found, lambda value, write=write: write(json.dumps(value))
    return None


@st.composite
def bent(draw: st.DrawFn, answers: Answers) -> dict[Any, Any]:
    """The answers to some calls, with one to three of their texts, or what is in their JSON, replaced."""
    found: dict[Any, Any] = {}
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(answers.texts))
        answer = found.get(place.call, answers.answers[place.call][1])
        document = opened(at(answer, place.path))
        within = list(places(document[0])) if document else []
        if document and within and draw(st.integers(0, 5)):
            inner, write = document
            value: str = write(replaced(inner, draw(st.sampled_from(within)), draw(st.sampled_from(VALUES))))
        else:
            value = draw(st.sampled_from(TEXTS))
        if place.takes(value):
            found[place.call] = replaced(copy.deepcopy(answer), place.path, value)
    return found


def with_siblings(answers: Answers) -> Iterator[dict[Any, Any]]:
    """With one more thing that can't be read, before or behind the others: a statement of a policy, a member of a list."""
    for place in answers.texts:
        answer = answers.answers[place.call][1]
        for path, value in (*_more_statements(place, answer), *_more_members(place, answer, answers.words)):
            yield {place.call: replaced(copy.deepcopy(answer), path, value)}


def without_policies(answers: Answers) -> Iterator[dict[Any, Any]]:
    """With a text that is no policy in place of one."""
    for place in answers.texts:
        answer = answers.answers[place.call][1]
        document = opened(at(answer, place.path))
        if document and "Statement" in document[0]:
            for text in filter(place.takes, NO_POLICIES):
                yield {place.call: replaced(copy.deepcopy(answer), place.path, text)}


def _more_statements(place: Place, answer: Any) -> Iterator[tuple[Path, Any]]:
    document = opened(at(answer, place.path))
    if document and "Statement" in document[0]:
        inner, write = document
        own = inner["Statement"] if isinstance(inner["Statement"], list) else [inner["Statement"]]
        of_resource = any("Principal" in each for each in own)
        for number, sibling in enumerate(SIBLINGS if of_resource else filter(_of_identity, SIBLINGS)):
            listed = [sibling, *own] if number % 2 else [*own, sibling]
            yield place.path, write({**inner, "Statement": listed})


def _more_members(place: Place, answer: Any, words: list[str]) -> Iterator[tuple[Path, Any]]:
    """Each a copy of the list's own member, but for this text. Not of a list of what was asked for: it stands alone."""
    last = max((number for number, key in enumerate(place.path) if isinstance(key, int)), default=0)
    if any(isinstance(key, int) for key in place.path[:last]):
        listed, within = at(answer, place.path[:last]), place.path[last + 1 :]
        if any(word in repr(listed) for word in words):
            return
        for number, text in enumerate(filter(place.takes, TEXTS[::4])):
            member = replaced(listed[place.path[last]], within, text)
            yield place.path[:last], [member, *listed] if number % 2 else [*listed, member]
