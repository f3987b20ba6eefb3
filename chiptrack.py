"""The command line of chiptrack: a dictionary of verbs (subcommands), and how a function's signature becomes command-line flags."""

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
    "predict": Verb("predict latency or another metric of architectures, with intervals", "predictors.predict:predict"),
    "train": Verb("train the supernet of a family", "supernet.training.train:train"),
    "search": Verb("search a family for several objectives at once", "search.verbs.search:search"),
    "retrain": Verb("train one architecture alone", "supernet.training.retrain:retrain"),
    "import": Verb("turn official weights into a checkpoint", "supernet.import_weights:import_weights"),
    "export": Verb("write the graphs that a device runs", "supernet.deploy.export:export"),
    "track": Verb("follow a target through a sequence, folder, video or camera", "supernet.deploy.track:track"),
    "evaluate": Verb("run a tracker over a data set and score it", "supernet.deploy.evaluate:evaluate"),
    "report": Verb("draw the trade-off page of a search again", "search.verbs.report:report"),
    "dashboard": Verb("show the study of a search in optuna-dashboard", "search.verbs.dashboard:dashboard"),
}


_SHOWN = 8
"""Number of items of a long list that are printed for a person; `--json` prints all of them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Returns:
        Exit status: 0, or 130 after Ctrl-C.

    Raises:
        SystemExit: The input is bad (status 2, after one line on stderr), or the help of a verb was printed (status 0).
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] not in VERBS:
        _fail(f"a verb must be one of {', '.join(VERBS)}, got {words[0]!r}; see `chiptrack --help`")
    hint = "begins anew"
    try:
        title, function, rest = chosen(words)
        flags = Flags(title, function, VERBS[words[0]])
        if flags.resumes:
            hint = "with --resume goes on"
        elif VERBS[words[0]].resumes:
            hint = "goes on"
        positional, given, as_json = flags.parse(rest)
        answer = function(*positional, **given)
    except KeyboardInterrupt:
        print(f"chiptrack: interrupted; the same command {hint}", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, ArithmeticError) as err:
        _fail(_one_line(err))
    try:
        print(json.dumps(_plain(answer), default=str) if as_json else _text(answer), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


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
    """The command-line flags of a function, derived from its signature.

    A positional parameter becomes a positional argument, and a keyword-only parameter `max_macs` becomes a flag `--max-macs`. A parameter
    whose type is a dataclass stands for its fields, each of which becomes a flag. The help texts come from the docstrings.
    """

    def __init__(self, title: str, function: Callable, verb: Verb):
        """Read a function's signature.

        Args:
            title: How the command is called, e.g. `chiptrack tables list`.
            function: The function that the command runs.
            verb: The verb that the command belongs to; its `instead` is mentioned in the help.
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
        """Whether the command has a flag `--resume`."""
        return "--resume" in self._parser._option_string_actions

    def parse(self, words: Sequence[str]) -> tuple[list, dict[str, Any], bool]:
        """Read a command line.

        Returns:
            Values of the positional parameters; values of the other parameters by name; and whether the answer is wanted as JSON.

        Raises:
            SystemExit: The words do not fit the flags (status 2), or the help was printed (status 0).
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
        if not required and default is not False and default not in (None, ""):
            settings["help"] += f" (default: {default})"
        word = name.rstrip("_")  # from_ is --from, which Python keeps for itself
        if "type" in settings:
            settings["metavar"] = word.upper()
        flag = "--" + word.replace("_", "-")
        self._parser.add_argument(flag, dest=dest, required=required, default=None if required else default, **settings)


def _help(text: str | None) -> str:
    return " ".join((text or "").split()).replace("%", "%%")


def _field_help(owner: type) -> dict[str, str]:
    """Help text of each field of a dataclass, by name: the docstring below the field."""
    from docstring_parser import parse_from_object

    return {parameter.arg_name: parameter.description or "" for parameter in parse_from_object(owner).params}


def _kind(hint: object) -> dict:
    """Settings of `add_argument` with which argparse reads a value of an annotated type."""
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
    """An answer in a form that JSON can express: numbers that are not finite become None, which JSON writes as null."""
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    return None if isinstance(answer, float) and not math.isfinite(answer) else answer


def _text(answer: object) -> str:
    """An answer as text for a person: one line for each value, and a table for a list of records."""
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
    """Whether a value needs several lines, which a record or a list of records does."""
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
        if " must " in err.strerror:  # one of chiptrack's own, which says the rule
            return " ".join(err.strerror.split())
        path = err.filename2 or err.filename
        said = err.strerror.lower() if path is None else f"{err.strerror.lower()}: {path}"
        return f"the system must allow it, it says {said}; check path, permissions and free space"
    return " ".join(str(err).split()) or type(err).__name__


def _fail(message: str) -> NoReturn:
    print(f"chiptrack: error: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    raise SystemExit(main())
