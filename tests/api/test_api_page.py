"""The page at /: what it is served with, what it may load, and how a person logs in to it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from http.cookies import SimpleCookie
from importlib.resources import files
from pathlib import Path

import pytest
from fake import FakeService
from fastapi import APIRouter
from pydantic import SecretStr
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api.app import create_app
from ragsvc.api.page import MAX_WRONG_KEYS, WRONG_KEYS_S, WrongKeys
from ragsvc.api.page_cookie import VALID_S, PageTokens, name_of
from ragsvc.errors import TooManyLogins
from ragsvc.settings.settings import Settings

KEY = "a key with spaces and é"
HOST = "docs.example:8000"
NAME = "ragsvc_page_8000"
PAGE = {"X-Ragsvc-Page": "1", "Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
FOLDER = Path(str(files("ragsvc.api").joinpath("static", "page")))
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())
OURS = [name for name in FILES if not name.startswith("vendor/")]
LANGUAGES = sorted((FOLDER / "languages").glob("*.js"))


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(keyed_app(tmp_path), base_url=f"http://{HOST}") as client:
        yield client


def keyed_app(tmp_path: Path, key: str = KEY):
    return create_app(FakeService(Settings(home=tmp_path, api_key=SecretStr(key))))


def entered(client: TestClient) -> str:
    """Log in; gives the token, which the client does not keep."""
    response = client.post("/login", json={"key": KEY}, headers=PAGE)
    assert response.status_code == 204, response.text
    client.cookies.clear()
    return SimpleCookie(response.headers["set-cookie"])[NAME].value


def carrying(token: str, **more: str) -> dict[str, str]:
    return {"Cookie": f"{NAME}={token}"} | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/style.css", "/page/vendor/purify.min.js"])
def test_everything_is_served_under_a_strict_policy(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'" and policy["trusted-types"] == "dompurify"
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    unchanged = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304 and unchanged.content == b""


def test_every_file_is_served_and_nothing_else_is(client: TestClient) -> None:
    assert {"index.html", "style.css", "main.js", "languages/en.js", "languages/de.js"} <= set(FILES)
    for name in FILES:
        response = client.get(f"/page/{name}")
        assert response.status_code == 200, name
        assert response.content == (FOLDER / name).read_bytes()
    for path in (
        "/page/",
        "/page/none.js",
        "/page/../page.py",
        "/page/%2e%2e/start.js",
        "/page//main.js",
        "/page/components",
    ):
        assert client.get(path).status_code == 404, path
    assert_problem(client.get("/?key=x"), 422, "invalid_request")
    assert client.post("/").status_code == 405


def test_every_file_is_in_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    assert [name for name in FILES if not any(fnmatch(Path(name).name, each) for each in patterns)] == []


def test_modules_load_from_here_alone_and_first_paint_is_small(client: TestClient) -> None:
    waiting, loaded = ["index.html"], set()
    while waiting:
        name = waiting.pop()
        if name in loaded:
            continue
        loaded.add(name)
        text = (FOLDER / name).read_text()
        asked = re.findall(r'(?:src|href)="(/page/[^"]+)"', text) if name == "index.html" else []
        # Static imports alone: a view is loaded when it is shown.
        asked += re.findall(r'^import (?:.* from )?"(\.{1,2}/[^"]+)";', text, re.M)
        for path in asked:
            place = (
                FOLDER / path.removeprefix("/page/")
                if path.startswith("/")
                else (FOLDER / name).parent / path
            )
            waiting.append(place.resolve().relative_to(FOLDER.resolve()).as_posix())
    assert "components/header.js" in loaded and "vendor/marked.esm.js" not in loaded
    assert sum((FOLDER / name).stat().st_size for name in loaded) < 60_000
    # Plots come with the operator's view alone.
    text = [name for name in FILES if not name.endswith(".txt") and "uplot" not in name]
    assert sum((FOLDER / name).stat().st_size for name in text) < 260_000
    assert not loaded & {"vendor/uplot.esm.js", "components/plot.js", "components/usage.js"}


@pytest.mark.parametrize("name", OURS)
def test_no_file_of_ours_makes_markup_of_words_or_calls_elsewhere(name: str) -> None:
    # The namespace of a picture is a name, no address.
    text = (FOLDER / name).read_text().replace('"http://www.w3.org/2000/svg"', "")
    assert len(text.splitlines()) <= 400
    assert not re.search(
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function|ContextualF", text
    )
    assert not re.search(r"""["'(]https?://""", text), "another host"
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=\"", text), "inline"


def test_languages_have_the_same_texts_and_all_that_are_used() -> None:
    named = {path.stem: dict(re.findall(r'"([^"]+)": "([^"]*)"', path.read_text())) for path in LANGUAGES}
    assert named["en"].keys() == named["de"].keys()
    for name, words in named["en"].items():
        places = [sorted(re.findall(r"\{\w+\}", each)) for each in (words, named["de"][name])]
        assert places[0] == places[1], name
    used = set()
    for name in OURS:
        text = (FOLDER / name).read_text()
        used |= set(re.findall(r'\bt\("([^"]+)"', text))
        used |= {
            f"{word}.{form}" for word in re.findall(r'plural\("([^"]+)"', text) for form in ("one", "other")
        }
    assert len(used) > 100 and used - named["en"].keys() == set()


def test_third_parties_are_named_with_their_licences() -> None:
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    for name in ("marked", "DOMPurify", "uPlot"):
        assert name in notice
    for script, licence in (
        ("marked.esm.js", "marked-LICENSE.txt"),
        ("purify.min.js", "purify-LICENSE.txt"),
        ("uplot.esm.js", "uplot-LICENSE.txt"),
    ):
        assert (FOLDER / "vendor" / script).exists() and (FOLDER / "vendor" / licence).stat().st_size > 1000


def test_the_page_and_its_files_need_no_key_and_all_else_does(keyed: TestClient) -> None:
    for path in ("/", *(f"/page/{name}" for name in FILES)):
        assert keyed.get(path).status_code == 200
    assert keyed.get("/login").json()["key_needed"] is True
    for path in ("/v1/corpora", "/docs", "/openapi.json", "/pages", "/login/x", "/readyz"):
        assert_problem(keyed.get(path), 401, "unauthenticated")


def test_without_a_key_no_login_is_needed(client: TestClient) -> None:
    state = client.get("/login").json()
    assert (state["key_needed"], state["logged_in"]) == (False, False)
    headers = {"X-Ragsvc-Page": "1"}
    assert_problem(client.post("/login", json={"key": "x"}, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("has", [True, False])
def test_the_state_tells_what_this_server_can_do(client: TestClient, has: bool) -> None:
    """Routes come as routers that are included, as those of the API do."""
    known = "/v1/sessions" in client.get("/openapi.json").json()["paths"] or has
    if has:
        router = APIRouter(prefix="/v1", include_in_schema=False)
        router.add_api_route("/sessions", lambda: {}, methods=["GET", "POST"])
        router.add_api_route("/records/{record}/feedback", lambda: {}, methods=["POST"])
        client.app.include_router(router)
    features = client.get("/login").json()["features"]
    assert features == {"sessions": known, "feedback": known}


def test_a_server_that_keeps_nothing_has_no_sessions_and_no_thumbs(tmp_path: Path) -> None:
    client = TestClient(
        create_app(FakeService(Settings(home=tmp_path, records="off"))), base_url="http://127.0.0.1"
    )
    assert client.get("/login").json()["features"] == {"sessions": False, "feedback": False}


def test_a_login_gives_a_cookie_that_no_script_reads(keyed: TestClient) -> None:
    response = keyed.post("/login", json={"key": KEY}, headers=PAGE)
    cookie = SimpleCookie(response.headers["set-cookie"])[NAME]
    assert response.status_code == 204 and response.content == b""
    assert (
        cookie["httponly"]
        and cookie["samesite"] == "Strict"
        and cookie["path"] == "/"
        and not cookie["secure"]
    )
    assert int(cookie["max-age"]) == VALID_S
    assert KEY not in response.headers["set-cookie"]
    assert keyed.get("/v1/corpora", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert keyed.get("/login").json()["logged_in"] is True
    gone = keyed.post("/logout", headers=PAGE)
    assert gone.status_code == 204 and "Max-Age=0" in gone.headers["set-cookie"]
    assert keyed.get("/v1/corpora", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401


def test_over_tls_the_cookie_goes_over_tls_alone(tmp_path: Path) -> None:
    app = keyed_app(tmp_path)
    direct = TestClient(app, base_url="https://docs.example")
    behind = TestClient(app, base_url="http://docs.example")
    for client in (direct, behind):
        headers = PAGE | {"Origin": "https://docs.example"}
        response = client.post("/login", json={"key": KEY}, headers=headers)
        assert response.status_code == 204
        assert response.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": KEY, "more": 1}, [KEY], "x"])
def test_what_is_no_login_is_refused(keyed: TestClient, body: object) -> None:
    assert_problem(keyed.post("/login", json=body, headers=PAGE), 422, "invalid_request")


@pytest.mark.parametrize("key", ["", "a", KEY + " ", KEY[:-1] + "e\u0301"])
def test_a_wrong_key_gives_no_cookie(keyed: TestClient, key: str) -> None:
    response = keyed.post("/login", json={"key": key}, headers=PAGE)
    assert_problem(response, 401, "unauthenticated")
    assert "set-cookie" not in response.headers


OTHERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://docs.example:8001", "Sec-Fetch-Site": "same-site"},
    {"Origin": f"http://{HOST}.evil.example"},
    {},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_the_cookie_counts_for_no_other_page(keyed: TestClient, headers: dict[str, str]) -> None:
    token = entered(keyed)
    for method, path in (("GET", "/v1/corpora"), ("DELETE", "/v1/corpora/handbook"), ("POST", "/v1/search")):
        response = keyed.request(method, path, headers=carrying(token) | headers)
        assert_problem(response, 403, "host_refused")
    if headers:
        # Not even with the header, which such a page could set only after being let in by CORS.
        sent = carrying(token) | headers | {"X-Ragsvc-Page": "1"}
        assert_problem(keyed.delete("/v1/corpora/handbook", headers=sent), 403, "host_refused")
        assert_problem(
            keyed.post("/login", json={"key": KEY}, headers=headers | {"X-Ragsvc-Page": "1"}),
            403,
            "host_refused",
        )
        assert_problem(keyed.post("/logout", headers=headers | {"X-Ragsvc-Page": "1"}), 403, "host_refused")


def test_writing_wants_the_header_and_reading_what_browsers_say(keyed: TestClient) -> None:
    token = entered(keyed)
    body = {"corpus": "handbook", "query": "backups"}
    own = carrying(token, Sec_Fetch_Site="same-origin", Origin=f"http://{HOST}")
    assert keyed.get("/v1/corpora", headers=own).status_code == 200
    assert_problem(keyed.post("/v1/search", json=body, headers=own), 403, "host_refused")
    assert keyed.post("/v1/search", json=body, headers=own | {"X-Ragsvc-Page": "1"}).status_code == 200
    # Over plain HTTP to another machine, browsers send neither: the header alone speaks for the page.
    assert keyed.get("/v1/corpora", headers=carrying(token, X_Ragsvc_Page="1")).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/openapi.json"])
def test_what_describes_the_server_may_be_typed(keyed: TestClient, path: str) -> None:
    token = entered(keyed)
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    # Over plain HTTP to another machine browsers say nothing of it.
    for headers in (typed, {}, {"Sec-Fetch-Site": "same-origin"}):
        assert keyed.get(path, headers=carrying(token) | headers).status_code == 200
    for headers in OTHERS:
        if headers not in ({}, {"Sec-Fetch-Site": "none"}):
            assert_problem(keyed.get(path, headers=carrying(token) | headers), 403, "host_refused")
    assert_problem(keyed.get(path, headers=typed), 401, "unauthenticated")
    for other in ("/v1/corpora", "/v1/records", "/metrics", "/docsx", "/openapi.json/"):
        assert_problem(keyed.get(other, headers=carrying(token) | typed), 403, "host_refused")
    assert_problem(keyed.post(path, headers=carrying(token) | typed), 403, "host_refused")


@pytest.mark.parametrize(
    ("host", "name"),
    [(b"a:8000", "ragsvc_page_8000"), (b"a:9000", "ragsvc_page_9000"), (b"[::1]:80", "ragsvc_page_80"),
     (b"[::1]", "ragsvc_page"), (b"a", "ragsvc_page"), (b"a:1;x=y", "ragsvc_page"),
     (b"a:123456", "ragsvc_page")],
)  # fmt: skip
def test_servers_of_one_host_have_cookies_of_their_own(host: bytes, name: str) -> None:
    assert name_of({"headers": [(b"host", host)]}) == name


def test_two_servers_of_a_host_do_not_log_each_other_out(keyed: TestClient) -> None:
    token = entered(keyed)
    both = PAGE | {"Cookie": f"{NAME}={token}; ragsvc_page_8001=of-the-other; ragsvc_page=old"}
    assert keyed.get("/v1/corpora", headers=both).status_code == 200
    other = {"Host": "docs.example:8001", "Origin": "http://docs.example:8001"}
    left = keyed.post("/logout", headers=PAGE | other)
    assert left.headers["set-cookie"].startswith("ragsvc_page_8001=;")


def test_too_many_wrong_keys_are_not_looked_at(keyed: TestClient) -> None:
    token = entered(keyed)
    for _ in range(MAX_WRONG_KEYS):
        assert keyed.post("/login", json={"key": "no"}, headers=PAGE).status_code == 401
    for key in ("no", KEY):
        refused = keyed.post("/login", json={"key": key}, headers=PAGE)
        assert_problem(refused, 429, "too_many_logins")
        assert refused.headers["retry-after"] == "60"
    # Nobody else is concerned: programs, and who is logged in.
    assert keyed.get("/v1/corpora", headers={"Authorization": f"Bearer {KEY}".encode()}).status_code == 200
    assert keyed.get("/v1/corpora", headers=carrying(token) | PAGE).status_code == 200


def test_wrong_keys_are_forgotten_after_a_minute_and_take_no_more_memory() -> None:
    now = [1000.0]
    wrong = WrongKeys(lambda: now[0])
    for number in range(1000):
        wrong.add()
        assert len(wrong._times) <= MAX_WRONG_KEYS
        if number < MAX_WRONG_KEYS - 1:
            wrong.check()
    with pytest.raises(TooManyLogins):
        wrong.check()
    now[0] += WRONG_KEYS_S
    wrong.check()


def test_a_key_is_looked_at_before_the_cookie(keyed: TestClient) -> None:
    token = entered(keyed)
    own = carrying(token) | PAGE
    assert keyed.get("/v1/corpora", headers=own | {"Authorization": "Bearer no"}).status_code == 401
    right = {"Authorization": f"Bearer {KEY}".encode(), "Cookie": f"{NAME}={token}"}
    assert keyed.get("/v1/corpora", headers=right).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [lambda token: token[:-1], lambda token: token + "0", lambda token: "9" + token, lambda token: "",
     lambda token: "é" * 9, lambda token: token.rpartition(".")[0], lambda token: "x" * 5000,
     lambda token: f'"{token}',
     lambda token: "." + token.rpartition(".")[2]],
)  # fmt: skip
def test_a_spoilt_token_is_none(keyed: TestClient, spoil) -> None:
    token = spoil(entered(keyed))
    headers = PAGE | {"Cookie": f"{NAME}={token}".encode()}
    assert_problem(keyed.get("/v1/corpora", headers=headers), 401, "unauthenticated")


@pytest.mark.parametrize(
    "other",
    ['prefs={"a": 1, "b": "x"}', "a=b c", 'x="open', "bare", "k[0]=1", "ü=ö", "expires=x", "path=/x", ""],
)
def test_cookies_of_other_servers_of_the_host_are_in_nobodys_way(keyed: TestClient, other: str) -> None:
    token = entered(keyed)
    for cookies in (f"{other}; {NAME}={token}", f"{NAME}={token};{other}"):
        headers = PAGE | {"Cookie": cookies.encode()}
        assert keyed.get("/v1/corpora", headers=headers).status_code == 200
    alike = PAGE | {"Cookie": f"x{NAME}={token}; {NAME}x={token}; other={NAME}={token}"}
    assert_problem(keyed.get("/v1/corpora", headers=alike), 401, "unauthenticated")


def test_two_cookies_of_the_name_are_no_login(keyed: TestClient) -> None:
    token = entered(keyed)
    twice = [("Cookie", f"{NAME}={token}"), ("Cookie", f"{NAME}={token}"), *PAGE.items()]
    assert_problem(keyed.get("/v1/corpora", headers=twice), 401, "unauthenticated")
    joined = PAGE | {"Cookie": f"{NAME}={token}; {NAME}={token}"}
    assert_problem(keyed.get("/v1/corpora", headers=joined), 401, "unauthenticated")


def test_a_token_ends_and_another_worker_takes_it() -> None:
    now = [1000.0]
    one, other = (PageTokens(b"key", lambda: now[0]) for _ in range(2))
    token = one.make()
    assert other.accepts(token) and one.make() != token
    assert not PageTokens(b"another", lambda: now[0]).accepts(token)
    now[0] += VALID_S
    assert not one.accepts(token)
    assert b"key" not in token.encode()


def test_keys_and_cookies_are_in_no_log(keyed: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = entered(keyed)
    keyed.post("/login", json={"key": "wrong-one"}, headers=PAGE)
    keyed.get("/v1/corpora", headers=carrying(token) | PAGE)
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("ragsvc"))
    assert "/login" in said
    assert KEY not in said and "wrong-one" not in said and token not in said
