"""The settings file: YAML for people, checked against `core.settings.Settings`, each problem with its line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml
from msgspec import inspect as kinds

from chalicelib import catalog
from chalicelib.core.settings import Settings
from snapback.errors import BadSettings
from snapback.settings_checks import check_values
from snapback.settings_reader import BAD, Problem, Reader

if TYPE_CHECKING:
    from collections.abc import Callable


def read_settings(path: str | Path, *, warn: Callable[[Problem], None] = lambda _: None) -> Settings:
    """Raises BadSettings with all the problems at once; what is only doubtful goes to `warn`."""
    settings, problems = check(path)
    for problem in problems:
        if problem.warning:
            warn(problem)
    if settings is None:
        raise BadSettings([problem for problem in problems if not problem.warning])
    return settings


def check(path: str | Path, today: date | None = None) -> tuple[Settings | None, list[Problem]]:
    """The settings, None when they can't be used, and all that is wrong or doubtful, by line."""
    reader = Reader(str(path))
    try:
        root = _composed(Path(path))
    except _Unreadable as error:
        reader.wrong((), str(error), line=error.line)
        return None, reader.problems
    values = {} if root is None else reader.read(root, kinds.type_info(Settings), ())
    if values is not BAD:
        rules = {rule.id: rule for rule in catalog.all_rules()}
        check_values(reader, values, rules, today or datetime.now(UTC).date())
    reader.problems.sort(key=lambda problem: problem.line)
    settings = None
    if values is not BAD and all(problem.warning for problem in reader.problems):
        try:
            settings = msgspec.convert(values, Settings)
        except msgspec.ValidationError as error:  # msgspec has a constraint that Reader doesn't check.
            reader.wrong((), str(error))
    return settings, reader.problems


def to_json(settings: Settings) -> bytes:
    """As the functions read them (`chalicelib.aws.settings_source`); equal settings give equal bytes."""
    return msgspec.json.encode(settings, order="deterministic")


class _Unreadable(Exception):
    line = 0


def _composed(path: Path) -> yaml.Node | None:
    text = ""
    try:
        text = path.read_text("utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise _Unreadable("there is no such file; name your settings file") from error
    except OSError as error:
        raise _Unreadable(f"can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _Unreadable("is not UTF-8; save it as YAML in UTF-8") from error
    except RecursionError as error:
        raise _Unreadable("is nested too deeply") from error
    except yaml.reader.ReaderError as error:
        unreadable = _Unreadable(f"is not valid YAML: {error.reason} (character #x{error.character:x})")
        unreadable.line = text.count("\n", 0, error.position) + 1
        raise unreadable from error
    except yaml.MarkedYAMLError as error:
        unreadable = _Unreadable(f"is not valid YAML: {error.problem or error.context}")
        if mark := error.problem_mark or error.context_mark:
            unreadable.line = mark.line + 1
        raise unreadable from error
