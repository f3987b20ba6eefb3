"""Writes and reads the names of `elastic`'s architectures.

Example: elastic:128-64-8-pixelwise_16-hswish-d4.k3e4_relu-k3e2.k5e4_se-hswish-k5e4.k3e6_48-2x3-1x5.

In order: search crop, template crop, stride of the exit, correlation; then the stem's channels with the activation and the blocks of the
first stage; then squeeze-and-excitation (left out if there is none), activation and blocks of the second and of the third; then the
heads' width, and number of layers times kernel for the head of the scores and for that of the boxes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from supernet.space import Value

FORM = "elastic:SEARCH-TEMPLATE-EXIT-CORRELATION_STEM-ACT-BLOCKS_[se-]ACT-BLOCKS_[se-]ACT-BLOCKS_WIDTH-DEPTHxKERNEL-DEPTHxKERNEL"
_BLOCKS = r"[dek0-9.]+"
_NAME = re.compile(
    r"elastic:(?P<search>\d+)-(?P<template>\d+)-(?P<exit>\d+)-(?P<correlation>[a-z]+)"
    rf"_(?P<stem>\d+)-(?P<act1>[a-z]+)-(?P<blocks1>{_BLOCKS})"
    rf"_(?P<se2>se-)?(?P<act2>[a-z]+)-(?P<blocks2>{_BLOCKS})_(?P<se3>se-)?(?P<act3>[a-z]+)-(?P<blocks3>{_BLOCKS})"
    r"_(?P<head>\d+)-(?P<cls_depth>\d)x(?P<cls_kernel>\d)-(?P<reg_depth>\d)x(?P<reg_kernel>\d)"
)


def spell(chosen: Mapping[str, Value]) -> str:
    """Write the name of an architecture with these chosen values."""
    parts = ["-".join(str(chosen[label]) for label in ("search", "template", "exit", "correlation"))]
    for stage in (1, 2, 3):
        blocks = ".".join(str(chosen[f"{stage}.{i}"]) for i in range(int(chosen[f"{stage}.depth"])))
        first = f"{chosen['stem']}-" if stage == 1 else "se-" if chosen[f"{stage}.se"] == "se" else ""
        parts.append(f"{first}{chosen[f'{stage}.act']}-{blocks}")
    heads = "-".join(f"{chosen[f'{head}.depth']}x{chosen[f'{head}.kernel']}" for head in ("cls", "reg"))
    return f"elastic:{'_'.join(parts)}_{chosen['head']}-{heads}"


def read(name: str, choices: Mapping[str, tuple[Value, ...]]) -> dict[str, Value]:
    """Read the chosen values from a name.

    Args:
        name: The name.
        choices: Possible values of each choice, by label. Choices that have no effect get their first value.

    Raises:
        ValueError: The text is not a name of this family, or names a value that is not offered.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"an architecture name of elastic has the form {FORM}, got {name!r:.200}")
    texts = {label: match[label.replace(".", "_")] for label in ("search", "template", "exit", "correlation", "stem", "head")}
    texts |= {f"{head}.{part}": match[f"{head}_{part}"] for head in ("cls", "reg") for part in ("depth", "kernel")}
    for stage in (1, 2, 3):
        blocks = match[f"blocks{stage}"].split(".")
        texts |= {f"{stage}.act": match[f"act{stage}"], f"{stage}.depth": str(len(blocks))}
        texts |= {f"{stage}.{i}": block for i, block in enumerate(blocks) if f"{stage}.{i}" in choices}
        if stage > 1:
            texts[f"{stage}.se"] = "se" if match[f"se{stage}"] else "plain"
    chosen = {label: values[0] for label, values in choices.items()}
    for label, text in texts.items():
        offered = {str(value): value for value in choices[label]}
        if text not in offered:
            raise ValueError(f"the choice {label} of elastic must be one of {', '.join(offered)}, got {text!r:.40} in {name!r:.200}")
        chosen[label] = offered[text]
    return chosen
