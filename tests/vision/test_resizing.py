import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.vision.resizing import smart_resize

GOLDEN = [  # input; factor 28 with 1280 and 16384 tokens; factor 32 with 1280
    ((1920, 1080), (1316, 728), (1932, 1092), (1504, 832)),
    ((1440, 900), (1260, 784), (1428, 896), (1440, 896)),
    ((390, 844), (392, 840), (392, 840), (384, 832)),
    ((1522, 1022), (1204, 812), (1512, 1008), (1376, 928)),
    ((3840, 2160), (1316, 728), (3836, 2156), (1504, 832)),
    ((1382, 12028), (336, 2940), (1204, 10556), (384, 3360)),
]


@pytest.mark.parametrize(("size", "few", "many", "newer"), GOLDEN)
def test_sizes_are_those_of_the_models_own_preprocessing(
    size: tuple[int, int], few: tuple[int, int], many: tuple[int, int], newer: tuple[int, int]
) -> None:
    assert smart_resize(*size, 28, 1280) == few
    assert smart_resize(*size, 28) == many
    assert smart_resize(*size, 32, 1280) == newer


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_resized_picture_is_not_resized_again(width: int, height: int) -> None:
    wide, high = smart_resize(width, height)
    assert wide % 28 == high % 28 == 0
    if max(width, height) < 100 * min(width, height):
        assert smart_resize(wide, high) == (wide, high)
