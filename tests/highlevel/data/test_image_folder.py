"""Folders of pictures: files, labels, splits, epochs, and what goes wrong."""

import inspect
import threading

import numpy as np
import pytest
from PIL import Image

from graftgrad.errors import ConfigError, DataError
from graftwork.data import image_dataset_from_directory as from_directory

NAMES = {"ant": 5, "bee": 4, "wasp": 3}


@pytest.fixture
def folder(tmp_path):
    """Three classes of plain pictures; a picture's value is 10 × class + its number."""
    for label, (name, count) in enumerate(NAMES.items()):
        (tmp_path / name / "more").mkdir(parents=True)
        for number in range(count):
            inner = "more" if number == 1 else "."
            image = Image.new("RGB", (8, 6), (10 * label + number,) * 3)
            image.save(tmp_path / name / inner / f"{number}.png")
        (tmp_path / name / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / ".hidden" / "no.png")
    return tmp_path


def load(folder, **settings):
    settings = {"image_size": (4, 5), "verbose": False, "batch_size": 5, **settings}
    return from_directory(folder, **settings)


def values(batches):
    return np.concatenate([x[:, 0, 0, 0] for x, _ in batches]).astype(int).tolist()


def test_the_signature_begins_with_that_of_keras():
    names = list(inspect.signature(from_directory).parameters)
    assert names[:8] == [
        "directory",
        "labels",
        "label_mode",
        "class_names",
        "color_mode",
        "batch_size",
        "image_size",
        "shuffle",
    ]
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(from_directory).parameters.items()
    }
    assert (defaults["batch_size"], defaults["image_size"]) == (32, (256, 256))
    assert (defaults["shuffle"], defaults["interpolation"]) == (True, "bilinear")


def test_files_labels_and_names_are_in_alphabetical_order(folder):
    dataset = load(folder, shuffle=False)
    batches = list(dataset)
    assert [x.shape for x, _ in batches] == [(5, 4, 5, 3), (5, 4, 5, 3), (2, 4, 5, 3)]
    assert batches[0][0].dtype == np.float32
    labels = np.concatenate([y for _, y in batches])
    assert (labels.dtype, labels.tolist()) == (np.int32, [0] * 5 + [1] * 4 + [2] * 3)
    # files of a folder come before those of its subfolders
    assert values(batches) == [0, 2, 3, 4, 1, 10, 12, 13, 11, 20, 22, 21]
    assert dataset.class_names == list(NAMES)
    assert dataset.file_paths[4] == str(folder / "ant" / "more" / "1.png")
    assert dataset.deterministic
    assert dataset.samples == 12


def test_shuffling_changes_every_epoch_and_keeps_labels_with_pictures(folder):
    dataset = load(folder, seed=3)
    epochs = [list(dataset) for _ in range(2)]
    assert values(epochs[0]) != values(epochs[1])
    assert sorted(values(epochs[0])) == sorted(values(epochs[1]))
    for x, y in epochs[0] + epochs[1]:
        assert (x[:, 0, 0, 0] // 10).tolist() == y.tolist()
    assert values(load(folder, seed=3).batches(1)) == values(epochs[1])
    named = [dataset.file_paths[number] for number in dataset.order(1)]
    for path, value in zip(named, values(epochs[1]), strict=True):
        assert path.endswith(f"{value % 10}.png")


def test_label_modes(folder):
    one_hot = next(iter(load(folder, label_mode="categorical", shuffle=False)))[1]
    assert (one_hot.dtype, one_hot.shape, one_hot[:, 0].sum()) == (np.float32, (5, 3), 5)
    two = load(folder, label_mode="binary", class_names=["wasp", "ant"], shuffle=False)
    y = np.concatenate([y for _, y in two])
    assert (y.dtype, y.shape, y[:, 0].tolist()) == (np.float32, (8, 1), [0] * 3 + [1] * 5)
    assert two.class_names == ["wasp", "ant"]
    pictures = load(folder, label_mode=None)
    assert next(iter(pictures)).shape == (5, 4, 5, 3)
    assert pictures.class_names is None


def test_no_labels_means_all_files_below(folder):
    dataset = load(folder / "ant", labels=None)
    assert dataset.samples == 5
    assert next(iter(dataset)).shape == (5, 4, 5, 3)


def test_labels_may_be_given(folder):
    labels = [7, 3, 7, 3, 9]
    dataset = load(folder / "ant", labels=labels, shuffle=False)
    assert next(iter(dataset))[1].tolist() == labels
    assert dataset.class_names == ["3", "7", "9"]
    load(folder / "ant", labels=labels, shuffle=True, seed=1)
    assert labels == [7, 3, 7, 3, 9]


def test_color_modes_data_format_and_integer_size(folder):
    assert next(iter(load(folder, color_mode="grayscale")))[0].shape == (5, 4, 5, 1)
    assert next(iter(load(folder, color_mode="rgba")))[0].shape == (5, 4, 5, 4)
    first = next(iter(load(folder, data_format="channels_first", image_size=3)))[0]
    assert first.shape == (5, 3, 3, 3)


def test_resize_then_crop(tmp_path):
    (tmp_path / "a").mkdir()
    ramp = np.tile(np.arange(30, dtype=np.uint8), (20, 1))
    Image.fromarray(ramp).save(tmp_path / "a" / "0.png")
    x, _ = next(iter(load(tmp_path, resize=20, image_size=10)))
    assert x[0, 0, :, 0].tolist() == list(range(10, 20))


def test_single_pictures_without_batches(folder):
    singles = list(load(folder, batch_size=None, shuffle=False))
    assert len(singles) == 12
    assert singles[0][0].shape == (4, 5, 3)
    assert singles[11][1] == 2


def test_the_split_of_a_seed_is_the_one_keras_makes(folder):
    # numpy.random.RandomState(7).shuffle of the 12 files, of which the last ⌊0.3 · 12⌋ are kept
    order = list(range(12))
    np.random.RandomState(7).shuffle(order)
    files = load(folder, shuffle=False).file_paths
    expected = [files[number] for number in order]
    split = {"validation_split": 0.3, "seed": 7}
    train, validation = load(folder, subset="both", **split)
    assert train.file_paths == load(folder, subset="training", **split).file_paths == expected[:9]
    assert validation.file_paths == expected[9:]
    assert load(folder, subset="validation", **split).file_paths == expected[9:]
    assert values(validation.batches(0)) == values(validation.batches(1))


def test_what_was_found_is_printed(folder, capsys):
    load(folder, verbose=True, subset="both", validation_split=0.5, seed=0)
    assert capsys.readouterr().out.splitlines() == [
        "Found 12 files belonging to 3 classes.",
        "Passed over, by their endings: .txt (3).",
        "Using 6 files for training.",
        "Using 6 files for validation.",
    ]
    load(folder)
    assert capsys.readouterr().out == ""


def test_cached_pictures_outlive_their_files(folder):
    dataset = load(folder, seed=1).cache()
    first = values(dataset.batches(0))
    for path in dataset.file_paths:
        (folder / path).unlink()
    assert values(dataset.batches(0)) == first
    assert sorted(values(dataset.batches(1))) == sorted(first)


def test_links_are_followed_on_demand(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    Image.new("RGB", (4, 4)).save(outside / "linked.png")
    (folder / "bee" / "link").symlink_to(outside, target_is_directory=True)
    assert load(folder).samples == 12
    assert load(folder, follow_links=True).samples == 13


def test_a_damaged_file_is_named_and_no_thread_stays(folder):
    (folder / "bee" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    before = threading.active_count()
    with pytest.raises(DataError, match=r"bee.2\.png.*Replace the file"):
        list(load(folder))
    assert threading.active_count() == before


def test_an_epoch_given_up_leaves_no_thread(folder):
    before = threading.active_count()
    for _ in load(folder, batch_size=2):
        break
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"label_mode": "text"}, ConfigError, "label_mode='text'"),
        ({"label_mode": "binary"}, ConfigError, r"exactly 2 classes; got class_names=\['ant'"),
        ({"labels": "guess"}, ConfigError, "labels='guess'"),
        ({"labels": [1, 2]}, DataError, "labels=2, pictures=13"),
        ({"labels": [0.5] * 12}, DataError, "list of integers"),
        ({"labels": [0, *[5, 0] * 6], "label_mode": "categorical"}, DataError, "largest=5"),
        ({"class_names": ["ant", "fly"]}, ConfigError, "'fly'.*subfolders=.*'wasp'"),
        ({"class_names": ["ant", "ant"]}, ConfigError, "different subfolders"),
        ({"labels": None, "class_names": ["ant"]}, ConfigError, r"class_names=\['ant'\]"),
        ({"interpolation": "gaussian"}, ConfigError, "interpolation='gaussian'"),
        ({"color_mode": "hsv"}, ConfigError, "color_mode='hsv'"),
        ({"image_size": (3,)}, ConfigError, r"size=\(3,\)"),
        ({"image_size": None}, ConfigError, "image_size=None"),
        ({"batch_size": -4}, ConfigError, "batch_size=-4"),
        ({"seed": "x"}, ConfigError, "seed='x'"),
        ({"format": "torch"}, ConfigError, "format='torch'"),
        ({"validation_split": 2, "subset": "both"}, ConfigError, "validation_split=2"),
        ({"validation_split": 0.2}, ConfigError, "subset=None"),
        ({"subset": "both"}, ConfigError, "validation_split=None"),
        ({"subset": "test", "validation_split": 0.2}, ConfigError, "subset='test'"),
        ({"subset": "training", "validation_split": 0.2}, ConfigError, "seed=None"),
        ({"subset": "both", "validation_split": 0.01}, DataError, "training=12, validation=0"),
        ({"resize": 9, "crop_to_aspect_ratio": True}, ConfigError, "resize=9"),
    ],
)
def test_bad_settings_are_named(folder, settings, error, words):
    with pytest.raises(error, match=words):
        load(folder, **settings)


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent.*found='nothing'"):
        load(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="found='a file'"):
        load(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"directory='.*empty', subfolders=\[\], pictures=0"):
        load(tmp_path / "empty")
    with pytest.raises(DataError, match=r"directory='.*empty'"):
        load(tmp_path / "empty", labels=None)
    Image.new("RGB", (4, 4)).save(tmp_path / "empty" / "a.png")
    with pytest.raises(DataError, match="lie in the folder itself: move them, or say labels=None"):
        load(tmp_path / "empty")


@pytest.mark.data
def test_ants_and_bees(data_folder):
    dataset = from_directory(
        data_folder / "hymenoptera" / "train", resize=256, image_size=224, seed=0, verbose=False
    )
    assert dataset.class_names == ["ants", "bees"]
    assert dataset.samples == 245  # 123 ants, a stray .gif among them, 121 bees
    labels = np.concatenate([y for _, y in dataset])
    assert np.bincount(labels).tolist() == [124, 121]
    x, _ = next(dataset.batches(0))
    assert x.shape == (32, 224, 224, 3)
    assert 0 <= x.min() < 20
    assert 235 < x.max() <= 255


def test_what_is_no_picture_is_told_and_what_is_hidden_is_not(folder, capsys):
    for name in ("a.txt", "b.TIFF", "c.tiff", "Makefile", ".DS_Store", "._d.png"):
        (folder / "ant" / name).write_bytes(b"x")
    (folder / "Leer").mkdir()
    assert len(load(folder, verbose=True).file_paths) == 12
    assert capsys.readouterr().out.splitlines() == [
        "Found 12 files belonging to 4 classes.",
        "Passed over, by their endings: .tiff (2), .txt (4), none (1).",
        "Classes without files: Leer.",
    ]


def test_a_dataset_tells_what_it_holds(folder):
    dataset = load(folder, batch_size=5)
    assert repr(dataset) == "<IndexedDataset samples=12, batch_size=5, batches=3, classes=3>"
