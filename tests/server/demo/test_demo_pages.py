"""What a browser loads from `wherry demo`: types, caching, compression, policy."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.server.demo.live import BUILD, WASM, Live, make_site
from wherry.examples import library
from wherry_server.demo.site import Site, find_site

RUNTIME = f"/{BUILD}/runtime"


def test_the_root_leads_to_the_page(demo: Live) -> None:
    answer = demo.get("/", token=None)

    assert (answer.status_code, answer.headers["location"]) == (307, "/demo/")


def test_the_page_runs_under_a_strict_policy(demo: Live) -> None:
    answer = demo.get("/demo/", token=None)

    assert answer.headers["content-type"].startswith("text/html")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert (policy["worker-src"], policy["connect-src"], policy["style-src"]) == (
        "'self'",
        "'self'",
        "'self'",
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/demo/main.js", "/wherry.js", "/idb.js"])
def test_the_packages_own_files_are_asked_for_again_at_each_load(demo: Live, path: str) -> None:
    answer = demo.get(path, token=None)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["content-type"].startswith("text/javascript")
    again = demo.get(path, token=None, **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_sources_of_the_tasks_are_there_as_they_run(demo: Live) -> None:
    answer = demo.get("/demo/py/library.py", token=None)

    assert answer.headers["content-type"].startswith("text/x-python")
    assert answer.text == Path(str(library.__file__)).read_text()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("pyodide.asm.wasm", "application/wasm"),
        ("pyodide.mjs", "text/javascript"),
        ("pyodide-lock.json", "application/json"),
        ("python_stdlib.zip", "application/zip"),
        ("wherry-0.1.0-py3-none-any.whl", "application/zip"),
    ],
)
def test_a_file_of_the_site_has_its_type_and_is_kept_for_good(demo: Live, name: str, media_type: str) -> None:
    answer = demo.get(f"{RUNTIME}/{name}", token=None, **{"Accept-Encoding": "identity"})

    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"].startswith("Accept-Encoding")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "coding", "size"),
    [
        ("gzip, deflate, br, zstd", "br", 6),
        ("gzip;q=0.8, deflate", "gzip", len(gzip.compress(WASM))),
        ("identity", None, len(WASM)),
        ("", None, len(WASM)),
    ],
)
def test_the_smallest_form_that_a_browser_takes_is_sent(
    demo: Live, accepted: str, coding: str | None, size: int
) -> None:
    with demo.stream(f"{RUNTIME}/pyodide.asm.wasm", **{"Accept-Encoding": accepted}) as answer:
        sent = b"".join(answer.iter_raw())

    assert (answer.headers.get("content-encoding"), len(sent)) == (coding, size)
    assert answer.headers["content-type"] == "application/wasm"


@pytest.mark.parametrize(
    "path",
    [
        f"{RUNTIME}/no.such",
        f"/{BUILD}/%2e%2e/manifest.json",
        f"/{BUILD}/..%2f..%2fetc/passwd",
        f"{RUNTIME}/",
        "/ffffffffffffffff/runtime/pyodide.mjs",
    ],
)
def test_what_is_not_in_a_build_is_404(demo: Live, path: str) -> None:
    answer = demo.get(path, token=None)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_another_sites_name_for_this_machine_is_refused(demo: Live) -> None:
    assert demo.get("/demo/", token=None, Host="evil.example").status_code >= 400


# --- the site's state ----------------------------------------------------------------------------------
def test_a_site_is_building_until_its_manifest_is_there(tmp_path: Path) -> None:
    site = Site(tmp_path, expected=True)
    assert (site.status()["state"], site.status()["build"], site.status()["remedy"]) == (
        "building",
        None,
        None,
    )

    make_site(tmp_path)

    assert site.status() == {
        "state": "ready", "build": BUILD, "manifest": "/manifest.json", "runtime": f"{RUNTIME}/",
        "bytes": {"raw": 2006, "br": 8, "gz": 42}, "log": None, "remedy": None,
    }  # fmt: skip


def test_a_newer_build_takes_over_while_the_demo_runs(tmp_path: Path) -> None:
    site = Site(make_site(tmp_path))
    assert site.build is not None
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    replaced = tmp_path / "manifest.json.part"
    replaced.write_text(json.dumps(manifest | {"build": "fedcba9876543210"}))

    replaced.replace(tmp_path / "manifest.json")

    assert site.status()["build"] == "fedcba9876543210"


def test_a_build_that_failed_is_told_with_its_log_until_one_succeeds(tmp_path: Path) -> None:
    (tmp_path / "failure.txt").write_text("npm could not reach its registry")
    site = Site(tmp_path, expected=True)
    assert (site.status()["state"], site.status()["log"]) == ("failed", "npm could not reach its registry")
    assert "build.py site" in site.status()["remedy"]

    make_site(tmp_path)

    assert site.status()["state"] == "ready"


@pytest.mark.parametrize("text", ["", "{", "{}", '{"build": 1}'])
def test_a_manifest_that_is_none_counts_as_absent(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)

    assert Site(tmp_path, expected=True).state == "building"
    assert Site(tmp_path).state == "absent"


def test_without_a_site_the_remedy_is_told() -> None:
    status = Site(None).status()

    assert status["state"] == "absent"
    assert "build.py site" in status["remedy"]


def test_a_given_site_may_be_in_the_making(tmp_path: Path) -> None:
    assert find_site(tmp_path / "later").state == "building"
