"""Settings to where the functions read them without a deploy: what is live, what would change, and the write."""

from __future__ import annotations

import json
import time
from typing import Any

from chalicelib.analysis.diff import changes
from chalicelib.aws.settings_source import LARGEST, LIVE, checked, fetcher
from chalicelib.core.errors import BadVersion, SettingsUnreadable
from chalicelib.core.settings import Settings
from snapback.errors import NotPublished
from snapback.settings_file import to_json

SMALL, LARGE = 4096, 8192
"""Bytes that a standard parameter may have, and an advanced one, which costs 0.05 USD a month:
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html."""


class Destination:
    """`ssm:/name` or `appconfig:application/environment/profile`. Raises NotPublished when it is neither."""

    def __init__(self, source: str, strategy: str = "") -> None:
        found = LIVE.fullmatch(source)
        if not found:
            raise NotPublished(
                f"{source or 'nothing'} isn't a place to publish to: deploy the stack with Settings=ssm or "
                "Settings=appconfig, or pass --to ssm:/NAME or --to appconfig:APPLICATION/ENVIRONMENT/PROFILE"
            )
        self.source, self._strategy = source, strategy
        self._parameter, self._profile = found["name"], (found["where"] or "").split("/")

    def live(self) -> bytes | None:
        """None when nothing was ever published. Raises NotPublished when that can't be read."""
        import boto3

        try:
            return fetcher(self.source, boto3.client)()
        except SettingsUnreadable as error:
            cause = str(error.__cause__)
            # AppConfig answers with nothing at all until something is deployed; powertools then has no last value.
            if (
                "ParameterNotFound" in cause
                or "ResourceNotFoundException" in cause
                or cause == f"'{self._profile[-1]}'"
            ):
                return None
            raise NotPublished(str(error)) from error

    def write(self, settings: Settings) -> str:
        """Answers what was done. Raises NotPublished, and what boto3 does."""
        raw = to_json(settings)
        most = LARGE if self._parameter else LARGEST
        if len(raw) > most:
            instead = "; AppConfig accepts more: deploy the stack with Settings=appconfig" if self._parameter else ""
            raise NotPublished(f"the settings have {len(raw)} bytes, and {self.source} accepts {most}{instead}")
        return self._to_parameter(raw) if self._parameter else self._to_appconfig(raw)

    def _to_parameter(self, raw: bytes) -> str:
        import boto3

        answer = boto3.client("ssm").put_parameter(
            Name=self._parameter, Value=raw.decode(), Type="SecureString", Overwrite=True, Tier="Intelligent-Tiering"
        )
        tier = f", over {SMALL}: an advanced parameter, 0.05 USD a month" if len(raw) > SMALL else ""
        return f"version {answer['Version']} of {self.source} ({len(raw)} bytes{tier})"

    def _to_appconfig(self, raw: bytes) -> str:
        """A version is never changed; the deployment is rolled back when the alarm rings while it bakes."""
        import boto3

        client: Any = boto3.client("appconfig")
        application, environment, profile = self._profile
        version = client.create_hosted_configuration_version(
            ApplicationId=application, ConfigurationProfileId=profile, Content=raw, ContentType="application/json"
        )["VersionNumber"]
        deployment = client.start_deployment(
            ApplicationId=application,
            EnvironmentId=environment,
            ConfigurationProfileId=profile,
            ConfigurationVersion=str(version),
            DeploymentStrategyId=self._strategy or "AppConfig.AllAtOnce",
            Description=f"snapback settings publish, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC",
        )["DeploymentNumber"]
        return f"version {version} of {self.source}, by deployment {deployment} ({len(raw)} bytes)"


def difference(live: bytes | None, settings: Settings) -> list[str]:
    """Lines that start with `- ` or `+ `, against the defaults where nothing is live; none when they are the same."""
    was, new = _read(live), to_json(settings)
    return changes(json.loads(was), json.loads(new), most=200) if was != new else []


def _read(live: bytes | None) -> bytes:
    try:
        return to_json(checked(live) if live is not None else Settings())
    except BadVersion as error:
        return json.dumps(f"settings that functions refuse: {error}").encode()
