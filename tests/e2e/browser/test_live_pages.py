"""Jobs in a real browser: from the form to the answer, through everything that may come between."""

from __future__ import annotations

import re

from tests.e2e.browser.browsing import PICTURE, WAIT_MS, answer, begin, expect, state
from tests.waiting import until


def test_pi_from_the_form_to_its_answer(site, open_tab):
    tab = open_tab()
    page = tab.go("/")
    page.get_by_role("link", name="a billion points").click()
    expect(page.locator("#in-samples")).to_have_value("1000000000")
    page.fill("#in-samples", "3e9")
    page.get_by_role("button", name="Start").click()
    expect(state(page)).to_have_text("done")
    pi = answer(site, tab.job)["pi"]
    expect(page.locator(".digits")).to_have_text(f"{pi:.12f}")
    expect(page.locator(".chart svg polyline")).to_have_count(1)
    label = page.locator(".chart svg").get_attribute("aria-label")
    assert label.startswith("pi over the work done: at 100.0\u202f% it is 3.14")
    expect(
        page.locator("#details dd").filter(has_text="3\u202f000\u202f000\u202f000").first
    ).to_be_visible()
    expect(page.locator(".story li").last).to_contain_text("done")
    assert page.title() == "done: pi - Hydra"


def test_a_picture_fills_in_tile_by_tile(site, open_tab):
    tab = open_tab()
    site.hold(20)
    job = begin(tab, "drawing", **PICTURE)
    bar = tab.page.locator('[data-show="bar"]')
    until(
        lambda: site.done_units(job) == len(tab.painted()) == bar.evaluate("(b) => b.value") > 0,
        what="canvas and bar show what is there",
    )
    assert len(tab.painted()) <= 20
    site.release()
    expect(state(tab.page)).to_have_text("done")
    image = tab.page.locator(".frame img")
    expect(image).to_have_js_property("naturalWidth", 128)
    expect(image).to_be_visible()
    # Only what is new was ever asked for.
    after = [query.partition("=")[2].partition("&")[0] for query in tab.tiles]
    positions = [int(cursor.partition(".")[2] or 0) for cursor in after]
    assert positions == sorted(set(positions))
    with tab.page.expect_download() as saved:
        tab.page.get_by_role("link", name="image.png").click()
    assert saved.value.suggested_filename == f"drawing-{job[:8]}-image.png"


def test_the_page_shows_who_works_when(site, open_tab):
    tab = open_tab()
    site.hold(30)
    job = begin(tab, "drawing", **PICTURE)
    card = tab.page.locator("#timeline")
    expect(card.locator("path.bar").first).to_be_attached()
    expect(card.locator("#efficiency")).to_have_text("")
    chart = card.locator("svg")
    chart.focus()
    tab.page.keyboard.press("Home")
    expect(card.locator('[data-show="readout"]')).to_contain_text("units from 0 on")
    site.release()
    expect(state(tab.page)).to_have_text("done")
    expect(card.locator("#efficiency")).to_contain_text("of the bound")
    chunks = len(site.h.store.views.timeline(job))
    expect(chart).to_have_attribute("aria-label", re.compile(f"^{chunks} chunks of 1 workers"))
    card.locator("summary").click()
    row = card.locator("tbody tr")
    expect(row.locator("td").nth(1)).to_have_text(str(chunks))
    expect(row.locator("td").nth(2)).to_have_text("48")


def test_a_large_picture_is_drawn_smaller(site, open_tab):
    tab = open_tab()
    site.hold(5)
    job = begin(tab, "drawing", columns="4096", rows="16")
    until(lambda: site.done_units(job), what="tiles are in")
    canvas = tab.page.locator("canvas")
    expect(canvas).to_have_js_property("width", 2048)
    until(
        lambda: (
            tab.page.evaluate(
                "document.querySelector('canvas').getContext('2d').getImageData(2, 2, 1, 1).data[3]"
            )
            == 255
        ),
        what="the first tile is drawn",
    )
    tab.page.get_by_role("button", name="Cancel").click()
    expect(state(tab.page)).to_have_text("cancelled")


def test_a_preview_lies_dimmed_under_the_tiles(site, open_tab):
    tab = open_tab()
    site.hold(0)
    begin(tab, "drawing", **PICTURE)  # the only worker is held up by it
    begin(tab, "mandelbrot", columns="640", rows="512", iterations="300")
    opacity = """() => document.querySelector('canvas').getContext('2d')
      .getImageData(320, 40, 1, 1).data[3]"""
    until(lambda: tab.page.evaluate(opacity) in range(100, 130), what="the preview is there")
    site.release()
    expect(state(tab.page)).to_have_text("done")
    expect(tab.page.locator("#picture img")).to_be_visible()


def test_a_job_is_cancelled(site, open_tab):
    tab = open_tab()
    site.hold(3)
    job = begin(tab, "drawing", **PICTURE)
    tab.page.get_by_role("button", name="Cancel").click()
    expect(state(tab.page)).to_have_text("cancelled")
    expect(tab.page.locator("#job .error")).to_have_text("cancelled on its page")
    assert site.h.store.views.job(job).state == "cancelled"


def test_what_another_viewer_cancels_ends_here_too(site, open_tab):
    first, second = open_tab(), open_tab()
    site.hold(10)
    job = begin(first, "drawing", **PICTURE)
    second.go(f"/jobs/{job}")
    until(lambda: site.done_units(job), what="tiles are in")
    for tab in (first, second):
        until(lambda tab=tab: len(tab.painted()) == site.done_units(job), what="both see them")
    second.page.get_by_role("button", name="Cancel").click()
    expect(state(second.page)).to_have_text("cancelled")
    expect(state(first.page)).to_have_text("cancelled")
    expect(first.page.locator("#picture h2")).to_have_text("Picture, as far as it came")


def test_a_reload_in_the_middle_loses_nothing(site, open_tab):
    tab = open_tab()
    site.hold(20)
    job = begin(tab, "drawing", **PICTURE)
    until(lambda: site.done_units(job), what="tiles are in")
    tab.page.reload(wait_until="load")
    until(lambda: len(tab.painted()) == site.done_units(job), what="they are drawn again")
    site.release()
    expect(state(tab.page)).to_have_text("done")
    verbs = tab.page.locator(".story li b").all_text_contents()
    assert verbs == [entry.verb for entry in site.h.store.views.story(job)]


def test_the_scheduler_restarts_under_an_open_page(site, open_tab):
    tab = open_tab()
    site.hold(20)
    job = begin(tab, "drawing", **PICTURE)
    until(
        lambda: site.done_units(job) and len(tab.painted()) == site.done_units(job),
        what="tiles are in",
    )
    site.stop()
    site.release()
    until(lambda: site.h.store.views.job(job).state == "done", what="the workers go on without it")
    site.start()
    expect(state(tab.page)).to_have_text("done", timeout=2 * WAIT_MS)
    expect(tab.page.locator(".frame img")).to_have_js_property("naturalWidth", 128)
    verbs = tab.page.locator(".story li b").all_text_contents()
    assert verbs == [entry.verb for entry in site.h.store.views.story(job)]
    tab.said = [text for text in tab.said if "net::ERR_" not in text]


def test_the_story_is_sifted_as_one_types(site, open_tab):
    tab = open_tab()
    begin(tab, "pi", samples="3e9")
    page = tab.page
    expect(state(page)).to_have_text("done")
    page.fill("#only", "SUBMIT")
    expect(page.locator(".story li:visible")).to_have_count(1)
    page.fill("#only", "")
    assert page.locator(".story li:visible").count() == len(site.h.store.views.story(tab.job))


def test_running_again_fills_the_form(site, open_tab):
    tab = open_tab()
    first = begin(tab, "drawing", columns="32", light="0.25")
    expect(state(tab.page)).to_have_text("done")
    tab.page.get_by_role("link", name="Run again").click()
    expect(tab.page.locator("#in-light")).to_have_value("0.25")
    tab.page.get_by_role("button", name="Start").click()
    expect(state(tab.page)).to_have_text("done")
    assert tab.job != first
    assert answer(site, tab.job) == answer(site, first)
