"""Who may ask the console anything: the browser that was given the start address, from the console's own pages."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

LARGEST = 64 * 1024
"""Bytes of a request's body."""
KEY = "x-snapback-key"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Door:
    """`token` opens once, and gives that browser a cookie and a key, by which it is known until the console ends.

    A browser sends a cookie to every port of this machine, so to other users' servers too; the key goes to the console alone.
    """

    def __init__(self, port: int) -> None:
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.cookie = f"snapback_console_{port}"
        self.token = secrets.token_urlsafe(32)
        self._session, self._key = "", secrets.token_urlsafe(32)

    def refusal(self, request: Request) -> Response | None:
        """Why a request is not answered, or None. Only the empty page, its style and its scripts need no cookie."""
        fault = next(self._faults(request), None)
        return said(*fault) if fault else None

    def _faults(self, request: Request) -> Iterator[tuple[int, str]]:
        headers = request.headers
        host, size = headers.get("host", ""), headers.get("content-length", "")
        if host not in self.hosts:  # A name of somebody else's that leads to this machine: DNS rebinding.
            yield 400, "this console answers at 127.0.0.1 only"
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            yield 403, "another site asked for this"
        if request.method == "POST":
            if headers.get("origin") != f"http://{host}":
                yield 403, "another site asked for this"
            if headers.get("content-type", "").partition(";")[0] != "application/json":
                yield 415, "only JSON is accepted"
            if not size.isdecimal() or int(size) > LARGEST:
                yield 413, f"a request may have at most {LARGEST} bytes"
        if request.url.path.startswith(("/api/", "/report/")) and not self._is_known(request):
            yield 401, "open the address that `snapback console` printed, in one browser only"

    def _is_known(self, request: Request) -> bool:
        """A report has a seal of its own in place of the key: a link sends no header."""
        key = self._key if request.url.path.startswith("/report/") else request.headers.get(KEY, "")
        sent = (request.cookies.get(self.cookie, ""), self._session), (key, self._key)
        return bool(self._session) and all(hmac.compare_digest(one.encode(), other.encode()) for one, other in sent)

    def open(self, token: str) -> Response:
        """Gives the cookie for the token, once."""
        if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
            return said(403, "this address works once, and a browser has opened it; start `snapback console` again")
        self.token, self._session = "", secrets.token_urlsafe(32)
        answer = JSONResponse({"key": self._key})
        answer.set_cookie(self.cookie, self._session, httponly=True, samesite="strict")
        return answer


def said(status: int, line: str, **more: str) -> Response:
    return JSONResponse({"error": line, **more}, status)
