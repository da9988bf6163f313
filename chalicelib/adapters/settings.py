"""Settings as the functions read them: JSON, checked when it was packaged (`snapback settings check`)."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from chalicelib.core.settings import Settings

PATH_VARIABLE = "SNAPBACK_SETTINGS"
PACKAGED = Path(__file__).parents[1] / "settings.json"


def load_settings() -> Settings:
    """From the file that the environment names, or the packaged one.

    When it can't be read, the answer still alerts and never fixes, and `trouble` says why.
    """
    path = Path(os.environ.get(PATH_VARIABLE) or PACKAGED)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except (OSError, msgspec.MsgspecError) as error:
        return Settings(trouble=f"the settings can't be read, so nothing is fixed: {path.name}: {error}")
