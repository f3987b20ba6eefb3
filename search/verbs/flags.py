"""How a function's signature becomes command-line flags."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from tracking.errors import shortened
from tracking.files.progress import say


def fail(message: str) -> NoReturn:
    """End the program because of bad input: print one line, with exit status 2."""
    say(f"chiptrack: error: {shortened(message)}")
    raise SystemExit(2)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"{message}; see `{self.prog} --help`")


class Flags:
    """The command-line flags of a function, derived from its signature.

    A positional parameter becomes a positional argument, and a keyword-only parameter `max_macs` becomes a flag `--max-macs`. A positional
    parameter that may be None can be left out, also before one that cannot: `[model] source`. A parameter whose type is a dataclass stands
    for its fields, each of which becomes a flag. The help texts come from the docstrings.
    """

    def __init__(self, title: str, function: Callable, instead: Iterable[str] = ()):
        """Read a function's signature.

        Args:
            title: How the command is called, e.g. `chiptrack tables list`.
            function: The function that the command runs.
            instead: Flags that make the verb run another function; they are mentioned in the help.
        """
        from docstring_parser import parse

        documentation = parse(inspect.getdoc(function) or "")
        described = {parameter.arg_name: parameter.description for parameter in documentation.params}
        others = [f"`chiptrack {title.split()[1]} {flag} --help` explains {flag}." for flag in instead if flag not in title]
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
        if default is inspect.Parameter.empty and type(None) in typing.get_args(hint):
            default = None
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
        if "nargs" in settings:
            settings["action"] = "extend"  # `--results A B` and `--results A --results B` are the same
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
