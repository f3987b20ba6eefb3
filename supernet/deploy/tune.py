"""The verb `tune`: fits the constants of the tracking procedure to the weights of a tracker.

How fast a box follows the predicted size, how strongly jumps are penalised and how much the middle of the crop is favoured are worth as
much accuracy as hours of training, and the best values depend on what a network is good at. The tracker follows targets through generated
clips with the constants that Optuna's TPE (Bergstra et al., NeurIPS 2011) proposes; the weights do not change. Whether the best ones are
better at all is judged on other clips, since the best of many trials is partly luck.

Then the score of the boxes is calibrated on clips in which targets are away for some time, so that it tells whether the target is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from supernet.catalogue import find_family
from supernet.checkpoints import TrackerCheckpoint, load_tracker, read_header, save_tracker
from supernet.deploy.batched_graphs import BatchedGraphs
from supernet.training.batches import is_generated, material_folder
from supernet.training.options import data_root
from tracking.benchmarks.one_pass import score
from tracking.files.atomic import sole_writer
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress
from tracking.generated.synthetic import FRAMES_OF_AN_ABSENCE, synthetic_dataset
from tracking.lockstep import track_lockstep
from tracking.sequence import Sequence as Clip
from tracking.trackers import TRACKERS, Procedure, Settings
from tracking.trackers.calibration import area, calibrated, watch
from tracking.trackers.siamese import Siamese, SiameseSettings

RANGES = {"lr": (0.05, 1.0), "penalty_k": (0.0, 0.3), "window_influence": (0.0, 0.5), "least_size": (2.0, 16.0)}
"""Constants that can be tuned, with the range of each; a procedure has some of them."""
ZOOM = 2.5
"""Largest factor by which the camera zooms in or out over a clip: without changes of scale the best size would be one that never changes."""
TUNING_SEED, CHECKING_SEED = 3_000_000, 3_500_000
"""Seeds of the first clips that constants are tuned on, and judged on afterwards; training and search use other seeds."""
PRESENCE_SEED, PRESENCE_CHECKING_SEED = 3_250_000, 3_750_000
"""Seeds of the first clips with absences that the presence score is calibrated on, and judged on."""
_TOGETHER = 8
"""Number of clips tracked at once, after which a trial that is worse than half of those before is given up."""
_NO_LOSS = 0.002
"""AO that may be given up in all for constants that keep their values."""
_RANDOM_TRIALS = 10
"""Number of trials before the sampler learns from them."""


FIGURES = ("ao_before", "ao_after", "other_ao_before", "other_ao_after", "taken")
"""Names of the figures of `Tuning` that answers and checkpoints hold."""
AREAS = ("presence_auc_before", "presence_auc")
"""Names of the ROC AUC of the score on other clips with absences, before its calibration and after; None where it means nothing."""


@dataclass(frozen=True)
class Tuning:
    """What tuning found, and what it is worth: AO before and after, on the clips of the tuning and on others."""

    settings: Settings
    """The tuned settings, or the old ones if the tuned ones are not better on other clips."""
    ao_before: float
    ao_after: float
    other_ao_before: float
    other_ao_after: float
    """With the constants that were best in the tuning, even if they were not taken."""

    @property
    def taken(self) -> bool:
        """Whether the constants that were best in the tuning are better on other clips too."""
        return self.other_ao_after > self.other_ao_before


@dataclass(frozen=True)
class TuningOptions:
    """On what constants are tuned, and how many sets of them are tried."""

    data: Annotated[str, Reads(data_root, beside=True)] = "synthetic"
    """Where the clips come from: synthetic (generated video), or synthetic:FOLDER for such of the pictures of a material folder
    (docs/material.md)."""
    sequences: int = 32
    """Number of clips that the constants are tuned on; as many others judge the result."""
    frames: int = 40
    """Frames of each clip."""
    trials: int = 40
    """Number of sets of constants to try; the first is that of the checkpoint."""
    seed: int = 0
    """Seed of the trials; another one also draws other clips."""

    def __post_init__(self):
        if not is_generated(self.data):
            raise ValueError(f"constants are tuned on generated clips, got data {self.data!r:.80}; give synthetic or synthetic:FOLDER")
        for name, least in (("sequences", 1), ("frames", 2), ("trials", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}; leave --{name} out for the usual number")


@guarded
def tune(model: Annotated[Path, Reads()], *, out: Annotated[Path, Writes()], tuning: TuningOptions = TuningOptions()) -> dict:
    """Fit the constants of the tracking procedure to a tracker's weights, and calibrate its score, on generated clips.

    The score then says how likely the box is to lie on a target that is there, so `track` can tell when it is lost and look for it. With one
    trial the constants stay as they are, and only the score is calibrated.

    Args:
        model: Checkpoint of a tracker.
        out: Checkpoint to write: the same weights with the new constants, or with the old ones if no others are better on new clips.
        tuning: Clips, trials and seed.
    """
    if out.exists():
        raise FileExistsError(f"a checkpoint is never overwritten, {out} exists; remove it or choose another --out")
    checkpoint = load_tracker(model)
    with sole_writer(out):
        changed, about = tuned(checkpoint, tuning)
        save_tracker(out, changed, read_header(model, "tracker")["notes"] | {"tuned": about})
    settings: Any = changed.settings
    figures = {name: about[name] for name in (*FIGURES, *AREAS)}
    return {"checkpoint": str(out), "constants": {name: getattr(settings, name) for name in tunable(settings)}, **figures}


def tuned(checkpoint: TrackerCheckpoint, options: TuningOptions = TuningOptions()) -> tuple[TrackerCheckpoint, dict]:
    """Fit the constants of a tracker to its weights, and calibrate its score, on generated clips.

    Args:
        checkpoint: The tracker.
        options: Clips, trials and seed.

    Returns:
        The same weights with the new constants, or with the old ones if no others are better on new clips; and what was done and found,
        as checkpoints keep it.
    """
    shift = options.seed * options.sequences
    material = material_folder(options.data)
    clips, others = (
        synthetic_dataset(first + shift, options.sequences, options.frames, material=material, zoom=ZOOM)
        for first in (TUNING_SEED, CHECKING_SEED)
    )
    tracker = batched_tracker(checkpoint)
    found = fit_constants(tracker, checkpoint.settings, clips, others, options.trials, options.seed)
    settings, areas = with_presence(tracker, found.settings, options)
    about = {**asdict(options), **{name: getattr(found, name) for name in FIGURES}, **dict(zip(AREAS, areas, strict=True))}
    return replace(checkpoint, settings=settings), about


def with_presence(
    tracker: Callable[[Settings], Procedure], settings: Settings, options: TuningOptions
) -> tuple[Settings, tuple[float | None, float | None]]:
    """Calibrate the score of a tracker on clips with absences.

    Args:
        tracker: Makes the tracking procedure with given settings.
        settings: The settings as they are.
        options: Clips and seed.

    Returns:
        The settings with the presence score, and the ROC AUC of the score on other clips before and after. A procedure that is not
        siamese keeps its settings.
    """
    if not isinstance(settings, SiameseSettings):
        return settings, (None, None)

    def siamese(tried: SiameseSettings) -> Siamese:
        made: Any = tracker(tried)
        return made

    frames, shift = max(options.frames, FRAMES_OF_AN_ABSENCE), options.seed * options.sequences
    clips, others = (
        synthetic_dataset(first + shift, options.sequences, frames, absences=True, material=material_folder(options.data))
        for first in (PRESENCE_SEED, PRESENCE_CHECKING_SEED)
    )
    scored = calibrated(siamese, settings, clips)
    return scored, (area(watch(siamese(settings), others)), area(watch(siamese(scored), others)))


def batched_tracker(checkpoint: TrackerCheckpoint) -> Callable[[Settings], Procedure]:
    """What makes the tracking procedure of a checkpoint with given settings, for many targets at once on a CPU."""
    specs = find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, checkpoint.settings)
    graphs = BatchedGraphs(checkpoint.network, specs, _TOGETHER)

    def tracker(settings: Settings) -> Procedure:
        return TRACKERS[checkpoint.tracker][1](graphs, settings)

    return tracker


def fit_constants(
    tracker: Callable[[Settings], Procedure],
    settings: Settings,
    clips: Sequence[Clip],
    others: Sequence[Clip],
    trials: int = 40,
    seed: int = 0,
) -> Tuning:
    """Tune the constants of a tracker, and judge the result on other clips.

    Args:
        tracker: Makes the tracking procedure with given settings.
        settings: The settings as they are.
        clips: Clips to tune on, of equal length.
        others: Clips to judge on, of equal length.
        trials: Number of sets of constants to try.
        seed: Seed of the trials.

    Raises:
        ValueError: The tracking procedure has no constants that can be tuned.
    """
    best = best_settings(tracker, settings, clips, trials, seed)
    before, after = ([ao(tracker(tried), given) for given in (clips, others)] for tried in (settings, best))
    return Tuning(best if after[1] > before[1] else settings, before[0], after[0], before[1], after[1])


def best_settings(tracker: Callable[[Settings], Procedure], settings: Settings, clips: Sequence[Clip], trials: int, seed: int) -> Settings:
    """Find the constants with which a tracker has the highest AO on clips.

    Args:
        tracker: Makes the tracking procedure with given settings.
        settings: Settings to start from, which are the first trial. A constant keeps its value if others bring next to nothing.
        clips: Clips of equal length.
        trials: Number of sets of constants to try.
        seed: Seed of the trials.

    Returns:
        The settings with the best constants.

    Raises:
        ValueError: The settings have no constants that can be tuned.
    """
    import optuna

    names = tunable(settings)

    def judged(trial: optuna.Trial) -> float:
        tried = _changed(settings, {name: trial.suggest_float(name, *RANGES[name]) for name in names})
        overlaps: list[float] = []
        for number, group in enumerate(_groups(clips)):
            overlaps.extend(_overlaps(tracker(tried), group))
            trial.report(float(np.mean(overlaps)), number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(overlaps))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner(n_startup_trials=5))
    study.enqueue_trial({name: float(np.clip(getattr(settings, name), *RANGES[name])) for name in names})
    with progress("tuning", trials) as report:
        for number in range(trials):
            study.optimize(judged, n_trials=1)
            report(number + 1, f"AO {study.best_value:.3f}")
    return _plainest(tracker, settings, _changed(settings, study.best_params), clips)


def tunable(settings: Settings) -> list[str]:
    """The names of the constants of a procedure that can be tuned.

    Raises:
        ValueError: It has none.
    """
    made: Any = settings
    names = [field.name for field in fields(made) if field.name in RANGES]
    if not names:
        raise ValueError(f"a tracking procedure must have some of {', '.join(RANGES)} to be tuned, {type(settings).__name__} has none")
    return names


def ao(tracker: Procedure, clips: Sequence[Clip]) -> float:
    """Mean AO of a tracker over clips of equal length."""
    return float(np.mean(_overlaps(tracker, clips)))


def _plainest(tracker: Callable[[Settings], Procedure], before: Settings, best: Settings, clips: Sequence[Clip]) -> Settings:
    """The best settings, but with the old value of each constant whose new one brings next to nothing."""
    highest = ao(tracker(best), clips)
    for name in tunable(best):
        plainer = _changed(best, {name: getattr(before, name)})
        if plainer != best and ao(tracker(plainer), clips) >= highest - _NO_LOSS:
            best = plainer
    return best


def _changed(settings: Settings, constants: dict[str, float]) -> Settings:
    made: Any = settings
    return replace(made, **{name: round(value, 3) for name, value in constants.items()})


def _groups(clips: Sequence[Clip]) -> list[list[Clip]]:
    return [list(clips[first : first + _TOGETHER]) for first in range(0, len(clips), _TOGETHER)]


def _overlaps(tracker: Procedure, clips: Sequence[Clip]) -> np.ndarray:
    """AO of each of N clips, (N,)."""
    tracks = [boxes for group in _groups(clips) for boxes in track_lockstep(tracker, group)]
    return np.array([score(boxes, clip.boxes).ao for boxes, clip in zip(tracks, clips, strict=True)])
