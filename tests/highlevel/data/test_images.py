"""Single pictures: reading, framing, colours, and Keras' four functions."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from graftgrad.errors import ConfigError, DataError, LibraryError, ShapeError
from graftwork.data import array_to_img, images, img_to_array, load_img, save_img


def picture(rows=6, columns=9, channels=3, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (rows, columns, channels))
    return values.astype(np.uint8)


@pytest.fixture
def stored(tmp_path):
    """Store an array or an image and return the path."""

    def store(what, name="picture.png", **settings):
        image = what if isinstance(what, Image.Image) else Image.fromarray(what)
        image.save(tmp_path / name, **settings)
        return tmp_path / name

    return store


# Reading


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
def test_lossless_pictures_come_out_as_they_are(stored, name):
    pixels = images.read(stored(picture(), name))
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, picture())


def test_jpeg_comes_out_as_pillow_decodes_it(stored):
    path = stored(picture(), "a.jpg")
    assert np.array_equal(images.read(path), np.asarray(Image.open(path)))


def test_alpha_is_dropped_added_or_kept(stored):
    with_alpha = picture(channels=4)
    path = stored(with_alpha)
    assert np.array_equal(images.read(path), with_alpha[:, :, :3])
    assert np.array_equal(images.read(path, color_mode="rgba"), with_alpha)
    opaque = images.read(stored(picture()), color_mode="rgba")
    assert np.array_equal(opaque[:, :, :3], picture())
    assert (opaque[:, :, 3] == 255).all()


def test_grey_and_colour_become_each_other(stored):
    grey = picture(channels=1)[:, :, 0]
    path = stored(grey)
    assert np.array_equal(images.read(path), np.repeat(grey[:, :, None], 3, axis=2))
    assert np.array_equal(images.read(path, color_mode="grayscale")[:, :, 0], grey)
    brightness = images.read(stored(picture()), color_mode="grayscale")
    assert brightness.shape == (6, 9, 1)
    assert np.abs(brightness[:, :, 0] - picture() @ [0.299, 0.587, 0.114]).max() <= 1


@pytest.mark.parametrize(("color_mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
def test_sixteen_bit_grey_is_scaled_to_255(stored, color_mode, channels):
    path = stored(np.array([[0, 257, 65535], [1000, 30000, 65278]], dtype=np.uint16))
    pixels = images.read(path, color_mode=color_mode)
    expected = [[0, 1, 255], [1000 / 257, 30000 / 257, 254]]
    assert pixels.shape == (2, 3, channels)
    assert np.allclose(pixels[:, :, 0], expected)
    assert channels < 3 or np.array_equal(pixels[:, :, 0], pixels[:, :, 2])
    assert channels < 4 or (pixels[:, :, 3] == 255).all()


def test_palettes_with_and_without_transparency(stored):
    blocks = np.zeros((8, 8, 3), dtype=np.uint8)
    blocks[:4], blocks[4:] = (250, 10, 20), (30, 40, 200)
    palette = Image.fromarray(blocks).quantize(2)
    assert np.array_equal(images.read(stored(palette)), blocks)
    transparent = stored(palette, transparency=bytes([128, 255]))
    assert np.array_equal(images.read(transparent), blocks)
    alpha = images.read(transparent, color_mode="rgba")[:, :, 3]
    assert set(alpha.ravel().tolist()) == {128, 255}


def test_cmyk_and_bilevel_pictures(stored):
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels = images.read(stored(red, "a.jpg"))
    assert pixels.shape == (16, 16, 3)
    assert np.allclose(pixels.mean(axis=(0, 1)), [255, 0, 0], atol=4)
    black_and_white = np.indices((4, 4)).sum(axis=0) % 2 == 0
    assert np.array_equal(images.read(stored(black_and_white))[:, :, 1], black_and_white * 255)


def test_of_an_animation_the_first_frame_is_read(stored):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = stored(frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert images.read(path)[0, 0].tolist() == [255, 0, 0]


def test_orientation_notes_are_ignored(stored):
    notes = Image.Exif()
    notes[0x0112] = 6
    assert images.read(stored(picture(), "a.jpg", exif=notes)).shape == (6, 9, 3)


def test_channels_first_and_bytes(stored):
    encoded = io.BytesIO(stored(picture()).read_bytes())
    pixels = images.read(encoded, data_format="channels_first")
    assert np.array_equal(pixels, picture().transpose(2, 0, 1))
    assert pixels.flags.c_contiguous


# Framing


def test_shorter_side_and_middle_as_torchvision(stored):
    source = picture(300, 451)
    pixels = images.read(stored(source), resize=256, crop=224)
    wide = Image.fromarray(source).resize((384, 256), Image.Resampling.BILINEAR)  # ⌊256·451/300⌋
    assert np.array_equal(pixels, np.asarray(wide)[16:240, 80:304])
    assert images.read(stored(picture(20, 10)), resize=5).shape == (10, 5, 3)
    as_in_folders = images.read(stored(source), resize=256, image_size=224)
    assert np.array_equal(as_in_folders, pixels)


def test_a_middle_larger_than_the_picture_is_filled_with_black(stored):
    pixels = images.read(stored(picture(4, 4)), resize=4, crop=7)
    assert np.array_equal(pixels[1:5, 1:5], picture(4, 4))
    assert pixels.sum() == picture(4, 4).sum(dtype=float)


def test_crop_to_aspect_ratio_keeps_the_middle(stored):
    source = picture(6, 10)
    path = stored(source)
    cropped = images.read(path, image_size=(6, 6), crop_to_aspect_ratio=True)
    assert np.array_equal(cropped, source[:, 2:8])
    wide = images.read(path, image_size=(3, 10), crop_to_aspect_ratio=True)
    assert np.array_equal(wide, source[1:4])


def test_pad_to_aspect_ratio_keeps_everything(stored):
    source = picture(6, 10)
    padded = images.read(stored(source), image_size=10, pad_to_aspect_ratio=True)
    assert np.array_equal(padded[2:8], source)
    assert padded[:2].sum() == padded[8:].sum() == 0


def test_shrinking_averages_instead_of_picking(stored):
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 254
    path = stored(stripes)
    small = images.read(path, image_size=(8, 8))
    assert np.abs(small[:, 1:-1] - 127).max() <= 2
    assert np.ptp(images.read(path, image_size=8, interpolation="nearest")) == 0


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area", "lanczos3"])
def test_every_filter_keeps_a_plain_picture_plain(stored, interpolation):
    path = stored(np.full((7, 5, 3), 90, dtype=np.uint8))
    assert (images.read(path, image_size=(4, 11), interpolation=interpolation) == 90).all()


# What goes wrong


def test_damaged_and_foreign_files_are_named(tmp_path, stored):
    path = stored(picture(40, 40), "cut.jpg")
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(DataError, match=r"cut\.jpg.*truncated.*Replace the file"):
        images.read(path)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(
        DataError, match=r"text\.png.*bytes=10.*cannot identify image file the file"
    ):
        images.read(tmp_path / "text.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"empty\.png.*bytes=0"):
        images.read(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"absent\.png.*No such file"):
        load_img(tmp_path / "absent.png")
    with pytest.raises(DataError, match=r"directory"):
        load_img(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"color_mode": "bgr"}, "color_mode='bgr'"),
        ({"interpolation": "lanczos5"}, "interpolation='lanczos5'"),
        ({"image_size": (4, 0)}, r"size=\(4, 0\)"),
        ({"image_size": 4.5}, "size=4.5"),
        ({"resize": -1}, "resize=-1"),
        ({"crop": 5}, "crop=5, resize=None"),
        ({"image_size": 5, "resize": 6, "crop": 5}, "image_size=5, crop=5"),
        ({"image_size": 5, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "only one"),
        ({"data_format": "last"}, "data_format='last'"),
    ],
)
def test_bad_settings_are_named(stored, settings, words):
    with pytest.raises(ConfigError, match=words):
        images.read(stored(picture()), **settings)


def test_a_missing_pillow_says_what_to_install(monkeypatch, stored):
    path = stored(picture())
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(LibraryError, match=r'pip install "graftwork\[images\]"'):
        images.read(path)


# Keras' functions


def test_load_img_resizes_as_pillow_does(stored):
    path = stored(picture(6, 10))
    assert load_img(path).size == (10, 6)
    assert load_img(str(path), "grayscale").mode == "L"
    small = load_img(path, target_size=(3, 5), interpolation="bicubic")
    reference = Image.open(path).resize((5, 3), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(small), np.asarray(reference))
    kept = load_img(path, target_size=(6, 6), keep_aspect_ratio=True)
    assert np.array_equal(np.asarray(kept), picture(6, 10)[:, 2:8])


def test_load_img_keeps_deep_grey_and_scales_it_for_colour(stored):
    path = stored(np.array([[0, 30000, 65535]], dtype=np.uint16))
    assert np.asarray(load_img(path, "grayscale")).tolist() == [[0, 30000, 65535]]
    assert np.asarray(load_img(path))[0, :, 0].tolist() == [0, 117, 255]


def test_arrays_and_images_become_each_other():
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        image = array_to_img(picture(channels=channels), scale=False)
        assert image.mode == mode
        assert np.array_equal(img_to_array(image), picture(channels=channels))
    first = img_to_array(array_to_img(picture(), scale=False), data_format="channels_first")
    assert first.shape == (3, 6, 9)
    assert array_to_img(first, data_format="channels_first").size == (9, 6)
    assert img_to_array(Image.new("L", (2, 3)), "channels_first", "float16").dtype == np.float16


def test_array_to_img_stretches_to_the_full_range():
    image = array_to_img(np.linspace(-1, 1, 12).reshape(2, 2, 3))
    assert (np.asarray(image).min(), np.asarray(image).max()) == (0, 255)
    assert np.asarray(array_to_img(np.full((2, 2, 1), 7.0))).max() == 0
    deep = array_to_img(np.array([[[0], [1000]]]), scale=False)
    assert (deep.mode, np.asarray(deep).tolist()) == ("I", [[0, 1000]])


@pytest.mark.parametrize(
    ("array", "settings", "error", "words"),
    [
        (np.zeros((2, 2)), {}, ShapeError, r"shape=\(2, 2\)"),
        (np.zeros((2, 2, 5)), {}, ShapeError, r"shape=\(2, 2, 5\)"),
        (np.full((2, 2, 3), np.nan), {}, DataError, "not_finite=12"),
        (np.full((2, 2, 3), -1.0), {"scale": False}, DataError, "smallest=-1.0"),
        (np.full((2, 2, 3), 300.0), {"scale": False}, DataError, "largest=300.0"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array, settings, error, words):
    with pytest.raises(error, match=words):
        array_to_img(array, **settings)


def test_img_to_array_needs_a_picture():
    with pytest.raises(ShapeError, match=r"shape=\(2,\)"):
        img_to_array(np.zeros(2))


def test_save_img_writes_by_extension_or_format(tmp_path):
    save_img(tmp_path / "a.png", picture(), scale=False)
    assert np.array_equal(images.read(tmp_path / "a.png"), picture())
    save_img(tmp_path / "b.JPG", picture())
    assert (tmp_path / "b.JPG").read_bytes()[:2] == b"\xff\xd8"
    stream = io.BytesIO()
    save_img(stream, picture(), file_format="bmp")
    assert stream.getvalue()[:2] == b"BM"


def test_save_img_drops_alpha_for_jpeg_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="alpha"):
        save_img(tmp_path / "a.jpg", picture(channels=4))
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == "RGB"


def test_save_img_leaves_nothing_behind_when_it_fails(tmp_path):
    with pytest.raises(ConfigError, match=r"a\.xyz.*format='xyz'"):
        save_img(tmp_path / "a.xyz", picture())
    assert list(tmp_path.iterdir()) == []
