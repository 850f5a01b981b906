"""A real Chromium before the real server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from desk import ANN, PASSWORD, fill, served

from guarded_agent.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Nothing but the pages: no look-ups of the browser's own at its start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")  # no longer: Playwright keeps an event loop running meanwhile
def browser() -> Generator[Any]:
    """Chromium, started once for a module."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Store]:
    """A store with the requests of a morning in it."""
    with Store.open(f"sqlite:///{tmp_path}/guard.db") as store:
        fill(store)
        yield store


@pytest.fixture
def base(desk: Store) -> Generator[str]:
    """The address of the server."""
    with served(desk) as address:
        yield address


@pytest.fixture
def enter(browser: Any, base: str) -> Generator[Callable[..., Any]]:
    """Return a page in a browser of its own in which somebody signed in by keyboard."""
    opened: list[Any] = []

    def enter(name: str = ANN, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 850}} | options))
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("dialog", lambda dialog: page.errors.append("a dialog opened"))
        page.goto(f"{base}/")
        page.locator("input:not([type=hidden])").first.focus()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("nav")
        page.wait_for_load_state()  # the keys are there only then
        return page

    yield enter
    for context in opened:
        context.close()
