"""What every family must keep, whatever its networks are: the suite walks `FAMILIES`, and docs/extending.md's family joins it."""

from collections import Counter, defaultdict
from typing import get_args

import pytest
import torch

from supernet.catalogue import find_architecture, from_json
from supernet.families import FAMILIES
from supernet.runtimes.runtime import sample
from supernet.sharing.sharing import Sharing
from supernet.sharing.supernet import Supernet
from supernet.training.batches import pair_source, resized, tensors
from supernet.training.calibrate import calibrate
from supernet.training.initialise import initialise
from tracking.trackers import TRACKERS


@pytest.fixture
def architectures(family, rng):
    """Random ones, and those that take the first, second, ... value of every choice."""
    most = max(map(len, family.choices.values()))
    corners = [{label: values[min(i, len(values) - 1)] for label, values in family.choices.items()} for i in range(most)]
    return [family.space.sample(rng) for _ in range(8)] + [family.architecture(chosen) for chosen in corners]


@pytest.fixture(scope="module", params=list(FAMILIES))
def supernet(request):
    """The supernet of each family, its BatchNorms with statistics of their own, so that a mixed-up one shows."""
    made = FAMILIES[request.param].supernet()
    initialise(made, 0)
    generator = torch.Generator().manual_seed(1)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return made.eval()


def inputs(family, arch) -> list[torch.Tensor]:
    """A crop for each branch, as training gives them."""
    settings = family.settings_of(arch)
    sides = {"template": settings.template_size, "search": settings.search_size}
    return [torch.from_numpy(sample({name: (1, 3, side, side)})[name]) for name, side in sides.items()]


def test_choices_are_those_of_the_nni_model_space(supernet):
    declared = {label: tuple(choice.values) for label, choice in supernet.simplify().items()}
    assert declared == dict(supernet.family.choices)


@torch.no_grad()
def test_nni_freezes_the_network_of_the_architecture(supernet, rng):
    for _ in range(2):
        arch = supernet.family.space.sample(rng)
        supernet.activate(arch)
        given = inputs(supernet.family, arch)
        frozen, extracted = supernet.freeze(dict(arch.choices)).eval(), supernet.extract(arch)
        for a, b, c in zip(supernet(*given), frozen(*given), extracted(*given), strict=True):
            assert torch.equal(a, b) and torch.equal(a, c)


def test_names_and_records_round_trip(family, architectures):
    for arch in architectures:
        assert arch.name == family.spell(dict(arch.choices)) and family.recognises(arch.name)
        for again in (find_architecture(arch.name), from_json(arch.to_json(), "here"), family.architecture(dict(arch.choices))):
            assert (again, again.key) == (arch, arch.key)


def test_another_family_does_not_recognise_the_names(family, architectures):
    others = [other for other in FAMILIES.values() if other is not family]
    assert not any(other.recognises(arch.name) for other in others for arch in architectures)


def test_presets_are_architectures(family):
    for preset in family.presets:
        assert find_architecture(preset).family == family.name


@pytest.mark.parametrize("spoil", [lambda name: name + "x", lambda name: name[:-1] + "~", lambda name: name.split(":")[0] + ":"])
def test_a_spoiled_name_is_refused_in_one_line(family, architectures, spoil):
    with pytest.raises(ValueError) as error:
        family.parse(spoil(architectures[0].name))
    assert "\n" not in str(error.value)


def test_a_choice_that_changes_nothing_holds_its_first_value(family, architectures):
    for arch in architectures[:4]:
        for label, values in family.choices.items():
            changed = [family.architecture({**dict(arch.choices), label: value}) for value in values]
            built = {tuple(op.key for op in family.operators(each)) for each in changed}
            assert len(set(changed)) == len(built), label
            assert len(built) > 1 or all(each[label] == values[0] for each in changed)


def test_operators_fit_one_after_another(family, architectures):
    for arch in architectures:
        last: dict[tuple, tuple] = {}
        for slot, op in family.filled(arch):
            before = last.get((slot.branch, slot.part))
            assert before is None or before == op.in_shape, op.key
            last[slot.branch, slot.part] = op.out_shape


def test_modules_have_the_shapes_that_operators_say(family):
    kinds = defaultdict(list)
    for op in family.all_operators:
        kinds[op.kind, op.branch].append(op)
    for op in [op for some in kinds.values() for op in (some[0], some[-1])]:
        module = op.build().to("meta").eval()
        output = module(*(torch.empty(2, *shape, device="meta") for shape in op.input_shapes))
        assert output.shape == (2, *op.out_shape), op.key


def test_slots_are_named_once_in_a_branch(family):
    assert max(Counter((slot.branch, slot.name) for slot in family.slots).values()) == 1


def test_a_network_has_the_parameters_of_its_operators(family, architectures):
    for arch in architectures[:3]:
        network = family.network(arch)
        assert sum(tensor.numel() for tensor in network.parameters()) == family.counts(arch, "search").params


def test_occurrences_are_those_of_the_list(family, architectures):
    counted = family.occurrences.selection(family.space.indices(architectures)) @ family.occurrences.counts
    for arch, row in zip(architectures, counted, strict=True):
        listed = Counter(op.key for op in family.operators(arch))
        assert {op.key: int(n) for op, n in zip(family.occurrences.operators, row, strict=True) if n} == listed


@torch.no_grad()
def test_graphs_run_with_what_they_say(family, architectures):
    for arch in architectures[:2]:
        network, known = family.network(arch).eval(), {}
        for spec in family.graphs(arch):
            given = {name: known.get(name, torch.from_numpy(value)) for name, value in sample(spec.inputs).items()}
            assert {name: tuple(tensor.shape) for name, tensor in given.items()} == dict(spec.inputs)
            found = spec.module(network)(*given.values())
            outputs = found if isinstance(found, tuple) else (found,)
            known.update(zip(spec.outputs, outputs, strict=True))
        assert {"template", "search"} <= {spec.name for spec in family.graphs(arch)}


def test_the_tracking_procedure_is_one_and_its_settings_fit(family):
    assert isinstance(family.settings, TRACKERS[family.tracker][0])


def test_a_network_learns_and_is_calibrated(family, architectures):
    network = family.network(architectures[0])
    initialise(network, 0)
    rendered = tensors(pair_source("synthetic", family.settings, 0).batch(0, 2))
    batch = resized(rendered, family.settings, family.settings_of(architectures[0]))
    losses = family.loss()(network.train(), batch)
    sum(losses.values()).backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(parameter.grad is not None for parameter in network.parameters())
    calibrate(network, *batch[:2])
    assert not network.training


@pytest.mark.parametrize("sharing", get_args(Sharing))
def test_a_supernet_can_share_in_each_way(family, sharing, architectures):
    made = Supernet(family, sharing)
    made.activate(architectures[0])
    assert made.sharing == sharing and made.active == architectures[0]
