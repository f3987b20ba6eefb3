"""Packages as folders of files, fetched by their registries' ordinary clients."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

PICTURE_IN_A_RESOURCE_FILE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP", re.DOTALL)
SMALLEST_PICTURE = 8_000
"""Bytes: smaller ones are icons."""


@dataclass(frozen=True)
class Package:
    """One version of a package of a registry."""

    registry: str
    """debian, npm or pypi."""
    name: str
    version: str

    @property
    def folder_name(self) -> str:
        """Name of the folder that its files are unpacked into."""
        return f"{self.registry}-{self.name}".replace("/", "-").replace("@", "")


def fetch(package: Package, cache: Path) -> Path:
    """The folder of a package's files under `cache`; fetched and unpacked unless it is there."""
    folder = cache / package.folder_name
    if folder.exists():
        return folder
    downloads = cache / f"{package.folder_name}.download"
    downloads.mkdir(parents=True, exist_ok=True)
    if not any(downloads.iterdir()):
        subprocess.run(_download(package), cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    unfinished = cache / f"{package.folder_name}.unfinished"
    unfinished.mkdir(exist_ok=True)
    for archive in downloads.iterdir():
        _unpack(archive, unfinished)
    for resources in sorted(unfinished.rglob("*.rcc")):
        _carve(resources)
    unfinished.rename(folder)
    return folder


def _download(package: Package) -> list[str]:
    if package.registry == "debian":
        return ["apt-get", "download", f"{package.name}={package.version}"]
    if package.registry == "npm":
        return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    return ["pip", "download", "--quiet", "--no-deps", f"{package.name}=={package.version}"]


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


def _carve(resources: Path) -> None:
    """The pictures of one of Qt's resource files, which stores each behind its length in four bytes, as files beside it."""
    content = resources.read_bytes()
    folder = resources.with_suffix("")
    folder.mkdir(exist_ok=True)
    for match in PICTURE_IN_A_RESOURCE_FILE.finditer(content):
        start = match.start()
        size = int.from_bytes(content[max(start - 4, 0) : start], "big")
        if size < SMALLEST_PICTURE or start + size > len(content):
            continue
        suffix = {b"\xff": ".jpg", b"\x89": ".png"}.get(content[start : start + 1], ".webp")
        (folder / f"{start}{suffix}").write_bytes(content[start : start + size])
