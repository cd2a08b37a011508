"""What the real switch does with bytes and arguments, transcribed from its source (1.10.12) as an oracle.

Line by line and with the C code's names, so that it can be compared with the original; not for use by the product.
"""

from __future__ import annotations

ALIVE = "<ALIVE>"  # where the switch would have put a variable's value or run an api function


def read_packets(data: bytes) -> list[tuple[str, list[tuple[str, str]], bytes | None]]:
    """mod_event_socket.c:1208 read_packet: (command, headers, body) of each command in a byte stream."""
    packets: list[tuple[str, list[tuple[str, str]], bytes | None]] = []
    at = 0
    while at < len(data):
        mbuf = bytearray()
        crcount = 0
        while at < len(data) and crcount < 2:
            byte = data[at : at + 1]
            at += 1
            mbuf += byte
            if mbuf[:1] in (b"\r", b"\n"):
                mbuf.clear()
                continue
            if byte == b"\n":
                crcount += 1
            elif byte != b"\r":
                crcount = 0
        if not mbuf:
            break
        assert crcount == 2, f"an unfinished command: {bytes(mbuf)!r}"
        lines, body, at = _split(bytes(mbuf).partition(b"\0")[0], data, at)
        packets.append((lines[0], [_header(line) for line in lines[1:] if ":" in line], body))
    return packets


def _split(mbuf: bytes, data: bytes, at: int) -> tuple[list[str], bytes | None, int]:
    lines = [line.decode() for line in mbuf.replace(b"\r", b"\n").split(b"\n") if line]
    body = None
    for name, value in (_header(line) for line in lines[1:] if ":" in line):
        if name.lower() == "content-length" and int(value) > 0:
            body = data[at : at + int(value)]
            at += int(value)
    return lines, body, at


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.lstrip(" ")


def var_check(s: str) -> bool:
    """switch_utils.h:784 switch_string_var_check_const."""
    dol = False
    for ch in s:
        if ch == "$":
            dol = True
        elif dol:
            if ch == "{":
                return True
            if ch != "\\":
                dol = False
    return False


def has_escaped_data(s: str) -> bool:
    """switch_utils.h:383 switch_string_has_escaped_data."""
    text = s + "\0"
    i = text.find("\\")
    while i >= 0 and text[i] == "\\":
        i += 1
        if text[i] in "\\nst'":
            return True
        i = text.find("\\", i)
    return False


def expand_variables(s: str) -> str:
    """switch_channel.c:3986 switch_channel_expand_variables_check, with ALIVE for every reference."""
    if not (var_check(s) or has_escaped_data(s)):
        return s
    text = s + "\0\0"
    out = []
    p = 0
    nv = False
    while text[p] != "\0":
        vtype = 0
        dollars = False
        if text[p] == "\\":
            if text[p + 1] == "$":
                nv = True
                p += 1
                if text[p + 1] == "$":
                    p += 1
            elif text[p + 1] == "'":
                p += 2
                continue
            elif text[p + 1] == "\\":
                out.append("\\")
                p += 2
                continue
        if text[p] == "$" and not nv:
            if text[p + 1] == "$":
                p += 1
                dollars = True
            if text[p + 1] == "{":
                vtype = 3 if dollars else 1
            else:
                nv = True
        if nv:
            out.append(text[p])
            nv = False
            p += 1
            continue
        if vtype:
            p = _end_of_reference(text, p + 2)
            out.append(ALIVE)
            if text[p] == "$":
                continue
            if text[p] == "\0":
                break
        out.append(text[p])
        p += 1
    return "".join(out)


def _end_of_reference(text: str, s: int) -> int:
    br = 1
    e = s
    while text[e] != "\0":
        if br == 1 and text[e] == "}":
            return e + 1
        if e != s and text[e] == "{":
            br += 1
        elif br > 1 and text[e] == "}":
            br -= 1
        e += 1
    return e
