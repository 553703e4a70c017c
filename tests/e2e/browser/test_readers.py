"""The pages in a real browser, for every kind of reader."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.browser.browsing import PICTURE, Site, Tab, begin, expect, state
from tests.waiting import until

PHONE = {"width": 360, "height": 740}


def test_it_all_works_without_javascript(site, open_tab):
    tab = open_tab(java_script_enabled=False)
    begin(tab, "pi", samples="1e8")
    until(lambda: site.h.store.job(tab.job).state == "done", what="the job is done")
    tab.page.reload()
    expect(state(tab.page)).to_have_text("done")
    expect(tab.page.locator(".digits")).to_contain_text("3.14")
    tab.page.fill("#only", "submit")
    tab.page.get_by_role("button", name="Show").click()
    expect(tab.page.locator(".story li")).to_have_count(1)
    site.hold(0)
    begin(tab, "drawing", **PICTURE)
    tab.page.get_by_role("button", name="Cancel").click()
    expect(state(tab.page)).to_have_text("cancelled")


def test_the_keyboard_is_enough(site, open_tab):
    tab = open_tab()
    page = tab.go("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.focus("#in-samples")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Control+A")
    page.keyboard.type("2e9")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    expect(state(page)).to_have_text("done")
    chart = page.locator(".chart svg")
    expect(chart.locator("polyline")).to_have_count(1)
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator('#way [data-show="readout"]')).to_contain_text("at 100.0\u202f%: 3.14")


@pytest.fixture
def every_page(site: Site, open_tab: Callable[..., Tab]) -> list[str]:
    """Paths of all pages, with a done and a running job of each kind."""
    tab = open_tab()
    done = [begin(tab, "pi", samples="3e9"), begin(tab, "drawing", columns="32")]
    until(lambda: all(site.h.store.job(job).state == "done" for job in done), what="two jobs")
    site.hold(5)
    running = begin(tab, "drawing", **PICTURE)
    until(lambda: site.done_units(running), what="tiles are in")
    jobs = [f"/jobs/{job}" for job in (*done, running)]
    return ["/", "/new/drawing", "/new/pi?samples=x", *jobs, "/jobs", "/workers"]


def test_axe_finds_nothing_wrong(open_tab, every_page):
    tab = open_tab(reduced_motion="reduce")
    for path in every_page:
        page = tab.go(path)
        for summary in page.locator("summary").all():
            summary.click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert tab.faults() == [], (path, scheme)


def test_a_phone_shows_every_page_whole(open_tab, every_page):
    tab = open_tab(viewport=PHONE, is_mobile=True, has_touch=True)
    for path in every_page:
        page = tab.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        for thing in page.locator("button:visible, input:visible, nav a:visible").all():
            assert thing.bounding_box()["height"] >= 44, (path, thing.inner_text())


def test_dark_is_dark_and_still_is_still(open_tab):
    ground = {}
    for scheme in ("light", "dark"):
        page = open_tab(color_scheme=scheme, reduced_motion="reduce").go("/")
        ground[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 246, 246)", "dark": "rgb(20, 25, 26)"}


def test_lists_refresh_by_themselves(site, open_tab):
    tab, other = open_tab(), open_tab()
    page = tab.go("/workers")
    begin(other, "pi", samples="3e9")
    expect(page.locator(".workers li")).to_have_count(1)
    expect(page.locator(".rates")).to_contain_text("points/s")


def test_the_printed_link_logs_in(browser):
    site = Site(token="secret")
    try:
        tab = Tab(browser.new_context(), site)
        page = tab.go("/")
        expect(page.get_by_role("alert")).to_contain_text("needs its token")
        tab.go("/login?token=secret")
        tab.said.clear()  # the refusal before, which the console tells
        begin(tab, "drawing", **PICTURE)
        expect(state(page)).to_have_text("done")
        expect(page.locator(".frame img")).to_have_js_property("naturalWidth", 128)
        assert tab.said == []
        page.context.close()
    finally:
        site.close()
