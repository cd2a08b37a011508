"""Text as pages for a fax machine: TIFF, Group 4, A4 at 204 × 196 dpi ("fine", ITU-T T.4), black on white."""

from __future__ import annotations

import unicodedata
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cti.core.errors import CtiError

if TYPE_CHECKING:  # Pillow is loaded with the font: most engines never write a page
    from collections.abc import Iterator

    from PIL import Image, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

WIDTH, HEIGHT = 1728, 2287  # dots: 215 mm × 297 mm
DPI = (204, 196)
MARGIN = 120
SIZE = 40  # dots of a line's letters: 5 mm, which survives a bad line
LEADING = 60
MAX_PAGES = 20
#: Where a system's fonts with Chinese and Latin letters usually are; the configuration can name another.
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)


class TextPages:
    """Implements `cti.ports.FaxPages`. ``font`` is a TrueType or OpenType file; None: the first of `FONTS` there is,
    opened for the first page."""

    def __init__(self, font: Path | None = None) -> None:
        """Raises CtiError (bad-font)."""
        self._file = str(font) if font is not None else next((name for name in FONTS if Path(name).is_file()), "")
        if font is not None:
            self._font = _open_font(self._file)  # what is configured is no font: said now, not with the first page

    @cached_property
    def _font(self) -> Font:
        return _open_font(self._file)

    def write(self, text: str, language: str, path: str) -> int:
        """Raises CtiError: too long, or in letters that the font has not got (font-missing); OSError."""
        self._check(text)
        pages = [self._draw(lines) for lines in self._paginate(text)]
        pages[0].save(path, format="TIFF", compression="group4", dpi=DPI, save_all=True, append_images=pages[1:])
        return len(pages)

    def _check(self, text: str) -> None:
        """A glyph that is not in the font comes out as the one for what nobody knows."""
        unknown = bytes(self._font.getmask("\U0010ffff"))
        for char in sorted(set(text)):
            if char.isspace() or unicodedata.category(char)[0] == "C":
                continue
            try:
                known = bytes(self._font.getmask(char)) != unknown
            except UnicodeEncodeError:  # the font built into Pillow knows Latin-1 only
                known = False
            if not known:
                raise CtiError(
                    f"the font {self._file or 'built in'} has no letter U+{ord(char):04X}",
                    code="font-missing",
                    remedy="install a font that has it (Debian: fonts-noto-cjk), or name one under fax: {font: …}",
                )

    def _paginate(self, text: str) -> list[list[str]]:
        lines = [line for paragraph in text.splitlines() for line in self._wrap(paragraph)] or [""]
        fit = (HEIGHT - 2 * MARGIN) // LEADING
        pages = [lines[at : at + fit] for at in range(0, len(lines), fit)]
        if len(pages) > MAX_PAGES:
            raise CtiError(f"a fax of {len(pages)} pages; at most {MAX_PAGES}", code="fax-too-long")
        return pages

    def _wrap(self, paragraph: str) -> Iterator[str]:
        """Break at blanks, or between any two characters where a word is longer than a line."""
        line = ""
        for char in paragraph.rstrip():
            if self._font.getlength(line + char) <= WIDTH - 2 * MARGIN:
                line += char
                continue
            head, blank, tail = line.rpartition(" ")
            if blank and char != " ":
                yield head
                line = tail + char
            else:
                yield line
                line = char.lstrip()
        yield line

    def _draw(self, lines: list[str]) -> Image.Image:
        from PIL import Image, ImageDraw

        page = Image.new("1", (WIDTH, HEIGHT), 1)
        draw = ImageDraw.Draw(page)
        for index, line in enumerate(lines):
            draw.text((MARGIN, MARGIN + index * LEADING), line, fill=0, font=self._font)
        return page


def _open_font(file: str) -> Font:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(file, SIZE) if file else ImageFont.load_default(SIZE)
    except OSError as error:
        raise CtiError(
            f"{file} is no font: {error}", code="bad-font", remedy="name a .ttf, .otf or .ttc file"
        ) from error
