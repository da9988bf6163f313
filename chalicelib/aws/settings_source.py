"""Settings as the functions read them: JSON, checked when it was packaged or published (`snapback settings`).

`SNAPBACK_SETTINGS` says where they are: a path, `ssm:/name` (Parameter Store) or `appconfig:application/environment/profile`.
The latter two may change without a deploy; `Live` follows them.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from chalicelib.aws.source import open_source
from chalicelib.core.errors import BadVersion, SettingsUnreadable
from chalicelib.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

PATH_VARIABLE = "SNAPBACK_SETTINGS"
PACKAGED = Path(__file__).parents[1] / "settings.json"
STACK_VARIABLE = "SNAPBACK_STACK"
KEPT, SOON = 60.0, 5.0
"""Seconds for which settings are taken to be what they were when they were last asked for; less while none are good."""
LARGEST = 1_000_000
"""Bytes of settings."""
LIVE = re.compile(r"ssm:(?P<name>/[A-Za-z0-9_./-]+)|appconfig:(?P<where>[^/\s]+/[^/\s]+/[^/\s]+)")


def load_settings() -> Settings:
    """From the file that the environment names, or the packaged one, with our own stack.

    When it can't be read, the answer still alerts and never fixes, and `trouble` says why.
    """
    named = os.environ.get(PATH_VARIABLE, "")
    path = Path(PACKAGED if not named or LIVE.fullmatch(named) else named)
    try:
        return deployed(msgspec.json.decode(path.read_bytes(), type=Settings))
    except (OSError, msgspec.MsgspecError) as error:
        return deployed(Settings(trouble=f"the settings can't be read, so nothing is fixed: {path.name}: {error}"))


def deployed(settings: Settings) -> Settings:
    """With our own stack and where its settings are published, which the environment tells and no file can."""
    named = os.environ.get(PATH_VARIABLE, "")
    published = named if LIVE.fullmatch(named) else ""
    return replace(settings, stack=os.environ.get(STACK_VARIABLE, ""), published=published)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the settings that are published are not those in use. `version` is their hash; empty when they can't be read."""

    version: str
    why: str


class Live:
    """Settings that are asked for anew each minute, whether that went well the last time or not.

    A version that can't be used is refused, and the last good one kept. Where there is none yet, as in a function that
    has just started, the packaged settings say whom to tell; but nothing is fixed by them, since the exemptions since
    published aren't known. `refusal` says what is wrong, until it is right again.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        packaged: Callable[[], Settings] = load_settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._packaged, self._clock = fetch, packaged, clock
        self._due = 0.0
        self._good: tuple[str, Settings] | None = None
        self._instead: Settings | None = None
        self.refusal: Refusal | None = None

    def current(self, refused: Callable[[Refusal], None] = lambda _: None) -> Settings:
        """The same object until they change. `refused` is called each time that they were asked for in vain."""
        if self._due and self._clock() < self._due:
            return self._in_use()
        was, self.refusal = self.refusal, self._asked()
        self._due = self._clock() + (KEPT if self._good else SOON)
        if self.refusal:
            self._instead = self._instead if was == self.refusal else None
            refused(self.refusal)
        return self._in_use()

    def _asked(self) -> Refusal | None:
        try:
            raw = self._fetch()
        except SettingsUnreadable as error:
            return Refusal("", str(error))
        version = version_of(raw)
        if self._good is None or version != self._good[0]:
            try:
                self._good = version, deployed(checked(raw))
            except BadVersion as error:
                return Refusal(version, str(error))
        return None

    def _in_use(self) -> Settings:
        if self._good:
            return self._good[1]
        if self._instead is None:
            assert self.refusal is not None
            packaged = self._packaged()
            trouble = f"the published settings can't be used, so nothing is fixed: {self.refusal.why}"
            self._instead = replace(packaged, trouble=packaged.trouble or trouble)
        return self._instead


def live_settings(open_client: Callable[..., Any] | None = None) -> Live | None:
    """What the environment names, if that can change without a deploy. A session's `client` saves opening another session."""
    named = os.environ.get(PATH_VARIABLE, "")
    return Live(fetcher(named, open_client)) if LIVE.fullmatch(named) else None


def fetcher(source: str, open_client: Callable[..., Any] | None = None) -> Callable[[], bytes]:
    """What reads `ssm:/name` or `appconfig:…`, and raises SettingsUnreadable; without powertools, which takes 80 ms to import."""
    found = LIVE.fullmatch(source)
    assert found is not None
    open_client = open_client or open_source().client
    if found["name"]:
        return partial(_parameter, source, found["name"], cache(partial(open_client, "ssm", config=_config())))
    return _from_appconfig(source, found["where"], cache(partial(open_client, "appconfigdata", config=_config())))


def _parameter(source: str, name: str, ssm: Callable[[], Any]) -> bytes:
    try:
        value: str = ssm().get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        raise SettingsUnreadable(f"{source} can't be read: {error}") from error
    return value.encode()


def _from_appconfig(source: str, where: str, client: Callable[[], Any]) -> Callable[[], bytes]:
    """https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html."""
    application, environment, profile = where.split("/")
    tokens: list[str] = []
    kept = b""

    def fetch() -> bytes:
        nonlocal kept
        try:
            if not tokens:
                begun = client().start_configuration_session(
                    ApplicationIdentifier=application,
                    EnvironmentIdentifier=environment,
                    ConfigurationProfileIdentifier=profile,
                )
                tokens.append(begun["InitialConfigurationToken"])
            answer = client().get_latest_configuration(ConfigurationToken=tokens.pop())
            tokens.append(answer["NextPollConfigurationToken"])
            kept = answer["Configuration"].read() or kept  # What is unchanged isn't sent again.
        except (BotoCoreError, ClientError) as error:
            tokens.clear()  # AppConfig may have refused the session's token: the next call gets a new one.
            raise SettingsUnreadable(f"{source} can't be read: {error}") from error
        return kept

    return fetch


def checked(raw: bytes) -> Settings:
    """Settings as they are published. Raises BadVersion.

    What a person may get wrong in YAML, `snapback settings publish` has checked; this is what no version may be.
    """
    if len(raw) > LARGEST:
        raise BadVersion(f"the settings have {len(raw)} bytes, more than {LARGEST}")
    try:
        settings = msgspec.json.decode(raw, type=Settings)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadVersion(f"the settings can't be used: {error}") from error
    if settings.trouble or settings.stack or settings.published:
        raise BadVersion("the settings set `trouble`, `stack` or `published`, which only Snapback itself may set")
    names = [channel.name for channel in settings.channels]
    if len(set(names)) < len(names):
        raise BadVersion("two channels in the settings have the same name")
    used = {name for route in settings.routes for name in route.channels} | {*settings.asking.escalate_to}
    used |= {channel.fallback for channel in settings.channels if channel.fallback}
    used |= {settings.direct.via} if settings.direct else set()
    if lacking := sorted(used - {*names}):
        raise BadVersion(f"the settings refer to unknown channels: {', '.join(lacking)}")
    return settings


def version_of(raw: bytes) -> str:
    return blake2b(raw, digest_size=8).hexdigest()


def _config() -> Config:
    return Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 5})
