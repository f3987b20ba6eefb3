"""The command line of chiptrack: a dictionary of verbs (subcommands), and what happens to answers, errors and signals."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module

from search.verbs.answer import as_json, as_text
from search.verbs.flags import Flags, fail
from tracking.errors import is_expected, one_line, shortened
from tracking.files.progress import say

if os.name != "posix":
    raise ImportError(f"chiptrack must run on Linux or macOS, this is {os.name}; on Windows use WSL")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are several times slower than one


@dataclasses.dataclass(frozen=True)
class Verb:
    """A subcommand of chiptrack."""

    does: str
    """What it does, in a few words, for the overview."""
    function: str = ""
    """The function that it runs, as `module:function`; empty where it has actions."""
    actions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Functions, as `module:function`, by the word that follows the verb, e.g. `list` in `chiptrack tables list`."""
    instead: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Functions, as `module:function`, that run in place of `function` when a certain flag is given; by that flag."""
    resumes: bool = False
    """Whether it goes on where it was interrupted without being told to by `--resume`."""


VERBS = {
    "demo": Verb("run the whole job on this machine with embedded defaults", "search.verbs.demo:demo", resumes=True),
    "devices": Verb("list the runtimes and the ways to devices that can be used here", "latency_tables.devices:devices"),
    "describe": Verb("show parameters, multiply-adds and operators of an architecture", "supernet.describe:describe"),
    "measure": Verb(
        "measure the latency of every operator of a family, and of whole networks",
        "latency_tables.measuring.measure:measure",
        instead={"--check": "latency_tables.measuring.check:check_table"},
    ),
    "tables": Verb(
        "list, compare, merge, validate or import latency tables",
        actions={
            "list": "latency_tables.tables.actions:list_tables",
            "compare": "latency_tables.tables.actions:compare_tables",
            "merge": "latency_tables.tables.actions:merge_tables",
            "validate": "latency_tables.tables.actions:validate_tables",
            "import": "latency_tables.tables.actions:import_table",
        },
    ),
    "fit-predictor": Verb("fit a predictor of latency or another metric to a latency table", "predictors.fit:fit_predictor"),
    "adapt": Verb("fit a latency predictor for a new chip to a few networks measured there", "predictors.transfer.adapt:adapt"),
    "cut": Verb("cut a tracker for a board out of a trained supernet: measure, search, tune, export", "search.verbs.cut:cut"),
    "predict": Verb("predict latency or another metric of architectures, with intervals", "predictors.predict:predict"),
    "train": Verb("train the supernet of a family", "supernet.training.train:train"),
    "fidelity": Verb("compare inherited scores with those of networks trained alone", "search.verbs.fidelity:fidelity"),
    "search": Verb("search a family for several objectives at once", "search.verbs.search:search"),
    "retrain": Verb("train one architecture alone", "supernet.training.retrain:retrain"),
    "tune": Verb("fit the constants of the tracking procedure to a tracker's weights", "supernet.deploy.tune:tune"),
    "import": Verb("turn official weights into a checkpoint", "supernet.import_weights:import_weights"),
    "export": Verb("write the graphs that a device runs", "supernet.deploy.export:export"),
    "track": Verb("follow a target through a sequence, folder, video or camera", "supernet.deploy.track:track"),
    "evaluate": Verb(
        "run a tracker over a data set and score it",
        "supernet.deploy.evaluate:evaluate",
        instead={"--camera": "search.verbs.evaluate_live:evaluate_live"},
    ),
    "score": Verb("score result files that anybody made by the rules of a benchmark", "tracking.scoring.score:score"),
    "report": Verb("draw the trade-off page of a search again", "search.verbs.report:report"),
    "dashboard": Verb("show the study of a search in optuna-dashboard", "search.verbs.dashboard:dashboard"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Returns:
        Exit status: 0; 70 after a mistake of ours, whose traceback is in a file; 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.

    Raises:
        SystemExit: The input is bad (status 2, after one line on stderr), or the help of a verb was printed (status 0).
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the encoding of a console may lack letters of a file's name
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] not in VERBS:
        fail(f"a verb must be one of {', '.join(VERBS)}, got {words[0]!r}; see `chiptrack --help`")
    hint = "begins anew"
    try:
        with _signals():
            title, function, rest = chosen(words)
            flags = Flags(title, function, VERBS[words[0]].instead)
            if flags.resumes:
                hint = "with --resume goes on"
            elif VERBS[words[0]].resumes:
                hint = "goes on"
            positional, given, for_a_program = flags.parse(rest)
            answer = function(*positional, **given)
        _print(as_json(answer) if for_a_program else as_text(answer))
    except KeyboardInterrupt as stop:
        say(f"chiptrack: {' '.join([_STOPPED[getattr(stop, 'signal', signal.SIGINT)], *map(str, stop.args)])}; the same command {hint}")
        return 128 + getattr(stop, "signal", signal.SIGINT)
    except Exception as err:
        if is_expected(err):
            fail(one_line(err))
        return _mistake(err)
    return 0


class Stopped(KeyboardInterrupt):
    """A signal has asked the program to end; work ends as after Ctrl-C."""

    def __init__(self, number: int):
        super().__init__()
        self.signal = number


_STOPPED = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminated, as the terminal was closed,"}


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Raise `Stopped` where SIGTERM or SIGHUP would end the program at once, with partial results lost and temporary files left."""

    def stop(number: int, frame: object) -> None:
        raise Stopped(number)

    caught = []
    if threading.current_thread() is threading.main_thread():
        caught = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]  # not under nohup
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _print(text: str) -> None:
    """Print the answer of a verb.

    Raises:
        OSError: stdout is full or closed.
    """
    try:
        print(text, flush=True)
    except OSError as err:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would try once more when it ends
        if not isinstance(err, BrokenPipeError):  # whose reader, such as head, has seen enough
            raise OSError(f"the answer must be written to stdout, the system says {str(err.strerror).lower()}; the work is done") from err


def _mistake(err: Exception) -> int:
    """Say that an error is a mistake of ours, and where its traceback is; returns the exit status."""
    with tempfile.NamedTemporaryFile("w", prefix="chiptrack-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exception(err, file=file)
    said = shortened(f"{type(err).__name__}: {err}")[:150]
    say(f"chiptrack: this is a mistake in chiptrack ({said}); please report it with {file.name}")
    return 70


def chosen(words: Sequence[str]) -> tuple[str, Callable, Sequence[str]]:
    """Find the function that a command line asks for.

    Args:
        words: A verb of `VERBS` and the words that follow it.

    Returns:
        The title of the command in its help, e.g. `chiptrack tables list`; its function; and the remaining words, which the function's
        flags are read from.

    Raises:
        SystemExit: The verb needs an action and has none that is known (status 2), or its help was printed (status 0).
    """
    verb, rest = VERBS[words[0]], words[1:]
    title, target = f"chiptrack {words[0]}", verb.function
    if verb.actions:
        if not rest or rest[0] not in verb.actions:
            if rest and rest[0] in ("-h", "--help"):
                print(_actions(title, verb))
                raise SystemExit(0)
            got = f", got {rest[0]!r}" if rest else ""
            fail(f"{words[0]} must be followed by one of {', '.join(verb.actions)}{got}; see `{title} --help`")
        title, target, rest = f"{title} {rest[0]}", verb.actions[rest[0]], rest[1:]
    for flag, other in verb.instead.items():
        if any(word == flag or word.startswith(f"{flag}=") for word in rest):
            title, target = f"{title} {flag}", other
    module, _, name = target.partition(":")
    return title, getattr(import_module(module), name), rest


def _overview() -> str:
    lines = ["usage: chiptrack VERB ...", "", "Finds, trains and delivers the tracker that fits a chip.", ""]
    lines += [f"  {name:14} {verb.does}" for name, verb in VERBS.items()]
    return "\n".join([*lines, "", "`chiptrack VERB --help` lists a verb's flags; --json prints one JSON object on stdout."])


def _actions(title: str, verb: Verb) -> str:
    lines = [f"usage: {title} {{{','.join(verb.actions)}}} ...", "", verb.does[:1].upper() + verb.does[1:] + ".", ""]
    return "\n".join([*lines, f"`{title} ACTION --help` lists the flags of each."])


if __name__ == "__main__":
    raise SystemExit(main())
