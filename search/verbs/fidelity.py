"""The verb `fidelity`: how truly inherited scores rank architectures, against networks that were trained alone.

Its folder holds `reference.json` and `alone/` (the networks trained alone, with their logs), `fidelity.json`, `fidelity.csv` and
`fidelity.html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from latency_tables.measuring.networks import draw
from search.fidelity import alone as training_alone
from search.fidelity.judging import METRICS, PairScore
from search.fidelity.record import Fidelity, Measured, Setting, save
from search.fidelity.reference import Reference, Terms, begin, check_complete, read
from search.fidelity.statistics import figures
from search.fidelity.zero_cost import synflow
from search.judging.fixed_pairs import GROUP
from supernet.catalogue import find_family
from supernet.checkpoints import load_supernet, read_header
from supernet.deploy.torch_graphs import check_device
from supernet.families.family import Family
from supernet.training.options import TrainingOptions
from tracking.files.atomic import sole_writer, write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress


@dataclass(frozen=True)
class ComparisonOptions:
    """How many architectures are compared, and on what."""

    architectures: int = 16
    """Number of architectures: random ones, spread evenly over the multiply-adds that random ones have."""
    seeds: int = 2
    """Number of trainings of each architecture alone."""
    drawn: int = 0
    """Seed of the draw of architectures."""
    judged_pairs: int = 2048
    """Number of pairs on which all networks are judged, a multiple of 32; no training sees them."""
    metric: str = "fit"
    """What is judged on them: fit, iou or presence."""
    workers: int = 1
    """Number of processes that train side by side."""

    def __post_init__(self):
        for name, value, least in (
            ("architectures", self.architectures, 3),
            ("seeds", self.seeds, 1),
            ("drawn", self.drawn, 0),
            ("judged_pairs", self.judged_pairs, 1),
            ("workers", self.workers, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}; leave --{name.replace('_', '-')} out for the default")
        if self.judged_pairs % GROUP:
            raise ValueError(f"judged_pairs must be a multiple of {GROUP}, got {self.judged_pairs}; 2048 are usual")
        if self.metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r:.40}; fit is usual")


@guarded
def fidelity(
    *,
    supernet: Annotated[Path, Reads()],
    out: Annotated[Path, Writes(folder=True)],
    alone: Annotated[Path | None, Reads()] = None,
    comparison: ComparisonOptions = ComparisonOptions(),
    training: TrainingOptions = TrainingOptions(),
) -> dict:
    """Compare the ranking of inherited scores with that of networks trained alone.

    Random architectures are trained alone, from random weights. Their scores on fixed pairs are compared with
    those of the same architectures with weights inherited from the supernet.

    Args:
        supernet: Checkpoint of a trained supernet.
        out: Folder for fidelity.json, fidelity.csv and fidelity.html, and for the networks trained alone.
        alone: Folder of another fidelity run, whose networks trained alone are used, so that nothing is trained; the flags of the
            trainings and of the draw of architectures are then those of that run.
        comparison: Architectures, seeds, pairs and processes.
        training: Data, length and device of each training alone.

    Returns:
        `kendall` and `spearman` of inherited against alone, with the interval of the former from `low` to `high`; Kendall tau of
        multiply-adds, parameters and a zero-cost score; `above_macs`, the difference; `ceiling`, the agreement of the seeds;
        `top_overlap`, the share of the best quarter that is found; the number of `architectures`; and the page, `report`.

    Raises:
        FileExistsError: The folder holds a fidelity run, and it is not resumed.
        FileNotFoundError: The other run is not complete.
        ValueError: The folder holds a run with other settings, or the other run is of another family.
    """
    header = read_header(supernet, "supernet")
    family = find_family(header.get("family"), str(supernet))
    check_device(training.device)
    out = Path(out)
    with sole_writer(out / "fidelity.json"):
        if alone is None:
            reference = _reference(family, out, comparison, training)
            begin(reference, training.resume)
            training_alone.train_all(reference.trainings, training, comparison.workers)
        else:
            reference = read(alone)
            if reference.terms.family != family.name:
                raise ValueError(
                    f"networks trained alone must be of the supernet's family, {alone} is of {reference.terms.family} and not {family.name}"
                )
        check_complete(reference)
        found = Fidelity(
            _setting(supernet, header, reference, comparison),
            _measure(family, supernet, reference, comparison, training.device, out / "pairs"),
        )
        answer = figures(found.rows)
        save(out, found, answer.to_json())
        from search.fidelity.page import draw  # plotly takes a while to import, and is needed only now

        write_text(out / "fidelity.html", draw(found, answer))
    return {
        "kendall": answer.kendall.value,
        "low": answer.kendall.low,
        "high": answer.kendall.high,
        "spearman": answer.spearman.value,
        "macs_kendall": answer.macs_kendall.value,
        "params_kendall": answer.params_kendall.value,
        "zero_cost_kendall": answer.zero_cost_kendall.value,
        "above_macs": answer.above_macs.value,
        "ceiling": answer.ceiling,
        "top_overlap": answer.top_overlap,
        "architectures": answer.architectures,
        "report": str(out / "fidelity.html"),
    }


def _reference(family: Family, out: Path, comparison: ComparisonOptions, training: TrainingOptions) -> Reference:
    """The set of trainings alone that the flags ask for."""
    recipe = training.recipe(family.recipe)
    kept = "" if training.kept is None else str(training.kept)
    terms = Terms(family.name, comparison.seeds, recipe.steps, recipe.batch, recipe.lr, training.data, kept)
    return Reference(out, terms, tuple(draw(family, comparison.architectures, comparison.drawn)))


def _setting(supernet: Path, header: dict, reference: Reference, comparison: ComparisonOptions) -> Setting:
    notes = header["notes"] if isinstance(header["notes"], dict) else {}
    recipe, paths = notes.get("recipe"), notes.get("paths")
    steps = recipe.get("steps") if isinstance(recipe, dict) else None
    return Setting(
        family=reference.terms.family,
        supernet=str(supernet),
        paths=paths if isinstance(paths, str) else "",
        supernet_steps=steps if isinstance(steps, int) else 0,
        steps=reference.terms.steps,
        seeds=reference.terms.seeds,
        data=reference.terms.data,
        pairs=comparison.judged_pairs,
        metric=comparison.metric,
    )


def _measure(
    family: Family, supernet: Path, reference: Reference, comparison: ComparisonOptions, device: str, kept: Path
) -> tuple[Measured, ...]:
    """Judge every architecture of a set, with inherited weights and alone."""
    judge = PairScore(family, reference.terms.data, comparison.judged_pairs, comparison.metric, device, kept)
    shared: Any = load_supernet(supernet)
    rows = []
    with progress("judging", len(reference.architectures), 0) as report:
        for arch in reference.architectures:
            counts = family.counts(arch, "search")
            inherited = judge(shared.extract(arch), arch)
            scores = tuple(judge(network, arch) for network in reference.networks(arch))
            rows.append(Measured(arch.name, arch.key, counts.macs, counts.params, synflow(family, arch), inherited, scores))
            report(len(rows), "")
    return tuple(rows)
