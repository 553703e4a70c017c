"""Who may come in: credential, Host, origin; and what every response carries."""

from __future__ import annotations

import pytest

from hydra.clock import ManualClock
from hydra.services.submit import submit
from hydra.web import create_app
from tests.http.working import bundle

TOKEN = "correct horse battery"
JOBS = "/api/v1/jobs"
NEW = {"kernel": "pi"}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def locked(clock):
    return create_app(bundle(clock, token=TOKEN, bind="0.0.0.0")).test_client()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "path", [JOBS, f"{JOBS}/{'0' * 32}/events", "/", "/api/v1/workers", "/api/openapi.json", "/no"]
)
def test_without_a_credential_nothing_is_shown(locked, path):
    reply = locked.get(path)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in reply.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/hydra.css"])
def test_health_and_style_stay_open(locked, path):
    with locked.get(path) as reply:
        assert reply.status_code == (503 if path == "/readyz" else 200)  # no reaper has passed


def test_readiness_keeps_its_details_for_those_who_may(locked):
    assert locked.get("/readyz").get_json()["checks"][0]["detail"] == ""
    assert locked.get("/readyz", headers=bearer(TOKEN)).get_json()["checks"][0]["detail"]


def test_the_bearer_token_admits(locked):
    assert locked.post(JOBS, json=NEW, headers=bearer(TOKEN)).status_code == 201


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9",
        f"Bearer {TOKEN}x",
    ],
)
def test_no_other_header_admits(locked, header):
    assert locked.get(JOBS, headers={"Authorization": header}).status_code == 401


def test_a_refused_request_changes_nothing(clock):
    h = bundle(clock, token=TOKEN)
    create_app(h).test_client().post(JOBS, json=NEW)
    assert h.store.views.jobs(1) == []


def test_the_link_gives_a_cookie_for_a_month(locked, clock):
    reply = locked.get("/login", query_string={"token": TOKEN})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")
    cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/").status_code == 200
    clock.now_s += 31 * 86_400
    assert locked.get("/").status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "é", TOKEN.upper()])
def test_a_wrong_link_gives_nothing(locked, token):
    reply = locked.get("/login", query_string={"token": token})
    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "9999999999.",
        "9999999999.é",
        "é.x",
        "9" * 400 + ".a",
        "9999999999." + "0" * 64,
        "²." + "0" * 64,
    ],
)
def test_a_made_up_cookie_does_not_admit(locked, value):
    locked.get("/login", query_string={"token": TOKEN})
    name = next(iter(locked._cookies.values())).key
    locked.set_cookie(name, value)
    assert locked.get("/").status_code == 401


def test_without_a_token_the_login_link_just_opens_the_page(http):
    reply = http.get("/login?token=anything")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")
    assert "Set-Cookie" not in reply.headers


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "null"},
    {"Origin": "localhost"},
    {"Origin": "http://[::1"},
    {"Origin": "null", "Referer": "http://localhost/"},
    {"Referer": "http://evil.example/localhost"},
    {"Referer": "http://localhost.evil.example/"},
    {"Referer": "about:blank"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", [JOBS, "/", f"/jobs/{'0' * 32}/cancel"])
def test_another_site_may_change_nothing(http, h, headers, path):
    reply = http.post(path, json=NEW, headers=headers)
    assert reply.status_code == 403
    assert h.store.views.jobs(1) == []


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_is_refused(http, h, headers):
    job = submit(h, "pi", {})
    for path in ("/", f"/jobs/{job.id}/cancel"):
        reply = http.post(path, data={"_kernel": "pi", "samples": "9"}, headers=headers)
        assert reply.status_code == 403
    assert [each.state.value for each in h.store.views.jobs(9)] == ["running"]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_is_refused_whoever_is_logged_in(locked, headers):
    locked.get("/login", query_string={"token": TOKEN})
    form = {"_kernel": "pi", "samples": "9"}
    assert locked.post("/", data=form).status_code == 303
    assert locked.post("/", data=form, headers=headers).status_code == 403
    assert len(locked.get(JOBS).get_json()["jobs"]) == 1


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_may_not_use_the_cookie(locked, headers):
    locked.get("/login", query_string={"token": TOKEN})
    assert locked.post(JOBS, json=NEW).status_code == 201
    assert locked.post(JOBS, json=NEW, headers=headers).status_code == 403


def test_a_bearer_may_come_from_anywhere(locked):
    headers = {**bearer(TOKEN), "Origin": "http://elsewhere.example"}
    assert locked.post(JOBS, json=NEW, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "https://LOCALHOST"},
        {"Referer": "http://localhost/jobs?only=x"},
    ],
)
def test_our_own_pages_may(http, headers):
    assert http.post(JOBS, json=NEW, headers=headers).status_code == 201


def test_another_site_may_link_to_us_but_not_read_on(http):
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert http.get(JOBS, headers=foreign).status_code == 403
    assert http.get(JOBS, headers={**foreign, "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert http.get("/", headers=foreign).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LocalHost"]
)
def test_our_own_names_are_served(http, host):
    assert http.get(JOBS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io:8080", "10.0.0.1", "[::2]"]
)
def test_a_rebound_name_is_not(http, host):
    for path in (JOBS, "/", "/static/hydra.css"):
        assert http.get(path, headers={"Host": host}).status_code == 403


def test_the_address_we_are_bound_to_is_ours():
    http = create_app(bundle(bind="127.0.0.5")).test_client()
    assert http.get(JOBS, headers={"Host": "127.0.0.5:8080"}).status_code == 200


def test_with_a_token_any_name_will_do(locked):
    headers = {**bearer(TOKEN), "Host": "hydra.example"}
    assert locked.get(JOBS, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", JOBS, "/healthz", "/nothing", "/static/live.js", "/login"])
def test_every_response_is_sealed(http, path):
    with http.get(path) as reply:
        headers = reply.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
