"""Read and write archives so that equal contents give equal bytes.  Also runs inside Pyodide."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def read_members(archive_path: str | Path) -> dict[str, bytes]:
    """Return the files of a zip or wheel by name, without folder entries."""
    with zipfile.ZipFile(archive_path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}


def write_members(archive_path: str | Path, members: Mapping[str, bytes]) -> None:
    """Write a zip without compression (it is compressed on the wire, as a whole) and without times."""
    with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


def with_record(members: Mapping[str, bytes], dist_info: str) -> dict[str, bytes]:
    """Return a wheel's members with a RECORD that fits them: name, hash and size a line."""
    own_name = f"{dist_info}/RECORD"
    rest = {name: data for name, data in members.items() if name != own_name}
    lines = [f"{name},sha256={record_hash(data)},{len(data)}" for name, data in rest.items()]
    return {**rest, own_name: "\n".join([*lines, f"{own_name},,", ""]).encode()}


def record_hash(data: bytes) -> str:
    """Return a SHA-256 the way RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def dist_info_of(members: Mapping[str, bytes]) -> str | None:
    """Return the name of a wheel's `.dist-info` folder; None when this is no wheel."""
    folders = (name.partition("/")[0] for name in members)
    return next((folder for folder in folders if folder.endswith(".dist-info")), None)
