"""Sealed files: any change, cut or swap is found; any chunk can be read by itself; half a file is never there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.store import sealed_files as module
from cti.store.sealed_files import CHUNK, MAGIC, TAG, FileDamaged, SealedFile, StillWritten, new_key, seal_file

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7]


def content(size: int) -> bytes:
    return bytes(index * 31 % 251 for index in range(1000)) * (size // 1000 + 1)


def sealed(folder: Path, size: int, name: str = "r-1", key: bytes | None = None) -> tuple[Path, bytes]:
    plain, target = folder / f"{name}.wav", folder / "sealed" / name
    plain.write_bytes(content(size)[:size])
    key = key or new_key()
    assert seal_file(plain, target, key, name).size == size
    return target, key


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_comes_back_chunk_by_chunk(tmp_path: Path, size: int) -> None:
    target, key = sealed(tmp_path, size)
    assert target.stat().st_mode & 0o777 == 0o600
    assert content(size)[:50] not in target.read_bytes() or not size
    with SealedFile(target, key, "r-1") as file:
        assert file.size == size
        assert b"".join(file.all()) == content(size)[:size]
        assert file.read(file.chunks - 1) == content(size)[(file.chunks - 1) * CHUNK : size]
        assert file.digest().startswith("sha256:")


@pytest.mark.parametrize("at", [len(MAGIC), len(MAGIC) + CHUNK + TAG + 5, -1])
def test_a_changed_byte_is_found(tmp_path: Path, at: int) -> None:
    target, key = sealed(tmp_path, 3 * CHUNK)
    raw = bytearray(target.read_bytes())
    raw[at] ^= 1
    target.write_bytes(raw)
    with SealedFile(target, key, "r-1") as file, pytest.raises(FileDamaged):
        list(file.all())


@pytest.mark.parametrize("cut", [1, TAG, CHUNK + TAG, 2 * (CHUNK + TAG)])
def test_a_file_that_was_cut_off_is_found_wherever_it_was(tmp_path: Path, cut: int) -> None:
    target, key = sealed(tmp_path, 3 * CHUNK)
    target.write_bytes(target.read_bytes()[:-cut])
    with SealedFile(target, key, "r-1") as file, pytest.raises(FileDamaged):
        list(file.all())


def test_chunks_that_changed_places_are_found(tmp_path: Path) -> None:
    target, key = sealed(tmp_path, 3 * CHUNK)
    raw, step = target.read_bytes(), CHUNK + TAG
    first, second = raw[len(MAGIC) :][:step], raw[len(MAGIC) + step :][:step]
    target.write_bytes(MAGIC + second + first + raw[len(MAGIC) + 2 * step :])
    with SealedFile(target, key, "r-1") as file, pytest.raises(FileDamaged):
        file.read(0)


def test_a_file_in_the_place_of_another_does_not_open_even_with_the_same_key(tmp_path: Path) -> None:
    target, key = sealed(tmp_path, 100)
    other, _ = sealed(tmp_path, 100, "r-2", key)
    other.replace(target)
    with SealedFile(target, key, "r-1") as file, pytest.raises(FileDamaged):
        file.read(0)


@pytest.mark.parametrize("raw", [b"", MAGIC, b"RIFF" + bytes(100), MAGIC + bytes(TAG - 1)])
def test_what_is_no_sealed_file_says_so(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(FileDamaged):
        SealedFile(tmp_path / "x", new_key(), "x")


def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "r.wav"
    plain.write_bytes(content(CHUNK))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cti.store.sealed_files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        seal_file(plain, tmp_path / "sealed" / "r", new_key(), "r")
    assert list((tmp_path / "sealed").iterdir()) == []


def test_a_file_that_still_grows_is_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "r.wav"
    plain.write_bytes(content(CHUNK))

    def growing(*args: object) -> object:
        with open(plain, "ab") as file:
            file.write(b"more")
        return seal(*args)  # type: ignore[arg-type]

    seal = module._seal
    monkeypatch.setattr(module, "_seal", growing)
    with pytest.raises(StillWritten):
        seal_file(plain, tmp_path / "sealed" / "r", new_key(), "r")
    assert list((tmp_path / "sealed").iterdir()) == []
