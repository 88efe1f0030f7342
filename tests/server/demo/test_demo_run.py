"""`wherry demo` as a person runs it: what the terminal shows, Ctrl-C, going on with the same data."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.server.cli.command import Process, Wherry, rows, started, until
from tests.server.demo.live import BUILD, make_site


@pytest.fixture
def wherry(capsys: pytest.CaptureFixture[str]) -> Wherry:
    return Wherry(capsys)


def begin(process: Process) -> tuple[str, str]:
    """The address of the API with its token, and the URL of the storage, once both were said."""
    address = process.wait_for(r"^(http://127\.0\.0\.1:\d+)/demo/(#token=[\w-]{20,})$")
    storage = process.wait_for(r"wherry watch (sqlite:.+)$").group(1)
    return f"{address.group(1)}/{address.group(2)}", storage


def test_four_lines_tick_off_and_the_address_stands_alone(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    options = ("--no-open", "--port", "0", "--site", str(site))
    with started("demo", *options, cwd=tmp_path, environment={"TMPDIR": str(tmp_path)}) as demo:
        begin(demo)
        ticked = [line.split()[:2] for line in demo.out[:4]]
        address = demo.out[4:7]
        demo.send(signal.SIGINT)
        assert demo.ended() == 0

    assert ticked == [["✓", "storage"], ["✓", "server"], ["✓", "worker"], ["✓", "tab"]]
    assert BUILD in demo.out[3]
    assert (address[0], address[2]) == ("", "")
    assert demo.err[-1] == "No jobs were made, so nothing is left behind."
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.long
def test_ctrl_c_says_what_is_left_and_where_and_the_next_demo_goes_on(wherry: Wherry, tmp_path: Path) -> None:
    options = ("--no-open", "--port", "0", "--site", str(tmp_path / "site"))
    with started("demo", *options, cwd=tmp_path, environment={"TMPDIR": str(tmp_path)}) as first:
        address, storage = begin(first)
        wherry("submit", address, "reverse", "abc", "--wait")
        job = wherry("submit", address, "wait", "30").out.strip()
        until(lambda: rows(storage, ids=[job])[0].state == "running", lambda: "it does not run")

        first.send(signal.SIGINT)

        assert first.ended() == 0
    assert any("still being made" in line for line in first.out)
    assert "Left running or waiting: 1 unfinished job goes on with the next start. 1 completed." in first.err
    data = re.search(r"--data (\S+)$", first.err[-1])
    assert data is not None
    (row,) = rows(storage, ids=[job])
    assert (row.state, row.attempt) == ("pending", 0)

    with started("demo", *options, "--data", data.group(1), cwd=tmp_path) as second:
        begin(second)
        until(lambda: rows(storage, ids=[job])[0].state == "running", lambda: "it does not go on")
        second.send(signal.SIGTERM)
        assert second.ended() == 0


def test_a_port_in_use_gives_way_to_the_next(tmp_path: Path) -> None:
    with started("serve", "memory:", "--port", "0", cwd=tmp_path) as other:
        port = other.wait_for(r"127\.0\.0\.1:(\d+)").group(1)
        with started("demo", "--no-open", "--port", port, cwd=tmp_path) as demo:
            address, _ = begin(demo)
            assert f"; {port} was taken" in demo.out[1]
            assert f":{port}/" not in address
            demo.send(signal.SIGINT)
            demo.ended()


def test_a_folder_that_cannot_be_used_is_refused(wherry: Wherry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    said = wherry("demo", "--no-open", "--data", str(tmp_path / "file"))

    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "file" in said.err
