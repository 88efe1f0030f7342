"""Firefox and WebKit: found where they are, told by name where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import engines
from tools.terminal import BuildError


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no programs at all; the folder is its path."""
    for variable in ("WHERRY_FIREFOX", "WHERRY_MINIBROWSER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engines, "LIBRARIES", tmp_path)
    return tmp_path


def put(program: Path) -> str:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(program)


def test_what_is_missing_is_named_with_the_remedy(bare: Path) -> None:
    put(bare / "Xvfb")

    with pytest.raises(
        BuildError, match=r"^Not here: firefox-esr, WebKitWebDriver, MiniBrowser\.$"
    ) as refused:
        engines.ensure()

    assert "apt-get install firefox-esr webkit2gtk-driver xvfb" in refused.value.remedy


def test_programs_are_found_on_the_path_and_beside_the_library(bare: Path) -> None:
    for name in ("firefox-esr", "WebKitWebDriver", "Xvfb", "x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser"):
        put(bare / name)
    newest = put(bare / "x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser")

    assert engines.missing() == []
    assert engines.minibrowser() == newest


def test_a_variable_names_another_firefox(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bare / "firefox-esr")
    other = put(bare / "nightly" / "firefox")
    monkeypatch.setenv("WHERRY_FIREFOX", other)

    assert engines.firefox() == other
