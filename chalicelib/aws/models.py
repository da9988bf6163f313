"""botocore's service models as packaging trims them to the calls that the functions make (snapback/deploy/models.py).

Without trimmed models, as on a laptop, or with those of another botocore, botocore reads its own. Its own also stand behind the
trimmed ones: whatever is asked for and isn't there is read whole, and `missed` hears its name. A call never fails for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import msgspec
from botocore.client import BaseClient
from botocore.loaders import Loader
from botocore.model import ServiceId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.session import Session

FOLDER = Path(__file__).parents[1] / "models"
INDEX = "index.json"
TYPES = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")
"""botocore's files about a service that its clients read."""
DATA = ("_retry", "endpoints", "partitions", "sdk-default-configuration")
"""botocore's files about all services."""
LEFT_OUT = "snapback:leftOut"
"""In a trimmed model, the operations that it lacks, by their methods' names; botocore ignores the key."""
_RUNTIME_VARIABLE = "LAMBDA_RUNTIME_DIR"
"""Where Lambda's own botocore is, whose whole models are read where the zip has none."""


def use_trimmed(session: Session, missed: Callable[[str], object], folder: Path = FOLDER) -> None:
    """Have a session's clients made of the trimmed models in a folder, if they are there and are this botocore's."""
    try:
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=dict[str, Any])
        version, services = index["botocore"], index["services"]
    except FileNotFoundError:
        return
    except (OSError, msgspec.MsgspecError, KeyError) as error:
        missed(f"{INDEX}: {type(error).__name__}")
        version, services = "", {}
    if version != botocore.__version__:
        missed(f"models of botocore {version or '?'} for botocore {botocore.__version__}")
        session.register_component("data_loader", _whole())
        return
    models: Any = Models(folder, services, missed)
    session.register_component("data_loader", models)
    session.register("creating-client-class", models.paginate_all)
    session.register("getattr", models.method)


def _whole() -> Loader:
    runtime = os.environ.get(_RUNTIME_VARIABLE)
    return Loader(extra_search_paths=[str(Path(runtime, "botocore", "data"))] if runtime else None)


class Models:
    """A `data_loader` for botocore's sessions: the trimmed files of a folder, before botocore's own."""

    def __init__(self, folder: Path, services: Mapping[str, str], missed: Callable[[str], object]) -> None:
        self._folder, self._services, self._missed = folder, services, missed
        self._kept: dict[str, Any] = {}
        self._loader: Loader | None = None

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        own = self._services.get(service_name)
        if own and api_version in {None, own} and type_name in TYPES:
            found = self._read(f"{service_name}.{type_name}")
            if found is not None:
                return found
        elif type_name in TYPES:
            self._with_all_endpoints()
        return self._whole(f"{service_name}.{type_name}").load_service_model(service_name, type_name, api_version)

    def load_data(self, name: str) -> Any:
        return self.load_data_with_path(name)[0]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name in DATA and (found := self._read(name)) is not None:
            return found, str(self._folder / name)
        data, path = self._whole(name).load_data_with_path(name)
        return data, path

    def is_builtin_path(self, path: str) -> bool:
        return path.startswith(str(self._folder)) or self._whole(path).is_builtin_path(path)

    def __getattr__(self, name: str) -> Any:
        """Lists of services and of versions, which no client needs."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole(name), name)

    def paginate_all(self, class_attributes: dict[str, Any], event_name: str, **_: Any) -> None:
        """Paginators find their operation without asking the client for its method: ask it first."""
        for model in [model for name, model in self._kept.items() if name.endswith(".service-2")]:
            if ServiceId(model["metadata"]["serviceId"]).hyphenize() == event_name.rpartition(".")[2]:
                class_attributes["_PY_TO_OP_NAME"] |= model[LEFT_OUT]

        def get_paginator(client: BaseClient, operation_name: str) -> Any:
            getattr(client, operation_name)
            return BaseClient.get_paginator(client, operation_name)

        class_attributes["get_paginator"] = get_paginator

    def method(self, client: BaseClient, event_name: str, **_: Any) -> Any:
        """A method that the client lacks since its operation was left out; the client keeps its hooks and credentials."""
        model: Any = client.meta.service_model
        name = event_name.rpartition(".")[2]
        operation = model._service_description.get(LEFT_OUT, {}).get(name)  # noqa: SLF001 - botocore has no public way to it
        if operation is None:
            return None
        self._complete(model._service_description, model.service_name)  # noqa: SLF001
        return lambda **asked: client._make_api_call(operation, asked)  # type: ignore[attr-defined]  # noqa: SLF001

    def _complete(self, model: dict[str, Any], service: str) -> None:
        """The model stays the same object, for the clients that were made of it."""
        whole = self._whole(f"{service}.service-2").load_service_model(service, "service-2")
        for part in ("operations", "shapes"):
            model[part] |= {name: each for name, each in whole[part].items() if name not in model[part]}

    def _with_all_endpoints(self) -> None:
        """For a service that isn't known: the endpoints of all, in the same objects that sessions already have."""
        whole = {each["partition"]: each for each in self._whole("endpoints").load_data("endpoints")["partitions"]}
        for partition in self.load_data("endpoints")["partitions"]:
            partition["services"] |= whole[partition["partition"]]["services"]

    def _whole(self, name: str) -> Loader:
        self._missed(name)
        self._loader = self._loader or _whole()
        return self._loader

    def _read(self, name: str) -> Any:
        """None where there is no such file, as of a service without waiters, or it can't be read."""
        if name not in self._kept:
            try:
                self._kept[name] = msgspec.json.decode((self._folder / f"{name}.json").read_bytes())
            except (OSError, msgspec.MsgspecError):
                return None
        return self._kept[name]
