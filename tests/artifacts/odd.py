"""Odd pictures, made here and not collected: each says what is odd about it."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageDraw

CANARY = b"GPS-CANARY-52.5163N"


def screen(width: int = 120, height: int = 80) -> Image.Image:
    """Something like an interface, with no symmetry: every orientation looks different."""
    image = Image.new("RGB", (width, height), (245, 246, 248))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width // 3, height // 4), fill=(20, 90, 200))
    pen.rectangle((width // 2, height // 2, width - 4, height - 4), fill=(200, 30, 40))
    pen.line((0, height - 1, width // 2, 0), fill=(0, 0, 0))
    return image


def page(width: int, height: int, step: int = 60) -> Image.Image:
    """A tall page: blocks of noise with flat gaps between them, a third of each *step*."""
    noise = np.random.default_rng(7)
    pixels = np.full((height, width, 3), 250, np.uint8)
    for top in range(0, height, step):
        block = pixels[top : top + 2 * step // 3]
        block[:] = 255 * noise.integers(0, 2, (*block.shape[:2], 1), np.uint8)
    return Image.fromarray(pixels)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010E] = CANARY.decode()
    told.get_ifd(0x8825)[1] = "N"
    return told


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Store *image* so that *orientation* turns it upright."""
    ways = Image.Transpose
    back = {
        2: ways.FLIP_LEFT_RIGHT,
        3: ways.ROTATE_180,
        4: ways.FLIP_TOP_BOTTOM,
        5: ways.TRANSPOSE,
        6: ways.ROTATE_90,
        7: ways.TRANSVERSE,
        8: ways.ROTATE_270,
    }
    return image.transpose(back[orientation]) if orientation in back else image


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=-1, **options)
    return out.getvalue()


def film(count: int, form: str, size: tuple[int, int] = (30, 20)) -> bytes:
    """An animation whose frame says by its grey which one it is."""
    step = max(1, 250 // count)
    shots = [Image.new("RGB", size, (i * step % 256,) * 3) for i in range(count)]
    for index, shot in enumerate(shots):
        shot.putpixel((index % size[0], 0), (255, 0, 0))
    return saved(shots[0], form, save_all=True, append_images=shots[1:], duration=20)


def long_gif(count: int, between: bytes = b"") -> bytes:
    """A GIF of *count* frames of one pixel, written by hand: Pillow would take minutes."""
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + (frame + between) * count + b"\x3b"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int = 8, kind: int = 0, rows: bytes = b"") -> bytes:
    """A PNG that claims a size; its rows are what is given."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def png16() -> bytes:
    """Sixteen bits of grey, 64 columns from black to white."""
    row = b"\0" + b"".join(struct.pack(">H", i * 1040) for i in range(64))
    return png(64, 4, 16, 0, row * 4)


def pdf(*texts: str, content: bytes = b"", locked: bool = False) -> bytes:
    """A PDF of one page a text, 200 x 100 points; *content* instead is drawn as it is."""
    count = len(texts)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (count, b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(count))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(texts):
        drawn = content or b"BT /F1 18 Tf 20 50 Td (%s) Tj ET" % text.encode()
        packed = zlib.compress(drawn)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * index)
        )
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
        )
    lock = b""
    if locked:
        objects.append(
            b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"ab" * 32, b"cd" * 32)
        )
        lock = b" /Encrypt %d 0 R /ID [<%s> <%s>]" % (len(objects), b"00" * 16, b"00" * 16)
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\n" % (len(objects) + 1, lock)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(body: str, size: str = 'width="1200" height="600"', before: str = "") -> bytes:
    return f"{before}<svg {SVG} {size}>{body}</svg>".encode()


def many_uses(depth: int) -> bytes:
    """An SVG that asks for 2 ** depth rectangles in *depth* lines."""
    twice = "".join(
        f'<g id="g{i}"><use xlink:href="#g{i + 1}"/><use xlink:href="#g{i + 1}"/></g>'
        for i in range(depth)
    )
    return svg(f'{twice}<rect id="g{depth}" width="1" height="1"/>')


def lab() -> bytes:
    """LAB's colour profile: none for RGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def swapped() -> bytes:
    """A colour profile in which red is green: sRGB's with those two tags swapped."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace("sRGB".encode("utf-16-be"), "tRGB".encode("utf-16-be"))
    return data.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")


def every() -> dict[str, bytes]:
    """One whole, small picture of each kind: what the fuzzer starts from."""
    image = screen(40, 24)
    clear = image.convert("RGBA")
    clear.putalpha(100)
    return {
        "png": saved(image, "PNG", exif=exif(6)),
        "png-clear": saved(clear, "PNG"),
        "png-palette": saved(image.quantize(8), "PNG"),
        "png16": png16(),
        "apng": film(4, "PNG"),
        "jpeg": saved(image, "JPEG", exif=exif(3)),
        "jpeg-progressive": saved(image, "JPEG", progressive=True, comment=CANARY),
        "jpeg-cmyk": saved(image.convert("CMYK"), "JPEG"),
        "gif": film(4, "GIF"),
        "webp": saved(image, "WEBP"),
        "webp-lossless": saved(clear, "WEBP", lossless=True),
        "webp-film": film(3, "WEBP"),
        "avif": saved(image, "AVIF"),
        "heic": heic(image),
        "bmp": saved(image, "BMP"),
        "tiff": saved(image, "TIFF", compression="tiff_lzw"),
    }
