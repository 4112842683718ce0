# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets under a guest's master key: AES-256 in CBC mode with PKCS#7 padding, as QEMU's secret objects want them.

Python's library has no AES, and a target has no library for it by custom. What is sealed is a passphrase of a few
bytes, once when a guest starts, so plain Python is quick enough. Source of the rules: FIPS 197, NIST SP 800-38A,
QEMU's docs/system/secrets.rst.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import List, Sequence, Tuple

from ...errors import InvalidArgument
from .context import Sealed

BLOCK = 16
KEY = 32
ROUNDS = 14
COLUMNS = 4


def seal(value: bytes, key: bytes, iv: bytes) -> Sealed:
    """Encrypt a value for QEMU: ``key`` has 32 bytes, ``iv`` 16 random ones that are used for this value only."""
    if len(key) != KEY or len(iv) != BLOCK:
        raise InvalidArgument(f"A master key has {KEY} bytes and an initialisation vector {BLOCK}.")
    fill = BLOCK - len(value) % BLOCK
    return Sealed(b64encode(iv).decode(), b64encode(_cbc(value + bytes([fill]) * fill, key, iv)).decode())


def _cbc(text: bytes, key: bytes, iv: bytes) -> bytes:
    keys, last, out = _expand(key), iv, bytearray()
    for start in range(0, len(text), BLOCK):
        last = encrypt_block(bytes(a ^ b for a, b in zip(text[start : start + BLOCK], last)), keys)
        out += last
    return bytes(out)


def encrypt_block(block: bytes, keys: Sequence[bytes]) -> bytes:
    """Encrypt 16 bytes with expanded keys (FIPS 197, "Cipher")."""
    box = _box()
    state = _xor(block, keys[0])
    for number in range(1, ROUNDS + 1):
        state = bytes(box[state[(i + BLOCK // COLUMNS * (i % 4)) % BLOCK]] for i in range(BLOCK))
        if number < ROUNDS:
            state = b"".join(_mix(state[i : i + 4]) for i in range(0, BLOCK, 4))
        state = _xor(state, keys[number])
    return state


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right))


def _double(value: int) -> int:
    value <<= 1
    return value ^ 0x11B if value & 0x100 else value


def _mix(column: bytes) -> bytes:
    every = column[0] ^ column[1] ^ column[2] ^ column[3]
    return bytes(column[i] ^ every ^ _double(column[i] ^ column[(i + 1) % 4]) for i in range(4))


@lru_cache(maxsize=1)
def _box() -> Tuple[int, ...]:
    """The S-box: the inverse in the field of 256 elements, then an affine map."""
    powers, value = [], 1
    for _power in range(255):
        powers.append(value)
        value ^= _double(value)
    logs = {power: index for index, power in enumerate(powers)}
    return tuple(_affine(0 if value == 0 else powers[-logs[value] % 255]) for value in range(256))


def _affine(value: int) -> int:
    result = 0x63
    for shift in range(5):
        result ^= (value << shift | value >> (8 - shift)) & 0xFF
    return result


def _expand(key: bytes) -> List[bytes]:
    """The round keys (FIPS 197, "Key Expansion")."""
    box, words, factor = _box(), [key[i : i + 4] for i in range(0, KEY, 4)], 1
    while len(words) < COLUMNS * (ROUNDS + 1):
        word = words[-1]
        if len(words) % 8 == 0:
            word = bytes(box[byte] for byte in word[1:] + word[:1])
            word, factor = bytes([word[0] ^ factor]) + word[1:], _double(factor)
        elif len(words) % 8 == 4:
            word = bytes(box[byte] for byte in word)
        words.append(_xor(words[-8], word))
    return [b"".join(words[i : i + 4]) for i in range(0, len(words), 4)]
