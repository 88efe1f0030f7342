"""The page that a site starts with when it has none: it lists the tasks and runs them."""

from __future__ import annotations

from pathlib import Path

from wherry_server.site.shop import HERE

PAGE = HERE / "page"


def write_start_page(site: Path) -> list[str]:
    """Put an `index.html`, with its script and style, into a site without one; return what was written."""
    if (site / "index.html").exists():
        return []
    written: list[str] = []
    for source in sorted(PAGE.iterdir()):
        target = site / source.name
        # Somebody's own script of that name stays.
        if not target.exists():
            target.write_bytes(source.read_bytes())
            written.append(source.name)
    return written
