"""The write-ahead log as bytes: which of its frames are whole, and whether it is damaged or only ends unfinished.

SQLite reads a log up to the first frame that does not match its checksum and passes over all that follows, without a
word: after a power cut that is right, for there a commit was under way that nobody was told of. Behind a byte that the
disk has changed it is not: there follow commits that were on disk. (https://www.sqlite.org/fileformat2.html, 4.)
"""

import struct
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIIIII")
_MAGIC = {0x377F0682: "<u4", 0x377F0683: ">u4"}
_U32 = 2**32


@dataclass(frozen=True, slots=True)
class Frame:
    """A page as the log has it, 0 for none; `is_whole`: it matches its checksum, given the one of the frame before."""

    page: int
    at: int
    is_commit: bool
    is_whole: bool


def frames(log: bytes, page_size: int) -> list[Frame]:
    """Return the frames that belong to the log as it was begun last; a damaged header leaves those like the first."""
    if len(log) < _HEADER.size + _FRAME.size + page_size:
        return []
    magic, _, size, _, *salts, sum0, sum1 = _HEADER.unpack_from(log)
    if magic not in _MAGIC or size != page_size:
        magic, salts, (sum0, sum1) = 0x377F0682, _salts(log, page_size), (0, 0)
    words, weights = np.dtype(_MAGIC[magic]), _weights(page_size // 8 + 1)
    found = []
    for at in range(_HEADER.size, len(log) - _FRAME.size - page_size + 1, _FRAME.size + page_size):
        page, commit, salt0, salt1, next0, next1 = _FRAME.unpack_from(log, at)
        if [salt0, salt1] != salts:
            # of an earlier log, if none of this one follows
            found.append(Frame(0, at + _FRAME.size, is_commit=False, is_whole=False))
            continue
        content = np.concatenate(
            [np.frombuffer(log, words, 2, at), np.frombuffer(log, words, page_size // 4, at + _FRAME.size)]
        )
        is_whole = _checksum((sum0, sum1), content, weights) == (next0, next1)
        found.append(Frame(page, at + _FRAME.size, commit != 0, is_whole))
        sum0, sum1 = next0, next1
    while found and not found[-1].page:
        found.pop()
    return found


def _salts(log: bytes, page_size: int) -> list[int]:
    """Return what the first frames agree on, for a log whose header does not tell."""
    places = range(_HEADER.size, len(log) - _FRAME.size - page_size + 1, _FRAME.size + page_size)
    told = Counter(_FRAME.unpack_from(log, at)[2:4] for at in places[:5])
    agreed, _ = max(told.items(), key=lambda found: (found[1], found[0]))
    return list(agreed)


def damage(log: bytes, page_size: int) -> str | None:
    """Return what is wrong with a log, in words; None if it is whole, or ends in a commit that was under way."""
    if len(log) >= _HEADER.size + _FRAME.size + page_size and _HEADER.unpack_from(log)[0] not in _MAGIC:
        return "its log does not begin as a log does"
    found = frames(log, page_size)
    first = next((number for number, frame in enumerate(found) if not frame.is_whole), len(found))
    commits = [number for number, frame in enumerate(found) if frame.is_commit and number >= first]
    # each commit is on disk before the next one begins, so only the last can be unfinished
    if commits and commits[0] < len(found) - 1:
        return f"its log is damaged at frame {first + 1} of {len(found)}"
    return None


def _weights(pairs: int) -> NDArray[np.uint32]:
    """Return what each word of so many pairs adds to the two sums: s0 += x0 + s1, s1 += x1 + s0, modulo 2^32."""
    # what one pair does to the sums, and so what all that follow do to what an earlier pair has added
    matrix = [[1, 1], [1, 2]]
    power, weights = [[1, 0], [0, 1]], []
    for _ in range(pairs):
        # a pair adds (x0, x0 + x1) to the sums
        weights.append([[power[i][0] + power[i][1], power[i][1]] for i in range(2)])
        power = [[sum(power[i][k] * matrix[k][j] for k in range(2)) % _U32 for j in range(2)] for i in range(2)]
    last = np.array(weights[::-1], np.uint64) % _U32
    start = np.array([[power[0], power[1]]], np.uint64)
    return np.concatenate([start, last]).astype(np.uint32)


def _checksum(start: tuple[int, int], words: NDArray[np.uint32], weights: NDArray[np.uint32]) -> tuple[int, int]:
    pairs = words.astype(np.uint32).reshape(-1, 2)
    values = np.concatenate([np.array([start], np.uint32), pairs])
    sums = (weights * values[:, None, :]).sum(axis=(0, 2), dtype=np.uint32)
    return int(sums[0]), int(sums[1])
