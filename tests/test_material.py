import json
from pathlib import Path

import numpy as np
import pytest

from supernet.families import FAMILIES
from supernet.training.batches import is_generated, pair_source
from tests.drawn_material import draw_material
from tracking.generated.making import make_world
from tracking.generated.material import HELD_OUT_SEED, Picture, bent, load_material, make_cutout, shares
from tracking.generated.synthetic import SyntheticPairs, synthetic_sequence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_material(tmp_path_factory.mktemp("material"))


def test_pictures_of_training_are_never_those_of_validation(folder):
    training, validation = load_material(str(folder), False), load_material(str(folder), True)
    assert len(training.photographs) == 4 and len(validation.photographs) == 2
    assert not {*training.photographs, *training.cutouts} & {*validation.photographs, *validation.cutouts}
    assert training.content == validation.content


def test_seeds_choose_the_pictures(folder):
    """Pictures for training are reddish, those for validation bluish; so are the worlds made of them."""
    for seed, brighter in ((1, 0), (HELD_OUT_SEED, 2)):
        pairs = SyntheticPairs(32, 64, seed, material=folder).batch(0, 40).searches
        grounds = make_world(np.random.default_rng(0), 2, 8, load_material(str(folder), seed >= HELD_OUT_SEED), 2).sceneries
        means = np.mean([ground.mean(axis=(0, 1)) for ground in grounds], axis=0)
        assert means[brighter] > means[2 - brighter] + 20
        assert pairs.std() > 10


def test_a_world_of_material_is_deterministic_and_changes_from_time_to_time(folder):
    source, same = (SyntheticPairs(32, 64, 3, material=folder) for _ in range(2))
    first, later = source.batch(0, 4), source.batch(401, 4)
    np.testing.assert_array_equal(first.searches, same.batch(0, 4).searches)
    np.testing.assert_array_equal(later.searches, same.batch(401, 4).searches)
    clips = [synthetic_sequence(5, frames=2, material=folder) for _ in range(2)]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)


def test_content_follows_the_index(folder):
    assert SyntheticPairs(32, 64, 1).content is None
    assert SyntheticPairs(32, 64, 1, material=folder).content == load_material(str(folder), True).content


def test_data_specification(folder, tmp_path):
    settings = FAMILIES["nano"].settings
    assert pair_source(f"synthetic:{folder}", settings, 0).content is not None
    assert pair_source("synthetic", settings, 0).content is None
    assert is_generated("synthetic") and is_generated("synthetic:x") and not is_generated("folder:synthetic")
    with pytest.raises(ValueError, match="must be followed by a material folder"):
        pair_source("synthetic:", settings, 0)
    with pytest.raises(FileNotFoundError, match="must hold index.json"):
        pair_source(f"synthetic:{tmp_path}", settings, 0)


@pytest.mark.parametrize("damage", ["format", "no file name", "no JSON", "no pictures"])
def test_damaged_indexes_are_refused(tmp_path, damage):
    folder = draw_material(tmp_path)
    index = json.loads((folder / "index.json").read_text())
    if damage == "format":
        index["format"] = "other"
    if damage == "no file name":
        del index["pictures"][0]["file"]
    if damage == "no pictures":
        index["pictures"] = []
    (folder / "index.json").write_text("{" if damage == "no JSON" else json.dumps(index))
    with pytest.raises(ValueError, match="must hold photographs" if damage == "no pictures" else "as it was written"):
        load_material(str(folder), False)


def test_missing_and_damaged_pictures_are_refused(tmp_path):
    folder = draw_material(tmp_path)
    (folder / "cutouts" / "0000.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="must be an 8-bit PNG with alpha"):
        make_world(np.random.default_rng(0), 1, 1, load_material(str(folder), False), cutouts=30)
    (folder / "cutouts" / "0000.png").unlink()
    load_material.cache_clear()
    with pytest.raises(FileNotFoundError, match="and 0 others are missing"):
        load_material(str(folder), False)


def test_a_package_with_many_pictures_does_not_drown_the_others():
    pictures = [Picture(Path(), "many")] * 4 + [Picture(Path(), "one")]
    found = shares(pictures)
    assert found.sum() == pytest.approx(1) and found[:4].sum() == pytest.approx(2 * found[4])


def test_cutouts_are_cropped_and_have_levels():
    image = np.zeros((60, 80, 4), np.uint8)
    image[10:50, 20:80] = (200, 100, 50, 255)
    cutout = make_cutout(image)
    assert [level.shape[:2] for level in cutout.levels] == [(42, 62), (21, 31)]
    assert cutout.level(100) is cutout.levels[0] and cutout.level(20) is cutout.levels[1]
    # the transparent rim has the colour of the shape: interpolation brings in no other
    np.testing.assert_allclose(cutout.levels[0][0, 10:50, :3], np.broadcast_to((200, 100, 50), (40, 3)), atol=1)
    assert (cutout.levels[0][0, :, 3] == 0).all()
    with pytest.raises(ValueError, match="must have an opaque part"):
        make_cutout(np.zeros_like(image))


def test_bending_moves_points_a_little():
    image = np.zeros((50, 50, 4), np.uint8)
    image[20:30, 20:30] = 255
    moved = bent(np.random.default_rng(0), image, 0.05)
    assert moved.shape == image.shape and not np.array_equal(moved, image)
    ys, xs = np.nonzero(moved[..., 3] > 127)
    assert 60 < len(xs) < 160 and abs(xs.mean() - 24.5) < 3 and abs(ys.mean() - 24.5) < 3
    np.testing.assert_array_equal(bent(np.random.default_rng(0), image, 0), image)
