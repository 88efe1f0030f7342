"""Where everything is, so that no other module builds a path from scratch."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
SOURCES = (ROOT / "core", ROOT / "server", ROOT / "web")
STATIC = ROOT / "web" / "wherry_web" / "static"
VENDOR = STATIC / "vendor"
NODE_MODULES = ROOT / "node_modules"
CONSTRAINTS = TOOLS / "constraints.txt"
RECIPE = ROOT / "server" / "wherry_server" / "site"
RUNTIME_PINS = RECIPE / "runtime-pins.txt"

# All of it may be deleted at any time; the next command makes it again.
BUILD = ROOT / ".build"
LOGS = BUILD / "logs"
STAMPS = BUILD / "stamps"
LOCKS = BUILD / "locks"
CACHE = BUILD / "cache"
WHEELS = BUILD / "wheels"
SITE = BUILD / "site"
MANIFEST = SITE / "manifest.json"
DIST = ROOT / "dist"

VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
