# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graphics, video and audio.

Source of the rules: libvirt's formatdomain, "Graphical framebuffers", "Video devices" and "Audio backends".
"""

from __future__ import annotations

from ...xml.views import INT, NATURAL, ON_OFF, TEXT, YES_NO, Child, Children, Field, Opaque, View
from .device import Device


class Listen(View):
    """A <listen> of <graphics>."""

    type = Field("@type", TEXT)
    address = Field("@address", TEXT)
    network = Field("@network", TEXT)
    socket = Field("@socket", TEXT)


class SpiceChannel(View):
    """A <channel> of a SPICE <graphics>: whether it is encrypted."""

    name = Field("@name", TEXT)
    mode = Field("@mode", TEXT)


class Graphics(Device):
    """A <graphics>; ``password`` is a secret and is never shown."""

    tag = "graphics"
    type = Field("@type", TEXT)
    port = Field("@port", INT)
    tls_port = Field("@tlsPort", INT)
    autoport = Field("@autoport", YES_NO)
    websocket = Field("@websocket", INT)
    listen = Field("@listen", TEXT)
    listens = Children("listen", Listen)
    socket = Field("@socket", TEXT)
    keymap = Field("@keymap", TEXT)
    password = Field("@passwd", TEXT)
    password_valid_to = Field("@passwdValidTo", TEXT)
    connected = Field("@connected", TEXT)
    share_policy = Field("@sharePolicy", TEXT)
    power_control = Field("@powerControl", YES_NO)
    audio = Field("audio/@id", NATURAL)
    username = Field("@username", TEXT)
    # spice
    default_mode = Field("@defaultMode", TEXT)
    channels = Children("channel", SpiceChannel)
    image = Field("image/@compression", TEXT)
    jpeg = Field("jpeg/@compression", TEXT)
    zlib = Field("zlib/@compression", TEXT)
    playback = Field("playback/@compression", ON_OFF)
    streaming = Field("streaming/@mode", TEXT)
    copy_paste = Field("clipboard/@copypaste", YES_NO)
    file_transfer = Field("filetransfer/@enable", YES_NO)
    mouse = Field("mouse/@mode", TEXT)
    # spice, sdl, egl-headless, dbus
    gl = Field("gl/@enable", YES_NO)
    render_node = Field("gl/@rendernode", TEXT)
    # sdl
    display = Field("@display", TEXT)
    xauth = Field("@xauth", TEXT)
    fullscreen = Field("@fullscreen", YES_NO)
    # dbus
    p2p = Field("@p2p", YES_NO)
    bus_address = Field("@address", TEXT)


class VideoModel(View):
    """The <model> of <video>."""

    type = Field("@type", TEXT)
    ram = Field("@ram", NATURAL)
    vram = Field("@vram", NATURAL)
    vram64 = Field("@vram64", NATURAL)
    vgamem = Field("@vgamem", NATURAL)
    heads = Field("@heads", NATURAL)
    primary = Field("@primary", YES_NO)
    blob = Field("@blob", ON_OFF)
    edid = Field("@edid", ON_OFF)
    accel3d = Field("acceleration/@accel3d", YES_NO)
    accel2d = Field("acceleration/@accel2d", YES_NO)
    rendernode = Field("acceleration/@rendernode", TEXT)
    width = Field("resolution/@x", NATURAL)
    height = Field("resolution/@y", NATURAL)


class Video(Device):
    """A <video>."""

    tag = "video"
    model = Child("model", VideoModel)
    driver_name = Field("driver/@name", TEXT)
    vgaconf = Field("driver/@vgaconf", TEXT)


class Audio(Device):
    """An <audio> backend."""

    tag = "audio"
    number = Field("@id", NATURAL)
    type = Field("@type", TEXT)
    timer_period = Field("@timerPeriod", NATURAL)
    server = Field("@serverName", TEXT)
    driver = Field("@driver", TEXT)  # of SDL
    runtime_directory = Field("@runtimeDir", TEXT)  # of PipeWire
    path = Field("@path", TEXT)
    try_mmap = Field("@tryMMap", YES_NO)
    exclusive = Field("@exclusive", YES_NO)
    dsp_policy = Field("@dspPolicy", TEXT)
    recording = Opaque("input")
    playing = Opaque("output")
