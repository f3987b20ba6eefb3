"""Processes that make the batches of a training, each of which sends them through a pipe of its own.

torch's DataLoader hands batches over in shared memory. A container has 64 MB of it, and a batch that does not fit is lost in a thread of
the loader, so that the training waits for ever. If a loader is killed, its signal handler raises wherever the training happens to be. A
pipe always has room, and it ends when either process does: a loader that was killed is noticed at once, and loaders end by themselves
when the training was killed.
"""

from __future__ import annotations

import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.utils.data import Dataset

Batch = tuple[Tensor, ...]

_AHEAD = 2
"""Number of batches of each loader that wait in the training process."""


@contextmanager
def loaded(batches: Dataset, numbers: range, count: int, pinned: bool = False) -> Iterator[Iterator[Batch]]:
    """Make batches, in their order, while the caller uses those before.

    Args:
        batches: Data set whose item i is batch i, a tuple of tensors.
        numbers: Numbers of the batches to make.
        count: Number of processes that make them; with 0 the caller makes them itself, each when it is asked for.
        pinned: Whether the batches shall lie in pinned memory, from which a GPU copies while it computes.

    Yields:
        An iterator over the batches. It raises what making a batch raised, and `ChildProcessError` if a loader was killed. The loaders
        end with the `with` block.
    """
    if not count:
        yield (batches[number] for number in numbers)
        return
    loaders: list[_Loader] = []
    try:
        for i in range(count):
            loaders.append(_Loader(batches, numbers[i::count], pinned, loaders))
        for loader in loaders:
            loader.receiver.start()
        yield (loaders[i % count].next() for i in range(len(numbers)))
    finally:
        for loader in loaders:
            loader.stop()


class _InLoader(Exception):
    """The cause of an error of a loader: the traceback there, as text, since tracebacks cannot be sent."""


class _Loader:
    """A process that makes every n-th batch, and a thread that receives them here."""

    def __init__(self, batches: Dataset, numbers: range, pinned: bool, before: Sequence[_Loader]):
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._count, self._pinned = len(numbers), pinned
        context = multiprocessing.get_context("fork")  # the data set need not be pickled, nor torch be imported again
        self.connection, theirs = context.Pipe()  # sockets, which are twice as fast as pipes
        held = [self.connection, *(loader.connection for loader in before)]
        self._process = context.Process(target=_serve, args=(theirs, held, batches, numbers), daemon=True)
        self._process.start()
        theirs.close()
        self.receiver = threading.Thread(target=self._receive, daemon=True)

    def next(self) -> Batch:
        """The next batch; waits for it, and raises the error that came in its place."""
        answer = self._ready.get()  # the thread ends with an error if the process does
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def stop(self) -> None:
        """End process and thread at once."""
        self._process.kill()
        while self.receiver.is_alive():
            try:
                self._ready.get(timeout=0.05)  # the thread may wait for room
            except queue.Empty:
                pass
        self._process.join()
        self.connection.close()

    def _receive(self) -> None:
        try:
            for _ in range(self._count):
                err, said = self.connection.recv()
                if err is not None:
                    err.__cause__ = _InLoader(said)
                self._ready.put(tuple(self._tensor(*each) for each in said) if err is None else err)
        except (EOFError, OSError):
            self._process.join()
            self._ready.put(_death(self._process.exitcode))
        except BaseException as err:  # e.g. there is no memory left for a batch
            self._ready.put(err)

    def _tensor(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        tensor = torch.empty(shape, dtype=dtype, pin_memory=self._pinned)
        self.connection.recv_bytes_into(_content(tensor))
        return tensor


def _serve(connection: Connection, held: Sequence[Connection], batches: Dataset, numbers: range) -> None:
    """Run a loader: send each batch as shapes and types, followed by the content of each tensor; or an error in place of a batch."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the training, which ends its loaders
    for each in held:  # else these copies of the training's ends would keep the pipes open when it is gone
        each.close()
    torch.set_num_threads(1)
    try:
        for number in numbers:
            try:
                batch = [tensor.contiguous() for tensor in batches[number]]
            except Exception as err:
                connection.send((_portable(err), "".join(traceback.format_exception(err))))
            else:
                connection.send((None, [(tuple(tensor.shape), tensor.dtype) for tensor in batch]))
                for tensor in batch:
                    connection.send_bytes(_content(tensor))
    except OSError:  # nobody listens any more
        return


def _content(tensor: Tensor) -> memoryview:
    """The memory of a contiguous tensor."""
    return tensor.numpy().reshape(-1).view("u1").data


def _portable(err: Exception) -> Exception:
    """An error as it survives the way to another process."""
    try:
        pickle.loads(pickle.dumps(err))
    except Exception:  # a type of error that cannot be pickled, or not be made again
        return RuntimeError(f"{type(err).__name__}: {err}")
    return err


def _death(status: int | None) -> ChildProcessError:
    how = f"ended with status {status}" if status is None or status >= 0 else f"was killed by {signal.Signals(-status).name}"
    return ChildProcessError(
        f"a process that makes batches must live as long as the training, one {how}; if memory is short, go on with --resume --loaders 0, "
        "or begin anew with a smaller --batch"
    )
