"""An exception in one line for a person: what went wrong and the way out."""

from __future__ import annotations

import re

MOST = 300
"""Most characters of a line; the middle of a longer one is left out, since the rule stands first and the way out last."""
_USERS = (ValueError, OSError, ImportError, ArithmeticError, MemoryError)
_HOST_MEMORY = re.compile(r"can't allocate memory|bad_alloc|insufficient memory|failed to allocate|not enough memory", re.IGNORECASE)
_SHARED_MEMORY = re.compile(r"shared memory|/torch_|/dev/shm|bus error", re.IGNORECASE)
_GPU_MEMORY = re.compile(r"cuda.*out of memory|out of memory.*cuda", re.IGNORECASE | re.DOTALL)


def is_expected(err: BaseException) -> bool:
    """Whether a person can cause an exception, by bad input or a machine that lacks something; any other is a mistake of ours."""
    return isinstance(err, _USERS) or _lacks(err) is not None


def one_line(err: BaseException) -> str:
    """What an exception says, in one line of at most `MOST` characters."""
    return shortened(_lacks(err) or _said(err))


def shortened(text: str) -> str:
    """A text in one line of at most `MOST` characters.

    >>> len(shortened("long " * 1000))
    300
    """
    text = " ".join(text.split())
    if len(text) <= MOST:
        return text
    end = MOST // 3
    return f"{text[: MOST - end - 5]} ... {text[-end:]}"


def _said(err: BaseException) -> str:
    if isinstance(err, OSError) and err.strerror:
        if " must " in err.strerror:  # one of chiptrack's own, which says the rule
            return err.strerror
        path = err.filename2 or err.filename
        said = err.strerror.lower() if path is None else f"{err.strerror.lower()}: {path}"
        return f"the system must allow it, it says {said}; check path, permissions and free space"
    return str(err) or type(err).__name__


def _lacks(err: BaseException) -> str | None:
    """What the machine lacks, if an exception says so: memory of the GPU, shared memory, memory, or a GPU that works."""
    said = str(err)
    if isinstance(err, RuntimeError) and (type(err).__name__ == "OutOfMemoryError" or _GPU_MEMORY.search(said)):
        return "the memory of the GPU must suffice, it is full; lower --batch, free it or choose another --device"
    if isinstance(err, RuntimeError) and _SHARED_MEMORY.search(said):
        return "shared memory (/dev/shm) must suffice, it does not; enlarge it (docker run --shm-size=1g) or add --loaders 0"
    if isinstance(err, MemoryError) or (not isinstance(err, _USERS) and _HOST_MEMORY.search(said)):
        return "memory must suffice, it is full; lower --batch or --workers, or close other programs"
    if isinstance(err, RuntimeError) and "CUDA" in said:
        return f"the GPU must work, CUDA says {said.partition('.')[0][:150]!r}; check nvidia-smi, or leave out --device"
    return None
