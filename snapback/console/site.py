"""The console's pages and what they ask for. A GET changes nothing; each answer is JSON, but for the page itself."""

from __future__ import annotations

import json
import traceback
from contextlib import asynccontextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import click
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from chalicelib import catalog
from chalicelib.analysis.text import plain
from chalicelib.core.event import dig
from snapback.console.guard import HEADERS, said
from snapback.console.sources import Wanted
from snapback.errors import EXPIRED, FAULT, UNACCEPTED, Refused, describe_error
from snapback.report.page import SHARED, report_data, web_file, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request

    from snapback.console.guard import Door
    from snapback.console.live import Live
    from snapback.console.sources import FileSource

_SCRIPTS = (*SHARED, "console.js")
_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Snapback console</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><h1>Snapback console</h1><p id="about" class="soft"></p><div id="trouble" role="alert"></div><nav id="tabs" aria-label="Parts"></nav></header>
<main id="main" tabindex="-1"><p>One moment …</p><noscript><p>The console needs JavaScript.</p></noscript></main>
%s
</body>
</html>
"""


class Site:
    """What is asked for, by its path. `live` is None for a file, which is read only."""

    def __init__(self, door: Door, source: FileSource | Live) -> None:
        from snapback.console.live import Live

        self._door, self._source = door, source
        self._live = source if isinstance(source, Live) else None
        self._reads: dict[str, Callable[[Mapping[str, str]], Any]] = {
            "about": self._about,
            "findings": self._findings,
            "finding": self._finding,
            "overview": self._overview,
        }
        self._acts: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        if self._live:
            self._reads |= self._live.reads
            self._acts |= self._live.acts

    def application(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            if self._live:
                self._live.close()

        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/start", self._start, methods=["POST"]),
                Route("/report/{number:int}/{seal}", self._report),
                Route("/api/{name:path}", self._read, methods=["GET"]),
                Route("/api/{name:path}", self._act, methods=["POST"]),
                Route("/{name}", self._file),
            ],
            exception_handlers={404: self._nothing, 405: self._nothing},
            lifespan=lifespan,
        )

    def _about(self, _: Mapping[str, str]) -> Any:
        rules = [rule.id for rule in catalog.all_rules()]
        return {**words(), **self._source.about(), "read_only": self._live is None, "rules": rules}

    def _findings(self, asked: Mapping[str, str]) -> Any:
        wanted = Wanted.of(asked)
        page = self._source.page(wanted)
        if not page.findings and not page.cursor:
            wanted.filters.check_rules()
        return {**page.to_json(), "left_out": self._left_out()}

    def _overview(self, asked: Mapping[str, str]) -> Any:
        """The report's data of what fits, without each finding's details; `latest` if older ones aren't counted."""
        result, latest = self._source.overview(Wanted.of(asked))
        return {**report_data(result, details=False), "latest": latest, "left_out": self._left_out()}

    def _left_out(self) -> list[str]:
        return self._live.left_out() if self._live else []

    def _finding(self, asked: Mapping[str, str]) -> Any:
        found = self._source.detail(asked.get("id", ""))
        if found is None:
            raise Refused("there is no such record")
        return found

    async def _page(self, request: Request) -> Response:
        if refused := self._door.refusal(request):
            return _dressed(refused)
        scripts = "\n".join(f'<script src="/{escape(name)}"></script>' for name in _SCRIPTS)
        return _dressed(HTMLResponse(_SHELL % scripts))

    async def _nothing(self, request: Request, error: Exception) -> Response:
        return _dressed(
            self._door.refusal(request) or said(getattr(error, "status_code", 404), "there is nothing here")
        )

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if refused := self._door.refusal(request):
            return _dressed(refused)
        if name not in {*_SCRIPTS, "page.css"}:
            return _dressed(said(404, "there is nothing here"))
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return _dressed(Response(web_file(name), media_type=kind))

    async def _start(self, request: Request) -> Response:
        if refused := self._door.refusal(request):
            return _dressed(refused)
        return _dressed(self._door.open(str(dig(await _json(request), "token") or "")))

    async def _read(self, request: Request) -> Response:
        return await self._answered(request, self._reads, dict(request.query_params))

    async def _act(self, request: Request) -> Response:
        return await self._answered(request, self._acts, None)

    async def _answered(self, request: Request, known: Mapping[str, Callable[[Any], Any]], asked: Any) -> Response:
        if refused := self._door.refusal(request):
            return _dressed(refused)
        what = known.get(request.path_params["name"])
        if what is None:
            return _dressed(
                said(
                    404,
                    "this console can't do this: a result in a file is read only"
                    if not self._live
                    else "there is nothing here",
                )
            )
        asked = await _json(request) if asked is None else asked
        if not isinstance(asked, dict):
            return _dressed(said(400, "the request is no JSON object"))
        return _dressed(await run_in_threadpool(_done, what, asked))

    async def _report(self, request: Request) -> Response:
        """A run's report is a page of its own, with the policy that it brings; opened here, it still can ask for nothing."""
        if refused := self._door.refusal(request):
            return _dressed(refused)
        if self._live is None:
            return _dressed(said(404, "there is nothing here"))
        try:
            content = self._live.runs.report(request.path_params["number"], request.path_params["seal"])
        except (Refused, OSError):
            return _dressed(said(404, "this run has no report"))
        policy = "sandbox allow-scripts allow-modals; frame-ancestors 'none'"
        return _dressed(HTMLResponse(content), **{"Content-Security-Policy": policy})


async def _json(request: Request) -> Any:
    """None for what is no JSON, or holds half a character, which nothing can write."""
    try:
        told = json.loads(await request.body())
        json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return told


def _done(what: Callable[[Any], Any], asked: Any) -> Response:
    """An error that a person can cause is one line; a fault in Snapback is on stderr, with its traceback."""
    try:
        return JSONResponse(what(asked))
    except Exception as error:  # noqa: BLE001 - told by its kind
        line, code = describe_error(error)
        if code == FAULT:
            click.echo("\n".join(map(plain, traceback.format_exc().splitlines())), err=True)
            return said(500, f"a fault in Snapback ({type(error).__name__}); the terminal has its traceback")
        return said(409, line, kind="credentials" if _wants_credentials(error) else "")


def _wants_credentials(error: Exception) -> bool:
    from botocore import exceptions as aws

    code = dig(getattr(error, "response", None), "Error", "Code")
    lost = (
        aws.NoCredentialsError
        | aws.PartialCredentialsError
        | aws.CredentialRetrievalError
        | aws.SSOError
        | aws.TokenRetrievalError
    )
    return code in (*EXPIRED, *UNACCEPTED) or isinstance(error, lost)


def _dressed(answer: Response, **headers: str) -> Response:
    for name, value in {**HEADERS, **headers}.items():
        answer.headers[name] = value
    return answer
