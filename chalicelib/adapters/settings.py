"""Settings as the functions read them: JSON, checked when it was packaged (`snapback settings check`)."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chalicelib.core.settings import Settings

PATH_VARIABLE = "SNAPBACK_SETTINGS"
PACKAGED = Path(__file__).parents[1] / "settings.json"
STACK_VARIABLE = "SNAPBACK_STACK"


def load_settings() -> Settings:
    """From the file that the environment names, or the packaged one, with our own stack.

    When it can't be read, the answer still alerts and never fixes, and `trouble` says why.
    """
    path = Path(os.environ.get(PATH_VARIABLE) or PACKAGED)
    try:
        return deployed(msgspec.json.decode(path.read_bytes(), type=Settings))
    except (OSError, msgspec.MsgspecError) as error:
        return deployed(Settings(trouble=f"the settings can't be read, so nothing is fixed: {path.name}: {error}"))


def deployed(settings: Settings) -> Settings:
    """With our own stack, which the environment tells and no file can."""
    return replace(settings, known=replace(settings.known, stack=os.environ.get(STACK_VARIABLE, "")))
