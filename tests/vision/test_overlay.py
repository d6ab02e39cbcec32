from io import BytesIO

from PIL import Image, ImageColor

from portico.vision.elements import Box, Element, Elements, Picture, Seen, numbered
from portico.vision.overlay import ACTIVE, DOUBTED, INERT, overlay


def found(*elements: Element) -> Elements:
    picture = Picture(200, 100)
    return Elements(
        image=picture, seen=(Seen.all_of(picture),), source=(), elements=numbered(list(elements))
    )


def drawn(image: Image.Image, elements: Elements) -> Image.Image:
    return Image.open(BytesIO(overlay(image, elements)))


def test_the_overlay_is_a_png_of_the_same_size_and_the_picture_stays_as_it_was() -> None:
    image = Image.new("RGBA", (200, 100), "white")
    result = drawn(image, found(Element(id="", type="button", bbox=Box(20, 30, 80, 60))))
    assert (result.format, result.size, result.mode) == ("PNG", (200, 100), "RGB")
    assert image.getcolors() == [(20_000, (255, 255, 255, 255))]


def test_every_box_is_outlined_within_itself_in_the_colour_of_what_it_is() -> None:
    elements = found(
        Element(id="", type="button", bbox=Box(20, 30, 80, 60), interactive=True),
        Element(id="", type="text", bbox=Box(20, 70, 80, 95)),
        Element(id="", type="text", bbox=Box(100, 70, 180, 95), flags=("only:seer",)),
    )
    result = drawn(Image.new("RGB", (200, 100), "white"), elements)
    for box, colour in ((Box(20, 30, 80, 60), ACTIVE), (Box(20, 70, 80, 95), INERT)):
        assert result.getpixel((box.x2 - 1, box.y2 - 1)) == ImageColor.getrgb(colour)
        assert result.getpixel((box.x2, box.y2)) == (255, 255, 255)
    assert result.getpixel((179, 94)) == ImageColor.getrgb(DOUBTED)


def test_boxes_at_the_border_points_and_empty_ones_can_be_drawn() -> None:
    elements = found(
        Element(id="", type="text", bbox=Box(0, 0, 200, 100)),
        Element(id="", type="text", bbox=Box(199, 99, 200, 100), flags=("point",)),
        Element(id="", type="text", bbox=Box(50, 50, 50, 50)),
        Element(id="", type="text", bbox=Box(180, 5, 250, 300)),
    )
    assert drawn(Image.new("RGB", (200, 100)), elements).size == (200, 100)
