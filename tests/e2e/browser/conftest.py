"""A browser, a site for it to look at, and tabs that must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.e2e.browser.browsing import Site, Tab

# Imported where they are used: without a browser, `browsing` skips whoever imports it.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.e2e.browser.browsing import CHROMIUM, FLAGS, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    from tests.e2e.browser.browsing import Site

    site = Site()
    yield site
    site.close()


@pytest.fixture
def open_tab(browser: Browser, site: Site) -> Iterator[Callable[..., Tab]]:
    """Open a tab of its own context; at the end no console may have complained."""
    from tests.e2e.browser.browsing import WAIT_MS, Tab

    tabs: list[Tab] = []

    def start(**options: Any) -> Tab:
        context = browser.new_context(**options)
        context.set_default_timeout(WAIT_MS)
        tabs.append(Tab(context, site))
        return tabs[-1]

    yield start
    for tab in tabs:
        tab.page.context.close()
    assert [tab.said for tab in tabs if tab.said] == []
