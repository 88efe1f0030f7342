"""Steps tell what they do, run once for the same inputs, and fail with a remedy."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools import browser, commands, limits, node, shell, stamps
from tools.paths import ROOT
from tools.terminal import BuildError, duration, size, step, table


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep stamps, locks and logs of a test out of the checkout's own."""
    monkeypatch.setattr(stamps, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(stamps, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(shell, "ROOT", tmp_path)
    monkeypatch.setattr(shell, "LOGS", tmp_path / "logs")
    return tmp_path


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.041, "41 ms"), (3.24, "3.2 s"), (99.9, "99.9 s"), (125.2, "2 min 05 s")]
)
def test_durations_read_naturally(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(("count", "shown"), [(812, "812 B"), (41_200, "41 kB"), (6_312_000, "6.3 MB")])
def test_sizes_read_naturally(count: int, shown: str) -> None:
    assert size(count) == shown


def test_a_step_prints_one_line_with_its_time_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    with step("wheel") as current:
        current.note = "wherry.whl, 41 kB"

    line = capsys.readouterr().out
    assert line.startswith("  ✓ wheel ")
    assert line.endswith(" ms  wherry.whl, 41 kB\n")


def test_a_failed_step_is_crossed_and_its_error_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BuildError), step("wheel"):
        raise BuildError("no", remedy="do")

    assert capsys.readouterr().out.startswith("  ✗ wheel ")


def test_a_table_aligns_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    table(("file", "raw"), [("a.js", "9 B"), ("longer.js", "100 kB")])

    assert capsys.readouterr().out.splitlines()[1] == "    a.js          9 B"


def test_a_step_is_fresh_until_an_input_or_output_changes(places: Path) -> None:
    source, output = places / "source", places / "output"
    source.write_text("one")
    output.write_text("made")
    stamps.mark_fresh("step", stamps.digest([source], "word"))

    assert stamps.is_fresh("step", stamps.digest([source], "word"), output)
    assert not stamps.is_fresh("step", stamps.digest([source], "other"), output)
    output.unlink()
    assert not stamps.is_fresh("step", stamps.digest([source], "word"), output)
    source.write_text("two")
    assert not stamps.is_fresh("step", stamps.digest([source], "word"))


def test_bytecode_is_no_input(places: Path) -> None:
    (places / "__pycache__").mkdir()
    (places / "__pycache__" / "a.pyc").write_text("")
    (places / "a.py").write_text("")

    assert stamps.files_below(places, places / "absent") == [places / "a.py"]


def test_two_processes_never_do_the_same_step_at_once(places: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with stamps.exclusive("step"):
            order.append("second")

    with stamps.exclusive("step"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_the_output_of_a_program_is_returned_and_logged(places: Path) -> None:
    output = shell.run([sys.executable, "-c", "print(input())"], log="echo", remedy="", text="hello\n")

    assert output == "hello\n"
    assert (places / "logs" / "echo.log").read_text().endswith("hello\n")


def test_a_failed_program_shows_its_last_lines_and_the_remedy(places: Path) -> None:
    code = "print('the reason'); raise SystemExit(3)"

    with pytest.raises(
        BuildError, match=r"code 3 \(whole output in logs.x\.log\)(.|\n)*the reason"
    ) as failed:
        shell.run([sys.executable, "-c", code], log="x", remedy="Correct it.")

    assert failed.value.remedy == "Correct it."


def test_an_absent_program_is_told_with_the_remedy(places: Path) -> None:
    with pytest.raises(BuildError, match="no-such-program is not installed") as failed:
        shell.run(["no-such-program"], log="x", remedy="Install it.")

    assert failed.value.remedy == "Install it."


def test_a_download_without_network_is_tried_again_and_then_told(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "PAUSES_S", (0.0, 0.0))
    count = places / "count"
    code = f"open({str(count)!r}, 'a').write('x'); raise SystemExit('getaddrinfo ENOTFOUND example')"

    with pytest.raises(BuildError) as failed:
        shell.run_download([sys.executable, "-c", code], log="x", remedy="Other.")

    assert count.read_text() == "xxx"
    assert failed.value.remedy == shell.NETWORK_REMEDY


def test_a_download_that_fails_for_another_reason_is_not_repeated(places: Path) -> None:
    count = places / "count"
    code = f"open({str(count)!r}, 'a').write('x'); raise SystemExit('hash mismatch')"

    with pytest.raises(BuildError, match="hash mismatch"):
        shell.run_download([sys.executable, "-c", code], log="x", remedy="Other.")

    assert count.read_text() == "x"


@pytest.mark.parametrize(("printed", "major"), [("v22.1.0", 22), ("v18.19.0", 18), ("nonsense", 0)])
def test_the_version_of_node_is_read(tmp_path: Path, printed: str, major: int) -> None:
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\necho {printed}\n")
    program.chmod(0o755)

    assert node.version(program) == major
    assert node.version(tmp_path / "absent") == 0


def test_a_browser_that_does_not_start_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(browser.VARIABLE, "/bin/false")

    with pytest.raises(BuildError, match="/bin/false") as failed:
        browser.ensure()

    assert "apt-get install chromium" in failed.value.remedy


def test_the_browser_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(browser.VARIABLE, "/bin/true")

    assert browser.find() == Path("/bin/true")


def test_long_functions_are_found_with_their_length() -> None:
    text = "def short():\n    pass\n\n\nasync def long():\n" + "    pass\n" * 41

    assert limits.long_functions(text) == ["5: long has 41 lines, 40 are allowed"]


def test_long_files_are_found(tmp_path: Path) -> None:
    path = tmp_path / "long.js"
    path.write_text("x;\n" * 401)

    assert limits.too_long(path) == [f"{path}: 401 lines, 400 are allowed"]


def test_arguments_for_other_programs_are_passed_on_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setitem(commands.COMMANDS, "test", lambda _options, rest: seen.append(rest) or 0)

    assert commands.main(["test", "-k", "a or b", "--help"]) == 0
    assert seen == [["-k", "a or b", "--help"]]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["site", "--bad"], ["wheel", "extra"]])
def test_a_wrong_command_line_ends_with_code_2(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "build.py", *arguments], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "usage: build.py" in done.stderr
