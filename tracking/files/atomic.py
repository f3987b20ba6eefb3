"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


def check_target(path: Path | str, *sources: Path | str) -> None:
    """Refuse, before any work, a file that cannot be written, or one that is read.

    Args:
        path: The file to be.
        sources: What the work reads.

    Raises:
        OSError: It is a folder, or no file can be made there.
        ValueError: It is one of the sources.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"a file is written here, {path} is a folder; add a name to it")
    if any(path.resolve() == Path(source).resolve() for source in sources):
        raise ValueError(f"what is written must not replace what is read, {path} would; choose another name")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise NotADirectoryError(f"a file needs a folder that can be written, {folder} is none; choose another place than {path}")


def write_text(path: Path | str, text: str) -> None:
    """Write a text file in one step, creating its folder where needed.

    Args:
        path: The file; an older one is replaced.
        text: Its whole content.
    """
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def sole_writer(path: Path | str) -> Iterator[None]:
    """Keep other processes away from a result while it is being made; the claim ends with the process, however that ends.

    Args:
        path: The file or folder to be.

    Raises:
        BlockingIOError: Another process is making it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name[:40]}.lock")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout as err:
        raise BlockingIOError(f"a result has one writer, {path} is being made by another process; wait for it or end it") from err
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()


@contextmanager
def new_file(path: Path | str, suffix: str = "") -> Iterator[Path]:
    """Let somebody write a file under a temporary name; it replaces an older one when the block ends without an error.

    Args:
        path: The file to be; its folder is created where needed.
        suffix: Ending of the temporary name, for writers that go by it.

    Yields:
        The temporary file's path, beside the final one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}{suffix}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """Fill a folder under a temporary name; it takes its own name when the block ends without an error.

    Args:
        path: The folder to be; it may not exist yet.

    Yields:
        The temporary folder, beside the final one.

    Raises:
        FileExistsError: There is something at `path` already.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"folder must not exist yet, {path} does; remove it or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask() -> int:
    """The permissions that new files go without; mkstemp and mkdtemp ignore it and make private ones."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
