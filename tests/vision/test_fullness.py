from random import Random

import numpy as np

from portico.vision.fullness import Colour, Sighting, proves, sightings
from portico.vision.pixels import Pixels

INK, GROUND = (20, 30, 40), (240, 240, 240)


def drawn(*rows: str) -> Pixels:
    """`#` is ink, `.` is ground; digits are tenths of ink."""
    shares = {"#": 1.0, ".": 0.0} | {str(tenth): tenth / 10 for tenth in range(10)}
    cover = np.array([[shares[cell] for cell in row] for row in rows])[:, :, None]
    blend = np.array(GROUND) + cover * (np.array(INK) - np.array(GROUND))
    return np.asarray(np.rint(blend), dtype=np.uint8)


def seen(*rows: str, strongest: Colour = INK) -> frozenset[Sighting]:
    return sightings(drawn(*rows), strongest, GROUND)


def test_a_colour_in_level_and_upright_strokes_is_the_ink() -> None:
    assert proves(seen("......", ".####.", "..3...", "..#5..", "..#5..", "......"))


def test_a_single_pixel_and_a_single_stroke_prove_nothing() -> None:
    assert not proves(seen(".....", "..#..", "....."))
    assert not proves(seen("........", ".######.", "........"))
    assert not proves(seen("...", ".#.", ".#.", ".#.", "..."))


def test_a_glyph_that_is_repeated_is_one_witness() -> None:
    glyph = ("......", ".3##5.", "......")
    assert not proves(seen(*glyph * 9))
    assert not proves(seen(*("".join(row * 9) for row in glyph)))
    assert proves(seen(*glyph, "......", ".7##2.", "......"))


def test_upright_strokes_alone_may_lie_on_the_pixels_alike() -> None:
    """Many of them, none of which has ink at both of its sides."""
    letters = ("..........", ".#.#3.4#..", ".#.#5.6#..", ".#.#1.2#..", "..........")
    assert not proves(seen(*letters))


def test_an_upright_stroke_that_reaches_over_both_edges_of_its_pixel_is_full() -> None:
    letters = ("..........", "..#...4#..", ".3#2..6#..", ".3#2..2#..", ".3#2......", "..........")
    assert proves(seen(*letters))
    narrow = tuple(row.replace("3#2", ".#2") for row in letters)
    assert not proves(seen(*narrow))


def test_strokes_too_near_to_one_another_do_not_tell_what_is_between() -> None:
    packed = ("........", "..#...#4", ".3#2..#6", "43#2..#2", "43#2....", "........")
    assert not proves(seen(*packed))


def test_rounding_one_step_over_the_ink_does_not_hide_it() -> None:
    pixels = drawn("......", ".####.", "..3...", "..#5..", "..#5..", "......")
    pixels[1, 1] = over = (19, 30, 40)
    assert proves(sightings(pixels, over, GROUND))
    pixels[1, 1] = further = (17, 30, 40)
    assert not proves(sightings(pixels, further, GROUND))


def test_blends_by_chance_prove_nothing() -> None:
    chance = Random(3)
    for _ in range(200):
        rows = ["".join(chance.choice("..12345678") for _ in range(12)) for _ in range(9)]
        strongest = drawn("9")[0, 0].tolist()
        at = chance.randrange(9)
        rows[at] = rows[at][:5] + "9" + rows[at][6:]
        assert not proves(seen(*rows, strongest=tuple(strongest)))


def test_the_smallest_of_pictures_can_be_asked() -> None:
    for rows in (("#",), ("#.",), ("#", "."), ("#.", ".#")):
        assert not proves(seen(*rows))
