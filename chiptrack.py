"""The command line of chiptrack: a dictionary of verbs, and the rule by which a function's signature becomes flags."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import math
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are several times slower than one


@dataclasses.dataclass(frozen=True)
class Verb:
    """What a verb does, and which function does it, as `module:function`."""

    does: str
    function: str = ""
    actions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Functions by the word that follows the verb."""
    instead: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Functions that take the verb over, by the flag that asks for it."""


VERBS = {
    "demo": Verb("the whole job on this machine with embedded defaults", "search.verbs.demo:demo"),
    "devices": Verb("runtimes and ways to devices that can be used here", "latency_tables.devices:devices"),
    "describe": Verb("parameters, multiply-adds and operators of an architecture", "supernet.describe:describe"),
    "measure": Verb(
        "latency of every operator of a family, and of whole networks",
        "latency_tables.measuring.measure:measure",
        instead={"--check": "latency_tables.measuring.check:check_table"},
    ),
    "tables": Verb(
        "latency tables: list, compare, merge, validate, import",
        actions={
            "list": "latency_tables.tables.actions:list_tables",
            "compare": "latency_tables.tables.actions:compare_tables",
            "merge": "latency_tables.tables.actions:merge_tables",
            "validate": "latency_tables.tables.actions:validate_tables",
            "import": "latency_tables.tables.actions:import_table",
        },
    ),
    "fit-predictor": Verb("a latency predictor from a table", "predictors.fit:fit_predictor"),
    "adapt": Verb("a latency predictor of a new chip from a few of its networks", "predictors.transfer.adapt:adapt"),
    "predict": Verb("latency of architectures, with intervals", "predictors.predict:predict"),
    "train": Verb("the tracking supernet of a family", "supernet.training.train:train"),
    "search": Verb("multi-objective search over a family", "search.verbs.search:search"),
    "retrain": Verb("one architecture alone", "supernet.training.retrain:retrain"),
    "import": Verb("official weights into a checkpoint", "supernet.import_weights:import_weights"),
    "export": Verb("the graphs that a device runs", "supernet.deploy.export:export"),
    "track": Verb("follow a target through a sequence, folder, video or camera", "supernet.deploy.track:track"),
    "evaluate": Verb("run a tracker over a data set and score it", "supernet.deploy.evaluate:evaluate"),
    "report": Verb("the trade-off page of a search again", "search.verbs.report:report"),
    "dashboard": Verb("the study of a search in optuna-dashboard", "search.verbs.dashboard:dashboard"),
}


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
    hint = ""
    try:
        title, function, rest = chosen(words)
        flags = Flags(title, function, VERBS[words[0]])
        hint = " with --resume" if flags.resumes else ""
        positional, given, as_json = flags.parse(rest)
        answer = function(*positional, **given)
    except KeyboardInterrupt:
        print(f"chiptrack: interrupted; the same command{hint} goes on", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, ArithmeticError) as err:
        _fail(_one_line(err))
    try:
        print(json.dumps(_plain(answer), default=str) if as_json else _text(answer), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def chosen(words: Sequence[str]) -> tuple[str, Callable, Sequence[str]]:
    """What a command line asks for.

    Args:
        words: A verb and what follows it.

    Returns:
        How the command is called in its help, its function, and the words that are left for its flags.
    """
    verb, rest = VERBS[words[0]], words[1:]
    title, target = f"chiptrack {words[0]}", verb.function
    if verb.actions:
        if not rest or rest[0] not in verb.actions:
            if rest and rest[0] in ("-h", "--help"):
                print(_actions(title, verb))
                raise SystemExit(0)
            got = f", got {rest[0]!r}" if rest else ""
            _fail(f"{words[0]} must be followed by one of {', '.join(verb.actions)}{got}; see `{title} --help`")
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


class Flags:
    """The flags of a function: positional parameters as they are, keyword-only ones as --flags, help from the docstrings.

    A parameter whose type is a dataclass stands for all of its fields, each a flag of its own.
    """

    def __init__(self, title: str, function: Callable, verb: Verb):
        """Read a function's signature.

        Args:
            title: How the command is called.
            function: What runs.
            verb: What it belongs to; names what takes it over.
        """
        from docstring_parser import parse

        documentation = parse(inspect.getdoc(function) or "")
        described = {parameter.arg_name: parameter.description for parameter in documentation.params}
        others = [f"`chiptrack {title.split()[1]} {flag} --help` explains {flag}." for flag in verb.instead if flag not in title]
        text = "\n\n".join(filter(None, (documentation.short_description, documentation.long_description, *others)))
        self._parser = _Parser(prog=title, description=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
        self._parser._negative_number_matcher = re.compile(r"-\.?\d")  # `--box -5,0,20,20` has a value, not two flags
        self._positional: list[str] = []
        self._groups: dict[str, type] = {}
        hints = typing.get_type_hints(function)
        for name, parameter in inspect.signature(function).parameters.items():
            if dataclasses.is_dataclass(hints[name]):
                self._groups[name] = hints[name]
                for field in dataclasses.fields(hints[name]):
                    self._add(f"{name}.{field.name}", field.name, hints[name], field)
            elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                self._positional.append(name)
                self._add_positional(name, hints[name], parameter.default, described[name])
            else:
                self._add_flag(name, name, hints[name], parameter.default, described[name])
        self._parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")

    @property
    def resumes(self) -> bool:
        """Whether there is a flag --resume."""
        return "--resume" in self._parser._option_string_actions

    def parse(self, words: Sequence[str]) -> tuple[list, dict[str, Any], bool]:
        """Read a command line.

        Returns:
            Values of the positional parameters, of the others by name, and whether the answer is wanted as JSON.
        """
        if {"-h", "--help"} & set(words):
            self._parser.print_help()
            raise SystemExit(0)
        found = vars(self._parser.parse_intermixed_args(words))  # files may stand on both sides of a flag
        as_json = found.pop("json")
        positional = [found.pop(name) for name in self._positional]
        given = {name: value for name, value in found.items() if "." not in name}
        for group, kind in self._groups.items():
            fields = {name.partition(".")[2]: value for name, value in found.items() if name.startswith(f"{group}.")}
            given[group] = kind(**fields)
        return positional, given, as_json

    def _add(self, dest: str, name: str, owner: type, field: dataclasses.Field) -> None:
        hint = typing.get_type_hints(owner)[name]
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        self._add_flag(dest, name, hint, default, field.metadata.get("help") or _field_help(owner)[name])

    def _add_positional(self, name: str, hint: object, default: object, text: str | None) -> None:
        settings = {"help": _help(text), **_kind(hint)}
        if default is not inspect.Parameter.empty:
            settings = {**settings, "nargs": "*" if "nargs" in settings else "?", "default": default}
        self._parser.add_argument(name, **settings)

    def _add_flag(self, dest: str, name: str, hint: object, default: Any, text: str | None) -> None:
        settings, required = {"help": _help(text), **_kind(hint)}, default is inspect.Parameter.empty
        if not required and default not in (None, False, ""):
            settings["help"] += f" (default: {default})"
        word = name.rstrip("_")  # from_ is --from, which Python keeps for itself
        if "type" in settings:
            settings["metavar"] = word.upper()
        flag = "--" + word.replace("_", "-")
        self._parser.add_argument(flag, dest=dest, required=required, default=None if required else default, **settings)


def _help(text: str | None) -> str:
    return " ".join((text or "").split()).replace("%", "%%")


def _field_help(owner: type) -> dict[str, str]:
    """What stands below each field of a dataclass."""
    from docstring_parser import parse_from_object

    return {parameter.arg_name: parameter.description or "" for parameter in parse_from_object(owner).params}


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


def _fail(message: str) -> NoReturn:
    print(f"chiptrack: error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    raise SystemExit(main())
