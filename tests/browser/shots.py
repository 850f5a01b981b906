"""Make the pictures of the pages: `python tests/browser/shots.py docs/images`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from desk import ANN, PASSWORD, fill, served
from playwright.sync_api import sync_playwright

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.store import Store

SIZES = {"desktop": {"width": 1100, "height": 760}, "phone": {"width": 390, "height": 800}}
PAGES = ("history", "agents", "agents/ops-agent", "audit", "people", "account")


def shoot(page: Any, base: str, size: str, folder: Path, card: str) -> None:
    """Sign in, and take a picture of each page."""
    page.goto(f"{base}/")
    page.screenshot(path=folder / f"sign-in-{size}.png")
    page.keyboard.type(ANN)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-row]")
    page.screenshot(path=folder / f"queue-{size}.png")
    page.goto(f"{base}/approvals/{card}")
    page.screenshot(path=folder / f"card-{size}.png", full_page=True)
    page.keyboard.press("a")
    page.screenshot(path=folder / f"approve-{size}.png")
    for where in PAGES:
        page.goto(f"{base}/{where}")
        name = where.replace("/ops-agent", "-one")
        page.screenshot(path=folder / f"{name}-{size}.png")


def main(folder: Path) -> None:
    """Take all pictures, at the size of a desk and of a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, Store.open(f"sqlite:///{place}/a.db") as store:
        fill(store)
        queue = Approvals(store, AuditLog(store))
        waiting = queue.pending()
        for request, choice in zip(waiting[-2:], ("approve", "reject"), strict=True):
            queue.vote(
                request.id,
                "approve" if choice == "approve" else "reject",
                reviewer="bob@acme.example",
                digest=request.digest,
                reason="it was announced",
            )
        card = next(request.id for request in waiting if "salaries" in request.summary)
        with served(store) as base, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            for size, viewport in SIZES.items():
                page = chromium.new_context(viewport=viewport).new_page()
                shoot(page, base, size, folder, card)
            chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
