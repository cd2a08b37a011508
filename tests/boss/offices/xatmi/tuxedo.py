"""A stand-in for the module `tuxedo`: the same calls, shapes of answers, error numbers, and blocking; no domain.

What its services do stands in `SERVICES`; whether the domain is up, in the file that XATMI_STANDIN names (`down`: no
client gets in, and a call of one that is in fails). A context belongs to the thread that made it with
TPMULTICONTEXTS, else to the process; tpterm ends it, whoever is in a call.
"""

import os
import threading
import time

TPEBLOCK, TPELIMIT, TPENOENT, TPESVCERR, TPESVCFAIL, TPESYSTEM, TPETIME = 3, 5, 6, 10, 11, 12, 13
TPBLK_NEXT, TPMULTICONTEXTS = 1, 32
FIELDS = {"MSISDN", "BALANCE", "NAME", "ERR", "SECONDS"}
_context, _shared = threading.local(), set()


class XatmiException(Exception):
    def __init__(self, code):
        super().__init__(f"TPE {code}", code)
        self.code = code


class Fml32Exception(Exception):
    def __init__(self, code):
        super().__init__(f"FML {code}", code)
        self.code = code


def _state():
    with open(os.environ["XATMI_STANDIN"]) as file:
        return file.read().split()


def tpinit(usrname=None, cltname=None, passwd=None, grpname=None, flags=0):
    if "down" in _state():
        raise XatmiException(TPESYSTEM)
    if "password" in _state() and passwd != "sesame":
        raise XatmiException(8)
    if flags & TPMULTICONTEXTS:
        _context.made = True
    else:
        _shared.add("made")
    with open(os.environ["XATMI_STANDIN"] + ".joined", "a") as file:
        file.write("+")


def tpterm():
    _context.made = False
    _shared.clear()


def _joined():
    return getattr(_context, "made", False) or bool(_shared)


def Fldid32(name):
    if name not in FIELDS:
        raise Fml32Exception(5)
    return 1


def tpsblktime(seconds, flags):
    _context.seconds = seconds


def tpcall(service, data, flags=0):
    if not isinstance(data, (dict, str, bytes)):
        raise ValueError("Unsupported buffer type")
    if not _joined():
        raise XatmiException(9)
    for name in data if isinstance(data, dict) else ():
        Fldid32(name)
    if "down" in _state():
        raise XatmiException(TPESYSTEM)
    if service not in SERVICES:
        raise XatmiException(TPENOENT)
    with open(os.environ["XATMI_STANDIN"] + ".called", "a") as file:
        file.write(f"{service}\n")
    return SERVICES[service](data)


def _balance(data):
    number = data["MSISDN"][0]
    if number.endswith("9"):
        return TPESVCFAIL, 1001, {"ERR": ["NOUSER"]}
    if number.endswith("8"):
        return TPESVCFAIL, 1, {"ERR": ["BROKEN"]}
    return 0, 7, {"BALANCE": [f"{int(number[-6:]) / 100:.2f}"], "NAME": ["陈"]}


def _sleeps(data):
    seconds = float(data["SECONDS"][0])
    if seconds > _context.seconds:  # as the library does: in whole seconds, counted by it
        time.sleep(_context.seconds)
        raise XatmiException(TPETIME)
    time.sleep(seconds)
    if not _joined():
        raise XatmiException(9)
    return 0, 0, {"BALANCE": ["1.00"]}


def _fails(code):
    def service(_data):
        raise XatmiException(code)

    return service


def _unreadable(_data):
    raise ValueError("Unsupported buffer type")  # by the module, of the answer


SERVICES = {
    "QRY_BAL": _balance,
    "SLEEPS": _sleeps,
    "HANGS": lambda _data: time.sleep(600),
    "DIES": lambda _data: os.abort(),
    "BLOCK": _fails(TPEBLOCK),
    "LIMIT": _fails(TPELIMIT),
    "SYSTEM": _fails(TPESYSTEM),
    "SVCERR": _fails(TPESVCERR),
    "UNREADABLE": _unreadable,
    "ECHO": lambda data: (0, 0, data),
    "WHO": lambda _data: (0, 0, {"NAME": [str(threading.get_ident())]}),
}
