"""Bodies of messages: bytes <-> fields, for every way that carries bytes. Pure; the one error is `CodecError`."""

from cti.boss.codecs.charset import is_charset
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions
from cti.boss.codecs.options import BodyOptions, Codec, make_codec, prove_body, unknown_charset

__all__ = [
    "BodyOptions",
    "Codec",
    "CodecError",
    "FieldOptions",
    "is_charset",
    "make_codec",
    "prove_body",
    "unknown_charset",
]
