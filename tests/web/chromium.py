"""A real Chromium without a window, driven through its DevTools protocol; for tests of pages."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--remote-debugging-port=0", "--window-size=1300,800"),
)

_KEEP_TERMINAL = """
Object.defineProperty(Object.prototype, "fitAddon", {configurable: true, set(value) {
    window.page = this;
    Object.defineProperty(this, "fitAddon", {value, writable: true});
}})
"""
"""The page keeps its emulator to itself: this keeps a reference to it before the page's own script runs."""

_READ_TERMINAL = """(() => {
    if (!window.page) return document.body ? document.body.innerText : "";
    const terminal = window.page.terminal, lines = [];
    for (let y = 0; y < terminal.rows; y++) lines.push(terminal.buffer.active.getLine(y).translateToString(true));
    return lines.join("\\n");
})()"""


def chromium() -> str:
    """The browser's command; skips the test where there is none, unless CI must have it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("MAILTOP_LIVE") == "required":
            pytest.fail("there is no Chromium, and CI must have one")
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    return found


class Page:
    """One tab. ``urls`` are all that it asked for, ``errors`` what its scripts did wrong."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.urls: list[str] = []
        self.errors: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the protocol; returns its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=20)
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            if message.get("method") == "Network.requestWillBeSent":
                self.urls.append(message["params"]["request"]["url"])
            elif message.get("method") == "Network.webSocketCreated":
                self.urls.append(message["params"]["url"])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))

    async def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True)
        return answer["result"].get("value")

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.call("Page.navigate", url=url)

    async def text(self) -> str:
        """What the terminal on the page shows; the page's own text where it has none."""
        return str(await self.evaluate(_READ_TERMINAL))

    async def wait_for(self, condition: str | Callable[[str], bool], timeout_seconds: float = 30.0) -> str:
        """Wait until a text stands on the page or a condition on its text holds; returns the text."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            text = await self.text()
            if condition in text if isinstance(condition, str) else condition(text):
                return text
            assert time.monotonic() < deadline, f"{condition!r} was never seen; the page shows:\n{text}"
            await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        """Type one key."""
        named = {"escape": ("Escape", 27, ""), "enter": ("Enter", 13, "\r")}
        name, code, text = named.get(key) or (key, ord(key.upper()), key)
        event = {"key": name, "windowsVirtualKeyCode": code, "text": text}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **event)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **{**event, "text": ""})

    async def picture(self) -> bytes:
        """What is seen, as PNG."""
        answer = await self.call("Page.captureScreenshot")
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A tab of a browser of its own, whose profile is in ``folder``."""
    argv = [chromium(), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = await asyncio.create_subprocess_exec(*argv, stdout=DEVNULL, stderr=DEVNULL)
    try:
        port = await asyncio.to_thread(_port, folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{port}/json") as answer:
                tab = next(each for each in await answer.json() if each["type"] == "page")
            async with client.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Network"):
                    await page.call(f"{domain}.enable")
                await page.call("Page.addScriptToEvaluateOnNewDocument", source=_KEEP_TERMINAL)
                yield page
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


def _port(file: Path) -> int:
    deadline = time.monotonic() + 30
    while not (file.exists() and file.read_text().count("\n")):
        assert time.monotonic() < deadline, "Chromium opened no DevTools"
        time.sleep(0.05)
    return int(file.read_text().split()[0])
