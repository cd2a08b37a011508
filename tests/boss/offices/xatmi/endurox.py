"""A stand-in for the module `endurox`: as `tuxedo` beside it, with buffers that name their type, and answers whose
fields are read late (`UbfDict`)."""

import threading

import tuxedo
from tuxedo import TPBLK_NEXT, tpinit, tpsblktime, tpterm

__all__ = ["TPBLK_NEXT", "AtmiException", "UbfDict", "UbfException", "tpcall", "tpinit", "tpsblktime", "tpterm"]
AtmiException = tuxedo.XatmiException


class UbfException(Exception):
    pass


class UbfDict:
    """Readable by the thread that received it."""

    def __init__(self, data):
        self._data, self._owner = data, threading.get_ident()

    def to_dict(self):
        assert threading.get_ident() == self._owner
        return dict(self._data)


def tpcall(service, sent, flags=0):
    data = sent.get("data")
    if sent.get("buftype") == "UBF" and not set(data) <= tuxedo.FIELDS:
        raise UbfException("Bfldid: 8:Bad field id")
    code, urcode, found = tuxedo.tpcall(service, data)
    kept = UbfDict(found) if sent.get("buftype") == "UBF" and isinstance(found, dict) else found
    return code, urcode, {"buftype": sent.get("buftype"), "data": kept}
