"""What botocore and moto do anew for each call though memory needs it once, or not at all: a third of a call's time.

tests/snapback/test_memory_aws.py holds that a call gets the same request and answer as without.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def calls() -> Iterator[None]:
    """While it lasts, calls are not signed, and moto keeps what it knows of its services."""
    import botocore.auth
    import botocore.useragent
    import moto.core.responses
    from moto.core.base_backend import BaseBackend
    from moto.core.request import Request

    made: Any = Request.from_primitives
    urls: Any = BaseBackend.urls
    with ExitStack() as stack:
        for owner, name, quick in (
            (botocore.auth.SigV4Auth, "add_auth", _say_who),
            (botocore.useragent.UserAgentString, "to_string", lambda _: "snapback-replay"),
            (moto.core.responses, "gen_amzn_requestid_long", _number),
            (BaseBackend, "urls", property(_kept(urls.fget))),
            (Request, "from_primitives", classmethod(_request(made))),
        ):
            stack.enter_context(patch.object(owner, name, quick))
        yield


def _say_who(self: Any, request: Any) -> None:
    """The key, region and service by which moto tells whose call it is; it checks no signature."""
    credential = f"{self.credentials.access_key}/20150830/{self._region_name}/{self._service_name}/aws4_request"
    del request.headers["Authorization"]
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"


def _number(headers: dict[str, Any] | None = None) -> str:
    """A request's id: moto draws each of 52 characters."""
    if headers is not None:
        headers["x-amzn-requestid"] = "in-memory"
    return "in-memory"


def _kept(urls: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """moto puts a service's URLs together, and for S3 imports its module again: they depend on the environment alone."""
    found: dict[type, Any] = {}

    def kept(self: Any) -> Any:
        if type(self) not in found:
            found[type(self)] = urls(self)
        return found[type(self)]

    return kept


_SERVER: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def _request(made: Callable[..., Any]) -> Callable[..., Any]:
    """moto's request, without the builder of werkzeug's tests that it is made by."""

    def quick(cls: Any, method: str, url: str, headers: Any, body: Any = None) -> Any:
        data = body.encode() if isinstance(body, str) else b"" if body is None else body
        names = {key.lower(): value for key, value in headers.items()}
        if not isinstance(data, bytes) or len(names) < len(headers) or any("_" in key for key in names):
            return made(method, url, headers, body)
        parts = urlsplit(url)
        port = {"https": 443, "http": 80}[parts.scheme] if parts.port is None else parts.port
        uri = f"{parts.path}?{parts.query}" if parts.query else parts.path
        environ: dict[str, Any] = {
            **_SERVER,
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "REQUEST_URI": uri,
            "RAW_URI": uri,
            "SERVER_NAME": parts.hostname,
            "SERVER_PORT": str(port),
            "HTTP_HOST": parts.netloc,
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": BytesIO(data),
            "wsgi.errors": None,
            "moto.preserved_header_names": {},
        }
        for key, value in names.items():
            if key != "transfer-encoding":
                folded = key.upper().replace("-", "_")
                plain = key in {"content-type", "content-length"}
                environ[folded if plain else f"HTTP_{folded}"] = value.decode() if isinstance(value, bytes) else value
        environ["CONTENT_LENGTH"] = str(len(data))
        request = cls(environ)
        vars(request)["url_root"] = f"{parts.scheme}://{parts.netloc}/"
        return request

    return quick
