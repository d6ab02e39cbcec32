import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from portico.artifacts.images import open_picture, prepare
from portico.artifacts.intake import kind_of
from portico.artifacts.pictures import Limits, PictureRefused
from portico.artifacts.profiles import PROFILES, Profile
from tests.artifacts import odd

GEMINI = PROFILES["gemini"]
QWEN = PROFILES["qwen2.5-vl"]

# Pillow warns of what it mends; here it is data, and a bomb's size is what a test is about.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def sent(data: bytes, profile: Profile = GEMINI) -> Image.Image:
    (made,) = prepare(open_picture(data), profile)
    image = Image.open(io.BytesIO(made.content))
    assert image.size == (made.width, made.height)
    return image


def distance(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    pair = (np.asarray(each.convert("RGB"), dtype=float) for each in (one, other))
    return float(np.abs(next(pair) - next(pair)).mean())


@pytest.mark.parametrize("name", odd.every())
def test_every_kind_is_read_as_what_it_is(name: str) -> None:
    picture = open_picture(odd.every()[name])
    assert picture.kind.endswith(name.partition("-")[0].replace("16", "").replace("apng", "png"))
    (sheet,) = picture.sheets
    assert sheet.image.mode == ("RGBA" if name in {"png-clear", "webp-lossless"} else "RGB")
    assert not sheet.image.info


@pytest.mark.parametrize(
    "data",
    [
        odd.saved(odd.screen(), "PNG"),
        odd.saved(odd.screen(), "BMP"),
        odd.saved(odd.screen(), "TIFF"),
        odd.saved(odd.screen(), "WEBP", quality=95),
        odd.saved(odd.screen(), "AVIF", quality=95),
        odd.saved(odd.screen(), "JPEG", quality=95),
        odd.saved(odd.screen().convert("CMYK"), "JPEG", quality=95),
        odd.heic(odd.screen()),
    ],
    ids=["png", "bmp", "tiff", "webp", "avif", "jpeg", "cmyk", "heic"],
)
@pytest.mark.parametrize("profile", [GEMINI, QWEN], ids=["gemini", "qwen"])
def test_what_is_sent_shows_what_came(data: bytes, profile: Profile) -> None:
    seen = sent(data, profile).crop((0, 0, 120, 80))
    assert seen.format in {"PNG", "JPEG", None}
    assert distance(seen, odd.screen()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_all_eight_orientations_are_the_same_pixels(orientation: int, form: str) -> None:
    stored = odd.turned(odd.screen(), orientation)
    lossless = {"lossless": True} if form == "WEBP" else {}
    data = odd.saved(stored, form, exif=odd.exif(orientation), **lossless)
    upright = open_picture(odd.saved(odd.screen(), "PNG"))
    assert open_picture(data).sheets[0].pixels == upright.sheets[0].pixels


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_pictures_are_upright(orientation: int) -> None:
    stored = odd.turned(odd.screen(), orientation)
    jpeg = odd.saved(stored, "JPEG", quality=95, exif=odd.exif(orientation))
    avif = odd.saved(stored, "AVIF", quality=95, exif=odd.exif(orientation))
    heic = odd.heic(stored, exif=odd.exif(orientation).tobytes())
    for data in (jpeg, avif, heic):
        assert distance(sent(data), odd.screen()) < 4


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_where_it_was_taken_never_leaves(profile: Profile, form: str, orientation: int) -> None:
    data = odd.saved(odd.screen(), form, exif=odd.exif(orientation))
    assert odd.CANARY in data
    for made in prepare(open_picture(data), profile):
        assert odd.CANARY not in made.content
        assert not Image.open(io.BytesIO(made.content)).getexif()


def test_pixels_have_one_hash_whatever_file_they_are_in() -> None:
    clear = odd.screen().convert("RGBA")
    clear.paste((9, 9, 9, 0), (0, 0, 30, 30))
    for image in (odd.screen(), clear):
        files = [
            odd.saved(image, "PNG"),
            odd.saved(image, "PNG", compress_level=0),
            odd.saved(image, "WEBP", lossless=True),
            odd.saved(image, "TIFF"),
        ]
        pictures = [open_picture(data) for data in files]
        assert len({picture.sheets[0].pixels for picture in pictures}) == 1
        assert len({picture.raw for picture in pictures}) == 4
        assert pictures[0].raw == hashlib.sha256(files[0]).hexdigest()


def test_what_is_opaque_has_the_pixels_of_what_has_no_alpha() -> None:
    plain = open_picture(odd.saved(odd.screen(), "PNG"))
    opaque = open_picture(odd.saved(odd.screen().convert("RGBA"), "PNG"))
    assert opaque.sheets[0].pixels == plain.sheets[0].pixels


def test_other_pixels_and_other_shapes_have_other_hashes() -> None:
    images = [Image.new("RGB", size, "red") for size in ((4, 9), (9, 4), (6, 6))]
    images.append(Image.new("RGB", (6, 6), "blue"))
    hashes = {open_picture(odd.saved(image, "PNG")).sheets[0].pixels for image in images}
    assert len(hashes) == 4


def test_what_is_already_right_is_sent_as_it_came_without_metadata() -> None:
    data = odd.saved(odd.screen(), "JPEG", quality=80, exif=odd.exif(1), comment=odd.CANARY)
    (made,) = prepare(open_picture(data), GEMINI)
    assert made.mime == "image/jpeg"
    assert len(made.content) < len(data)
    assert distance(Image.open(io.BytesIO(made.content)), Image.open(io.BytesIO(data))) == 0


def test_sixteen_bits_become_the_upper_eight() -> None:
    row = np.asarray(sent(odd.png16()).convert("L"))[0]
    assert [int(value) for value in row] == [i * 1040 >> 8 for i in range(64)]


def test_another_colour_space_is_converted() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    converted = sent(odd.saved(red, "PNG", icc_profile=odd.swapped()))
    assert converted.getpixel((0, 0)) == (0, 255, 0)
    clear = red.convert("RGBA")
    clear.putalpha(254)
    seen = sent(odd.saved(clear, "PNG", icc_profile=odd.swapped()))
    assert distance(seen, converted) < 2


@pytest.mark.parametrize("profile", [b"not a profile", odd.lab()])
def test_a_colour_profile_that_cannot_be_meant_is_ignored(profile: bytes) -> None:
    red = Image.new("RGB", (8, 8), (200, 30, 40))
    assert sent(odd.saved(red, "PNG", icc_profile=profile)).getpixel((0, 0)) == (200, 30, 40)


@pytest.mark.parametrize(("ink", "ground"), [("black", (255, 255, 255)), ("white", (51, 51, 51))])
def test_what_is_transparent_is_shown_on_a_ground_where_it_can_be_seen(
    ink: str, ground: tuple[int, int, int]
) -> None:
    image = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    image.paste(ink, (10, 10, 50, 50))
    seen = sent(odd.saved(image, "PNG"))
    assert seen.mode == "RGB"
    assert seen.getpixel((0, 0)) == ground


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_is_its_first_middle_and_last_frame_and_says_so(form: str) -> None:
    (made,) = prepare(open_picture(odd.film(9, form)), GEMINI)
    assert made.note.startswith("An animation of 9 frames: its first, middle and last frame, from")
    assert (made.width, made.height) == (30, 76)
    seen = Image.open(io.BytesIO(made.content)).convert("L")
    for row, frame in ((10, 0), (38, 4), (66, 8)):
        assert abs(int(seen.getpixel((20, row))) - frame * 27) < 8


def test_two_frames_are_both_shown() -> None:
    (made,) = prepare(open_picture(odd.film(2, "GIF", (20, 30))), GEMINI)
    assert made.note == "An animation of 2 frames: its two frames, from left to right."
    assert (made.width, made.height) == (48, 30)


@pytest.mark.parametrize("name", ["gemini", "qwen3-vl", "claude"])
def test_a_tall_page_is_an_overview_and_tiles_cut_in_its_gaps(name: str) -> None:
    profile = PROFILES[name]
    picture = open_picture(odd.saved(odd.page(1100, 12_000), "PNG", compress_level=1))
    overview, *tiles = prepare(picture, profile)
    assert overview.part == "overview"
    assert (
        overview.note == f"Overview of a picture of 1100 x 12000; {len(tiles)} tiles of it follow."
    )
    assert tiles[0].note.startswith(f"Tile 1 of {len(tiles)}: x 0 to 1100, y 0 to ")
    assert all(tile.box[1] % 60 >= 40 for tile in tiles[1:])
    assert all(tile.box[3] % 60 >= 40 or tile.box[3] == 12_000 for tile in tiles)
    assert all(len(made.content) <= profile.bytes for made in (overview, *tiles))


def test_a_wide_picture_is_cut_across() -> None:
    _, *tiles = prepare(open_picture(odd.saved(odd.page(9000, 60), "PNG")), PROFILES["claude"])
    assert all(tile.box[1::2] == (0, 60) for tile in tiles)
    assert tiles[-1].box[2] == 9000


@settings(max_examples=25, deadline=None)
@given(
    st.integers(20, 3000),
    st.integers(20, 3000),
    st.sampled_from(list(PROFILES.values())),
    st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_a_mark_found_in_what_was_sent_is_found_in_the_original(
    width: int, height: int, profile: Profile, where: tuple[float, float]
) -> None:
    # A cross as wide as scaling makes a pixel: its middle is where dark is densest.
    x, y = int(width * where[0]), int(height * where[1])
    image = Image.new("L", (width, height), 255)
    image.paste(0, (x - 4, y - 4, x + 5, y + 5))
    for made in prepare(open_picture(odd.saved(image, "PNG")), profile):
        left, top, right, bottom = made.box
        if not (left + 5 <= x < right - 5 and top + 5 <= y < bottom - 5):
            continue
        dark = 255.0 - np.asarray(Image.open(io.BytesIO(made.content)).convert("L"))
        rows, columns = np.indices(dark.shape) + 0.5
        down, across = (dark * rows).sum() / dark.sum(), (dark * columns).sum() / dark.sum()
        found = made.lift(across, down)
        assert abs(found[0] - (x + 0.5)) <= 1
        assert abs(found[1] - (y + 0.5)) <= 1


def test_a_point_in_the_padding_is_at_the_edge() -> None:
    (made,) = prepare(open_picture(odd.saved(odd.screen(), "PNG")), QWEN)
    assert (made.width, made.height) == (140, 84)
    assert made.lift(140, 84) == (120, 80)
    assert made.offset == (0, 0)


def test_jpeg_is_for_what_png_makes_too_large_and_scaling_for_the_rest() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
    picture = open_picture(odd.saved(Image.fromarray(noise), "PNG"))
    (large,) = prepare(picture, Profile("large", bytes=1_000_000))
    (small,) = prepare(picture, Profile("small", bytes=500_000))
    (tiny,) = prepare(picture, Profile("tiny", bytes=20_000))
    assert [made.mime for made in (large, small, tiny)] == ["image/png", "image/jpeg", "image/jpeg"]
    assert small.scale == (1, 1)
    assert tiny.scale[0] < 1
    assert len(tiny.content) <= 20_000
    assert tiny.note == f"Scaled to {min(tiny.scale):.0%} of 600 x 400."
    seen = Image.open(io.BytesIO(small.content))
    assert [layer[1:3] for layer in seen.layer] == [(1, 1)] * 3
    with pytest.raises(PictureRefused, match="does not fit into the bytes"):
        prepare(picture, Profile("nothing", bytes=10))


def test_the_same_recipe_makes_the_same_bytes() -> None:
    data = odd.saved(odd.page(500, 4000), "WEBP", lossless=True)
    first, second = (prepare(open_picture(data), QWEN) for _ in range(2))
    assert first == second
    assert len({made.recipe for made in first}) == len(first)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a picture of a kind"),
        (b"hello", "not a picture of a kind"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "damaged or cut off"),
        (odd.saved(odd.screen(), "PNG")[:-60], "damaged or cut off"),
        (odd.saved(odd.screen(), "JPEG")[:-60], "damaged or cut off"),
        (odd.saved(odd.screen(), "WEBP")[:-60], "damaged or cut off"),
        (odd.saved(odd.screen(), "AVIF")[:-60], "damaged or cut off"),
        (odd.heic(odd.screen())[:-60], "damaged or cut off"),
        (odd.png(0, 0), "damaged or cut off"),
        (odd.png(60_000, 60_000), "more pixels than we decode"),
        (odd.png(12_000, 8_000), "12000 x 8000"),
        (odd.png(70_000, 1), "70000 x 1"),
        (odd.long_gif(10_000), "more than 1000 frames"),
        (odd.long_gif(10_000, b"\0\x99\0"), "more than 1000 frames"),
        (odd.film(2, "GIF", (6000, 6000)), "more pixels than we decode"),
        (odd.saved(Image.new("F", (4, 4)), "TIFF"), "fractions"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(data: bytes, told: str) -> None:
    with pytest.raises(PictureRefused, match=told) as refused:
        open_picture(data)
    assert refused.value.status == 400
    assert refused.value.__cause__ is None
    assert str(refused.value).endswith(".")


def test_kinds_whose_decoders_hold_more_may_have_fewer_pixels() -> None:
    image = Image.new("RGB", (100, 90))
    limits = Limits(pixels=10_000)
    assert open_picture(odd.saved(image, "PNG"), limits)
    for form in ("WEBP", "AVIF"):
        with pytest.raises(PictureRefused, match="100 x 90"):
            open_picture(odd.saved(image, form), limits)
    with pytest.raises(PictureRefused, match="100 x 90"):
        open_picture(odd.heic(image), Limits(pixels=8_000))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "LAB"])
def test_every_mode_becomes_red_green_and_blue(mode: str) -> None:
    image = (
        Image.new("I;16", (9, 9), 65535) if mode == "I;16" else Image.new("RGB", (9, 9), "white")
    )
    stored = image if mode == "I;16" else _as(image, mode)
    (sheet,) = open_picture(odd.saved(stored, "TIFF")).sheets
    assert sheet.image.mode == "RGB"
    assert min(sheet.image.getpixel((4, 4))) >= 250


def _as(image: Image.Image, mode: str) -> Image.Image:
    if mode != "LAB":
        return image.convert(mode)
    plain, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, plain, lab, outputMode="LAB")


def test_too_many_bytes_are_refused_before_they_are_looked_at() -> None:
    with pytest.raises(PictureRefused, match="over 50 MB"):
        open_picture(bytes(50_000_001))


@pytest.mark.parametrize("frames", [9, 30])
def test_many_frames_are_refused_whatever_their_kind(frames: int) -> None:
    for form in ("GIF", "PNG", "WEBP", "AVIF"):
        with pytest.raises(PictureRefused, match="more than 8 frames"):
            open_picture(odd.film(frames, form), Limits(frames=8))


def test_what_hangs_on_behind_a_picture_is_not_sent() -> None:
    tail = b"PK\x03\x04" + odd.CANARY + b"<script>"
    for form in ("PNG", "JPEG"):
        picture = open_picture(odd.saved(odd.screen(), form) + tail)
        for profile in (GEMINI, QWEN):
            assert odd.CANARY not in prepare(picture, profile)[0].content


def test_a_picture_that_claims_another_kind_is_what_its_bytes_are() -> None:
    assert kind_of(odd.saved(odd.screen(), "AVIF")) == "image/avif"
    assert kind_of(odd.heic(odd.screen())) == "image/heic"
    assert kind_of(b"%PDF-1.7 <svg") == "application/pdf"
    assert kind_of(b"MZ") is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(odd.every()) - {"tiff"})), st.data())
def test_a_mangled_picture_is_refused_or_read_and_nothing_else(
    name: str, data: st.DataObject
) -> None:
    whole = bytearray(odd.every()[name])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(12, len(whole))) :]
    try:
        picture = open_picture(bytes(whole), Limits(pixels=1_000_000))
    except PictureRefused:
        return
    assert all(odd.CANARY not in made.content for made in prepare(picture, GEMINI))


@pytest.mark.parametrize("seed", sorted((Path(__file__).parent / "seeds").glob("*.bin")), ids=str)
def test_what_fuzzing_found_stays_found(seed: Path) -> None:
    try:
        picture = open_picture(seed.read_bytes(), Limits(pixels=4_000_000))
    except PictureRefused:
        return
    for profile in (GEMINI, QWEN):
        assert all(odd.CANARY not in made.content for made in prepare(picture, profile))


def test_the_tiles_of_one_picture_are_together_within_what_a_request_may_hold() -> None:
    noise = np.random.default_rng(4).integers(0, 255, (3000, 300, 3), np.uint8)
    picture = open_picture(odd.saved(Image.fromarray(noise), "PNG"))
    profile = replace(GEMINI, edge=400, pixels=160_000, bytes=400_000, total=1_000_000)
    each = prepare(picture, replace(profile, total=10_000_000))
    assert sum(len(view.content) for view in each) > profile.total
    made = prepare(picture, profile)
    assert sum(len(view.content) for view in made) <= profile.total
    assert [(view.part, view.box) for view in made] == [(view.part, view.box) for view in each]


def test_what_is_light_stays_as_it_is_where_all_together_are_too_heavy() -> None:
    page = odd.page(300, 3000)
    noise = np.random.default_rng(4).integers(0, 255, (1500, 300, 3), np.uint8)
    page.paste(Image.fromarray(noise), (0, 1500))
    picture = open_picture(odd.saved(page, "PNG"))
    profile = replace(GEMINI, edge=400, pixels=160_000, bytes=400_000, total=500_000)
    made = prepare(picture, profile)
    assert sum(len(view.content) for view in made) <= profile.total
    assert (made[1].mime, made[1].scale) == ("image/png", (1.0, 1.0))
    assert made[-1].mime == "image/jpeg"
