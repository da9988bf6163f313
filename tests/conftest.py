from __future__ import annotations

import fcntl
import gc
import os
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import botocore.client
import moto.backend_index
import moto.core.models
import moto.core.responses
import moto.core.utils
import pytest
from aws_lambda_powertools import Metrics
from botocore.hooks import EventAliaser
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import settings
from moto import mock_aws
from moto.core.models import MockAWS

from snapback.memory_aws import gaps, memory
from tests.support.clients import whole
from tests.support.events import REGION
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("tests.faults.tally", "tests.notify.tally")

ALL = os.environ.get("SNAPBACK_FAULTS") == "all"
settings.register_profile("steady", settings(), deadline=None, derandomize=not ALL)
settings.load_profile("steady")
"""Hypothesis draws the same examples in each run, and others with `SNAPBACK_FAULTS=all`. A loaded machine may be slow."""


def pytest_collection_finish() -> None:
    """What was imported is never garbage; looking for some less often saves a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_configure(config: pytest.Config) -> None:
    kept = ExitStack()
    kept.enter_context(dear_things_made_once())
    config.add_cleanup(kept.close)


@contextmanager
def dear_things_made_once() -> Iterator[None]:
    """Else each test reads the service models again (160 ms for EC2) and makes client classes and an RSA key.

    And moto looks through a service's class for each request, and lists botocore's folder for each service.
    """
    loader = memory.loader()
    creator: Any = botocore.client.ClientCreator
    models, classes = creator._load_service_model, creator._create_client_class

    @cache
    def model(service: str) -> Any:
        return models(creator(loader, *[None] * 6), service)

    responses: Any = moto.core.responses
    utils: Any = moto.core.utils
    real_names = responses.method_names_from_class
    names: Any = cache(lambda clazz, *_sizes: real_names(clazz))

    def method_names(clazz: type) -> Any:
        """Anew where methods were added since."""
        return names(clazz, *(len(vars(each)) for each in clazz.__mro__))

    aliaser: Any = EventAliaser
    real_alias, plain = aliaser._alias_event_name, aliaser(None)
    alias = cache(lambda name: real_alias(plain, name))
    made: dict[str, Any] = {}

    def client_class(self: Any, service: str, service_model: Any) -> Any:
        if self._loader is not loader:  # Of trimmed models.
            return classes(self, service, service_model)
        if service not in made:
            made[service] = classes(self, service, service_model)
        return made[service]

    def model_of(self: Any, service: str, *versions: Any) -> Any:
        return model(service) if self._loader is loader else models(self, service, *versions)

    with (
        patch("botocore.session.create_loader", lambda _=None: loader),
        patch.object(creator, "_load_service_model", model_of),
        patch.object(creator, "_create_client_class", client_class),
        patch.object(rsa, "generate_private_key", cache(rsa.generate_private_key)),
        patch.object(responses, "method_names_from_class", method_names),
        patch.object(utils, "create_loader", cache(utils.create_loader)),
        patch.object(MockAWS, "_enable_patching", _registering_once(MockAWS._enable_patching)),
        patch.object(EventAliaser, "_alias_event_name", lambda _, name: alias(name)),
        patch("botocore.hooks.accepts_kwargs", lambda _: True),  # Else each hook's signature is inspected.
    ):
        yield


def _registering_once(enable: Any) -> Any:
    """moto registers 1,300 URLs with each `mock_aws`; here it is given the list of the first time, or of this order."""
    known: dict[Any, dict[str, list[Any]]] = {}
    index: Any = moto.backend_index
    models: Any = moto.core.models

    def copied(registered: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {method: [*each] for method, each in registered.items()}

    def enabled(mock: MockAWS, reset: bool = True) -> None:
        order = tuple(name for name, _ in index.backend_url_patterns)
        if not reset:
            enable(mock, reset)
        elif order in known:
            with patch.object(index, "backend_url_patterns", ()), patch.object(models, "RESPONSES_METHODS", ()):
                enable(mock)
            models.responses_mock._registry._registered.update(copied(known[order]))
        else:
            enable(mock)
            known[order] = copied(models.responses_mock._registry._registered)

    return enabled


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach a real account, whoever runs it."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "snapback",
    }.items():
        monkeypatch.setenv(name, value)
    Metrics(
        namespace="Snapback"
    ).clear_metrics()  # Disabled, they pile up, and the 100th value flushes, with a warning.


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with deployment.zip, in mode fix and for this interpreter, and sam.json; made once for all workers."""
    from chalicelib.core.settings import Settings
    from chalicelib.core.types import Mode
    from snapback.deploy.package import from_here, package

    base = tmp_path_factory.getbasetemp()
    build = (base if worker_id == "master" else base.parent) / "packaged"
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (build / "made").exists():
            package(Settings(mode=Mode.FIX), build / "package", from_here, compiler="")
            (build / "made").touch()
    return build / "package"


@pytest.fixture
def world(_environment: None) -> Iterator[World]:
    with mock_aws(), gaps.closed():
        yield World(whole(REGION))
