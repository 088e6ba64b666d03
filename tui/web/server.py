"""The server of the screen in a browser: textual-serve's pages and protocol, with the door in front of each request.
Only the command line enters."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp_jinja2
import jinja2
import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.server import Server

from tui.web.door import Door
from tui.web.session import Session

LOG = logging.getLogger("mailtop.web")

COOKIE = "mailtop_screen"
MAX_SCREENS = 8
"""So many browsers look at once: each has a screen of its own, with its own questions to the sources."""

MAX_MESSAGE_BYTES = 64 * 1024
MAX_FORM_BYTES = 4096
FONT_SIZES = range(8, 41)
STOP_SECONDS = 3.0

OPEN_PATHS = ("/", "/login", "/own/door.js", "/own/mailtop.css")
"""What is shown to who has not come in: the page that asks for the token."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScreenServer(Server):
    """Serves the screen that ``argv`` runs, to whom ``door`` lets in."""

    def __init__(self, argv: Sequence[str], door: Door) -> None:
        super().__init__("mailtop", title="mailtop")
        self._argv = argv
        self._door = door
        self._screens: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._gate], client_max_size=MAX_FORM_BYTES)
        own, theirs = Path(__file__).parent / "pages", Path(textual_serve.__file__).parent / "static"
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(own), autoescape=True)
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.post("/login", self._log_in),
                web.get("/own/{name:door.js|screen.js|mailtop.css}", self._own_file),
                web.static("/static", theirs),
            ]
        )
        app.on_shutdown.append(self.on_shutdown)
        return app

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse who asks for another server, who comes from other pages, and who has not come in."""
        if not self._door.is_known_host(request.host):
            response: web.StreamResponse = _refusal(421, "This is not the server that was asked for.")
        elif self._does_something(request) and not self._door.is_own_origin(request.headers.get("Origin")):
            response = _refusal(403, "Only mailtop's own pages may do this.")
        elif request.path not in OPEN_PATHS and not self._is_in(request):
            response = _refusal(401, "Open the first page and give the token.")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = _refusal(error.status, error.reason)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _does_something(self, request: web.Request) -> bool:
        return request.method not in ("GET", "HEAD") or request.path == "/ws"

    def _is_in(self, request: web.Request) -> bool:
        return self._door.is_open_to(request.cookies.get(COOKIE))

    async def handle_index(self, request: web.Request) -> web.Response:
        """The screen's page, or the one that asks for the token."""
        if not self._is_in(request):
            return aiohttp_jinja2.render_template("door.html", request, {"refused": "refused" in request.query})
        size = request.query.get("fontsize", "")
        origin = f"{'wss' if self._door.secure else 'ws'}://{request.host}"
        context = {
            "websocket_url": f"{origin}/ws",
            "font_size": int(size) if size.isdecimal() and int(size) in FONT_SIZES else 16,
        }
        return aiohttp_jinja2.render_template("screen.html", request, context)

    async def _log_in(self, request: web.Request) -> web.Response:
        if not self._door.may_try():
            return _refusal(429, "Too many tokens were tried; wait a minute.")
        session = self._door.open(str((await request.post()).get("token", "")))
        if session is None:
            LOG.warning("%s gave a wrong token", request.remote)
            return web.Response(status=303, headers={"Location": "/?refused"})
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, session, httponly=True, samesite="Strict", secure=self._door.secure, path="/")
        return response

    async def _own_file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).parent / "pages" / request.match_info["name"])

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One browser's screen, from its first byte to its last."""
        websocket = web.WebSocketResponse(heartbeat=15, max_msg_size=MAX_MESSAGE_BYTES)
        await websocket.prepare(request)
        if len(self._screens) >= MAX_SCREENS:
            await websocket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many screens are open")
            return websocket

        async def close() -> None:
            await websocket.close()

        session = Session(self._argv, write_bytes=websocket.send_bytes, write_str=websocket.send_str, close=close)
        self._screens.add(websocket)
        try:
            await session.start(_cells(request.query, "width", 80), _cells(request.query, "height", 24))
            await self._obey(websocket, session)
        except ConnectionError:
            LOG.info("%s has gone", request.remote)
        finally:
            self._screens.discard(websocket)
            await session.stop()
        return websocket

    async def _obey(self, websocket: web.WebSocketResponse, session: Session) -> None:
        """Hand on what the browser says, until it has gone; whoever says what is no message is shown out."""
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                kind, data = _envelope(message.data)
            except ValueError:
                await websocket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"this is no message of the screen")
                return
            if kind == "stdin" and isinstance(data, str):
                await session.send_bytes(data.encode("utf-8", "replace"))
            elif kind == "resize" and isinstance(data, dict):
                await session.set_terminal_size(_whole(data.get("width")), _whole(data.get("height")))
            elif kind == "ping":
                await websocket.send_json(["pong", data])
            elif kind in ("blur", "focus"):
                await (session.blur() if kind == "blur" else session.focus())

    async def on_shutdown(self, app: web.Application) -> None:
        """End every screen with the server."""
        del app
        for websocket in list(self._screens):
            await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"the server ends")


async def serve(
    server: ScreenServer, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None, stop: asyncio.Event
) -> None:
    """Serve on ``sockets`` until ``stop``; every screen ends with it."""
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    try:
        for each in sockets:
            await web.SockSite(runner, each, ssl_context=tls).start()
        await stop.wait()
    finally:
        await runner.cleanup()


def is_url(text: str) -> bool:
    """Whether ``text`` is the address of a web server and nothing more."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.path in ("", "/") and not parts.query


def _envelope(text: str) -> tuple[str, object]:
    """What a message is and holds; raises ``ValueError``."""
    envelope = json.loads(text)
    if not isinstance(envelope, list) or not envelope or not isinstance(envelope[0], str):
        raise ValueError("no message")
    return envelope[0], envelope[1] if len(envelope) > 1 else None


def _cells(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 6 else usual


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 1


def _refusal(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")
