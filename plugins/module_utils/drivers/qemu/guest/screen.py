# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture of a guest's display as PNG.

QEMU writes a portable pixmap, which every version can, into the guest's directory; the PNG is made here, so that it
does not matter whether this QEMU was built with a library for it. Source of the formats: ppm(5), RFC 2083.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Tuple

from ....errors import HostError, MonitorError, OperationInvalid
from ....host.api import Host, Monitor

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A display of 8192 by 8192 points; a larger picture is no picture.
MOST = 3 * 8192 * 8192 + 64
TRUE_COLOUR = 2
HEAD = re.compile(rb"P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s")


def take_picture(host: Host, monitor: Monitor, directory: str, name: str, user: int) -> bytes:
    """Return what the first display of a guest shows, as PNG; raises OperationInvalid for one without a display.

    ``user`` is the number of QEMU's user, to whom the directory belongs.
    """
    path = f"{directory}/screen.ppm"
    try:
        monitor.execute("screendump", {"filename": path})
        return to_png(host.read(path, limit=MOST, owner=user) or b"")
    except MonitorError as error:
        raise OperationInvalid(
            f"There is no picture of guest {name}: {error.description}.",
            hint="Give it a display, such as graphics with type vnc, and a video device.",
        ) from error
    finally:
        host.remove(path)


def to_png(pixmap: bytes) -> bytes:
    """Turn a portable pixmap (P6, 8 bits) into PNG; raises HostError for anything else."""
    width, height, pixels = _read(pixmap)
    stride = 3 * width
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, stride * height, stride))
    head = struct.pack(">IIBBBBB", width, height, 8, TRUE_COLOUR, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 6)) + _chunk(b"IEND", b"")


def _read(pixmap: bytes) -> Tuple[int, int, bytes]:
    head = HEAD.match(pixmap)
    if not head:
        raise HostError("QEMU wrote no picture of the display.")
    width, height = int(head.group(1)), int(head.group(2))
    pixels = pixmap[head.end() : head.end() + 3 * width * height]
    if not pixels or len(pixels) != 3 * width * height:
        raise HostError("The picture that QEMU wrote of the display is not whole.")
    return width, height, pixels


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
