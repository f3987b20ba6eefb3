"""The command line of chiptrack: a dictionary of verbs, and the rule by which a function's signature becomes flags."""

from __future__ import annotations

import argparse
import inspect
import json
import math
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are several times slower than one

VERBS = {
    "demo": ("search.demo:demo", "the whole job on this machine with embedded defaults"),
    "devices": ("latency_tables.devices:devices", "places and runtimes that can be used here"),
    "describe": ("supernet.describe:describe", "parameters, multiply-adds and operators of an architecture"),
    "measure": ("latency_tables.measuring.measure:measure", "latency of every operator of a family, and of whole networks"),
    "tables": ("latency_tables.tables.actions:tables", "latency tables: list, compare, merge, validate, import"),
    "fit-predictor": ("predictors.fit:fit_predictor", "a latency predictor from a table"),
    "adapt": ("predictors.transfer.adapt:adapt", "a latency predictor of a new chip from a few of its networks"),
    "predict": ("predictors.predict:predict", "latency of architectures, with intervals"),
    "train": ("supernet.training.train:train", "the tracking supernet of a family"),
    "search": ("search.run:search", "multi-objective search over a family"),
    "retrain": ("supernet.training.train:retrain", "one architecture alone"),
    "import": ("supernet.families.lighttrack.weights:import_official", "official weights into a checkpoint"),
    "export": ("supernet.deploy.bundle:export", "the graphs that a device runs"),
    "track": ("supernet.deploy.track:track", "follow a target through a sequence, folder, video or camera"),
    "evaluate": ("supernet.deploy.evaluate:evaluate", "run a tracker over a data set and score it"),
    "report": ("search.report:report", "the trade-off page of a search again"),
    "dashboard": ("search.dashboard:dashboard", "the study of a search in optuna-dashboard"),
}
"""Verb -> (module:function, what it does)."""


_SHOWN = 8
"""Items of a long list that a person is shown."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Returns:
        Exit status: 0, or 130 after Ctrl-C. Bad input exits with 2 and one line on stderr.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] not in VERBS:
        _fail(f"a verb must be one of {', '.join(VERBS)}, got {words[0]!r}; see `chiptrack --help`")
    try:
        module, _, name = VERBS[words[0]][0].partition(":")
        function = getattr(import_module(module), name)
        parser, signature = _parser(words[0], function)
        given = vars(parser.parse_intermixed_args(words[1:]))  # files may stand on both sides of a flag
        as_json = given.pop("json")
        positional = [given.pop(n) for n, p in signature.parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        answer = function(*positional, **given)
    except KeyboardInterrupt:
        print(f"chiptrack: interrupted; the same command{_resume_hint(words[0])} goes on", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, ArithmeticError) as err:
        _fail(_one_line(err))
    try:
        print(json.dumps(_plain(answer), default=str) if as_json else _text(answer), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _overview() -> str:
    lines = ["usage: chiptrack VERB ...", "", "Finds, trains and delivers the tracker that fits a chip.", ""]
    lines += [f"  {verb:14} {summary}" for verb, (_, summary) in VERBS.items()]
    return "\n".join([*lines, "", "`chiptrack VERB --help` lists a verb's flags; --json prints one JSON object on stdout."])


def _parser(verb: str, function: Callable) -> tuple[argparse.ArgumentParser, inspect.Signature]:
    """Flags of a verb: positional parameters as they are, keyword-only ones as --flags, help from the docstring."""
    from docstring_parser import parse

    documentation = parse(inspect.getdoc(function) or "")
    described = {parameter.arg_name: parameter.description for parameter in documentation.params}
    text = "\n\n".join(filter(None, (documentation.short_description, documentation.long_description)))
    parser = _Parser(prog=f"chiptrack {verb}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser._negative_number_matcher = re.compile(r"-\.?\d")  # `--box -5,0,20,20` has a value, not two flags
    signature, hints = inspect.signature(function), typing.get_type_hints(function)
    for name, parameter in signature.parameters.items():
        settings = {"help": (described[name] or "").replace("\n", " ").replace("%", "%%"), **_kind(hints[name])}
        required = parameter.default is parameter.empty
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            optional = {} if required else {"nargs": "*" if "nargs" in settings else "?", "default": parameter.default}
            parser.add_argument(name, **{**settings, **optional})
            continue
        if not required and parameter.default not in (None, False):
            settings["help"] += f" (default: {parameter.default})"
        word = name.rstrip("_")  # from_ is --from, which Python keeps for itself
        if "type" in settings:
            settings["metavar"] = word.upper()
        flag = "--" + word.replace("_", "-")
        parser.add_argument(flag, dest=name, required=required, default=None if required else parameter.default, **settings)
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    return parser, signature


def _kind(hint: object) -> dict:
    """How argparse reads a value of an annotated type."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if hint is bool:
        return {"action": "store_true"}
    if typing.get_origin(hint) is list:
        return {**_kind(typing.get_args(hint)[0]), "nargs": "+"}
    if typing.get_origin(hint) is typing.Literal:
        return {"choices": typing.get_args(hint)}
    return {"type": hint}


def _plain(answer: object) -> object:
    """An answer as JSON can say it: what is not finite becomes null."""
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    return None if isinstance(answer, float) and not math.isfinite(answer) else answer


def _text(answer: object) -> str:
    """An answer for a person: one line a figure, a table where there are several records."""
    if isinstance(answer, dict):
        width = max((len(str(key)) for key in answer), default=0)
        return "\n".join(
            f"{key}:\n{_indent(_text(value))}" if _is_deep(value) else f"{key:{width}}  {_figure(value)}" for key, value in answer.items()
        )
    if isinstance(answer, list) and _is_deep(answer):
        columns = list(dict.fromkeys(key for record in answer for key in record))
        rows = [columns, *([_figure(record.get(column, "")) for column in columns] for record in answer)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return _figure(answer)


def _is_deep(value: object) -> bool:
    """Whether a value needs lines of its own: a record, or a list of records."""
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        more = [f"and {len(value) - _SHOWN} more (--json lists all)"] if len(value) > _SHOWN else []
        return ", ".join([*map(_figure, value[:_SHOWN]), *more])
    if isinstance(value, dict):
        return " ".join(f"{key}={_figure(part)}" for key, part in value.items())
    return "-" if value is None else str(value)


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def _one_line(err: BaseException) -> str:
    if isinstance(err, OSError) and err.strerror:
        place = err.filename2 or err.filename
        said = err.strerror.lower() if place is None else f"{err.strerror.lower()}: {place}"
        return f"the system must allow it, it says {said}; check path, permissions and free space"
    return " ".join(str(err).split()) or type(err).__name__


def _resume_hint(verb: str) -> str:
    return " with --resume" if verb in ("measure", "adapt", "train", "retrain", "search", "evaluate", "demo") else ""


def _fail(message: str) -> NoReturn:
    print(f"chiptrack: error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    raise SystemExit(main())
