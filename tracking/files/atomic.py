"""Files and folders that appear whole or not at all: they are written under a temporary name and then renamed."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_TEMPORARY = re.compile(r"\..+\.(\d{1,9})\.new(\.\w+)?", re.ASCII)
"""Names of temporary files and folders, with the number of the process that writes them."""


def is_stream(path: Path) -> bool:
    """Whether there is a device or a pipe, which takes what is written and must not be replaced by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_text(path: Path | str, text: str) -> None:
    """Write a text file in one step, creating its folder where needed.

    Args:
        path: The file; an older one is replaced.
        text: The whole content of the file.
    """
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def copy_file(source: Path, path: Path) -> None:
    """Copy a file in one step; an older one is replaced."""
    with new_file(path) as temporary:
        shutil.copyfile(source, temporary)


@contextmanager
def sole_writer(path: Path | str, wait_s: float = 0) -> Iterator[None]:
    """Keep other processes from making the same result, with a lock that the system releases even if this process is killed.

    What a writer that was killed has left behind is removed.

    Args:
        path: The file or folder that is being made; the lock file lies beside it.
        wait_s: Seconds to wait for another process that is making this result.

    Raises:
        BlockingIOError: Another process is still making this result.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name[:40]}.lock")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as err:
        raise BlockingIOError(f"a result has one writer, {path} is being made by another process; wait for it or end it") from err
    try:
        _remove_leftovers(path if path.is_dir() else path.parent)
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()


@contextmanager
def new_file(path: Path | str, suffix: str = "") -> Iterator[Path]:
    """Give a temporary name to write a file under; the file gets its final name when the block ends without an error.

    An older file of that name is replaced. A symbolic link stays, and the file that it leads to is replaced. A device or a pipe stays, and
    the content is written into it. After an error the temporary file is removed.

    Args:
        path: The final name; its folder is created where needed.
        suffix: Ending of the temporary name, for writers that choose a format by it.

    Yields:
        The temporary file's path, beside the final one unless that is a device or a pipe.
    """
    path = Path(path)
    if is_stream(path):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / f"content{suffix}"
            yield temporary
            with temporary.open("rb") as content, path.open("wb") as stream:
                shutil.copyfileobj(content, stream)
        return
    if path.is_symlink():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.new{suffix}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """Give a temporary folder to fill; the folder gets its final name when the block ends without an error.

    After an error the temporary folder is removed.

    Args:
        path: The final name, which may not exist yet; its parent folder is created where needed.

    Yields:
        The temporary folder, beside the final one.

    Raises:
        FileExistsError: There is something at `path` already.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"folder must not exist yet, {path} does; remove it or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}.{os.getpid()}.new."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders of processes that no longer run."""
    for path in folder.glob(".*.new*"):
        match = _TEMPORARY.fullmatch(path.name)
        if match is None or _runs(int(match[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _umask() -> int:
    """The umask: permission bits that new files do not get. `mkdtemp` ignores it and makes private folders."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
