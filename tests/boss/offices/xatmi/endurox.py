"""A stand-in for the module `endurox`: as `tuxedo` beside it, with buffers that name their type, a tpinit that knows no
user and makes a context for each thread, and answers whose fields are read late (`UbfDict`)."""

import threading

import tuxedo
from tuxedo import TPBLK_NEXT, tpsblktime, tpterm

__all__ = [
    "TPBLK_NEXT",
    "AtmiException",
    "Bfldid",
    "UbfDict",
    "UbfException",
    "tpcall",
    "tpinit",
    "tpsblktime",
    "tpterm",
]
AtmiException = tuxedo.XatmiException


class UbfException(Exception):
    def __init__(self, code):
        super().__init__(f"UBF {code}", code)
        self.code = code


class UbfDict:
    """Readable by the thread that received it."""

    def __init__(self, data):
        self._data, self._owner = data, threading.get_ident()

    def to_dict(self):
        assert threading.get_ident() == self._owner
        for values in self._data.values():
            for value in values if isinstance(values, list) else [values]:
                value.encode("utf-8", "surrogateescape").decode("utf-8")
        return dict(self._data)


def tpinit(flags=0):
    tuxedo.tpinit(flags=flags | tuxedo.TPMULTICONTEXTS)


def Bfldid(name):
    if name not in tuxedo.FIELDS:
        raise UbfException(8)
    return 1


def tpcall(service, sent, flags=0):
    kind, data = sent.get("buftype"), sent.get("data", {})
    if kind == "UBF":
        for name in data:
            Bfldid(name)
    code, urcode, found = tuxedo.tpcall(service, data)
    kept = UbfDict(found) if isinstance(found, dict) else found
    return code, urcode, {"buftype": kind or "NULL", "data": kept}
