# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tiny guest that proves an accelerator: a 64 KiB firmware image, written here byte by byte.

It goes the way that every guest of today goes, because some hosts run real mode and no more: from real mode through
page tables of its own into 64-bit mode, where it uses its stack, computes 1 + ... + 10, writes what it found to the
debug console and ends its QEMU through the debug exit device.
"""

from __future__ import annotations

CONSOLE_PORT = 0xE9
EXIT_PORT = 0xF4

# What stands on the debug console in the end: 55 is the character 7.
MESSAGE = "corral-guest=7"

_SIZE = 0x10000
_START = 0xFE00  # of the code, in segment F000
_RESET = 0xFFF0  # where the processor begins

# Memory that it uses: 0x1000 PML4, 0x2000 PDPT, 0x3000 PD, and the stack below 0x7000.
_CODE = (
    ("fa fc", "cli; cld"),
    ("31 c0 8e d8 8e c0 8e d0", "ax = ds = es = ss = 0"),
    ("bc 00 70", "sp = 0x7000"),
    ("bf 00 10 b9 00 18 f3 ab", "clear 0x1000 to 0x3fff"),
    ("c7 06 00 10 03 20", "PML4[0] = PDPT, present and writable"),
    ("c7 06 00 20 03 30", "PDPT[0] = PD"),
    ("c7 06 00 30 83 00", "PD[0] = the first 2 MiB as one page"),
    ("66 b8 00 10 00 00 0f 22 d8", "cr3 = PML4"),
    ("0f 20 e0 0c 20 0f 22 e0", "cr4: physical address extension"),
    ("66 b9 80 00 00 c0 0f 32 80 cc 01 0f 30", "EFER: long mode"),
    ("2e 0f 01 16 98 fe", "lgdt cs:[0xfe98]"),
    ("0f 20 c0 66 0d 01 00 00 80 0f 22 c0", "cr0: protection and paging"),
    ("66 ea 5f fe 0f 00 08 00", "jump to the next line, in 64 bits"),
    ("48 8d 35 38 00 00 00", "rsi = the text at fe9e"),
    ("ac 84 c0 74 04 e6 e9 eb f7", "write it to the console, up to its 0"),
    ("b9 0a 00 00 00 31 c0", "ecx = 10; eax = 0"),
    ("48 01 c8 e2 fb", "add rcx to rax until rcx is 0"),
    ("50 58", "through the stack"),
    ("e6 e9 e6 f4", "to the console, and to the exit"),
    ("f4 eb fd", "halt for ever, if that did nothing"),
    ("90 90 90 90", "up to fe88"),
    ("00 00 00 00 00 00 00 00", "descriptor 0"),
    ("00 00 00 00 00 9a 20 00", "descriptor 8: 64-bit code"),
    ("0f 00 88 fe 0f 00", "at fe98: their limit and address"),
    ("63 6f 72 72 61 6c 2d 67 75 65 73 74 3d 00", "at fe9e: the text"),
)
_ENTRY = "ea 00 fe 00 f0"  # jump to F000:FE00


def image() -> bytes:
    """Return the firmware image."""
    halted = bytearray(b"\xf4" * _SIZE)
    code = bytes.fromhex("".join(row for row, _meaning in _CODE))
    entry = bytes.fromhex(_ENTRY)
    halted[_START : _START + len(code)] = code
    halted[_RESET : _RESET + len(entry)] = entry
    return bytes(halted)
