# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the bytes of an image are: the <source> of a disk, of a backing image or of a data file.

Source of the rules: libvirt's formatdomain, "Hard drives, floppy disks, CDROMs", the element ``source``.
"""

from __future__ import annotations

from typing import ClassVar

from ...xml.views import NATURAL, TEXT, YES_NO, Child, Children, Field, Flag, Opaque, View
from .device import Address


class SourceHost(View):
    """A <host> of a network source."""

    name = Field("@name", TEXT)
    port = Field("@port", NATURAL)
    transport = Field("@transport", TEXT)
    socket = Field("@socket", TEXT)


class Cookie(View):
    """A <cookie> of an http source."""

    name = Field("@name", TEXT)
    value = Field(".", TEXT)


class SecretUse(View):
    """A <secret>: the value is with the secret driver, under a uuid or a usage."""

    type = Field("@type", TEXT)
    uuid = Field("@uuid", TEXT)
    usage = Field("@usage", TEXT)


class Auth(View):
    """An <auth>: who asks, and the secret that proves it."""

    username = Field("@username", TEXT)
    secret = Child("secret", SecretUse)


class Encryption(View):
    """An <encryption>: the format, who does it (qemu or librbd), and a secret for each layer."""

    format = Field("@format", TEXT)
    engine = Field("@engine", TEXT)
    secrets = Children("secret", SecretUse)
    cipher = Flag("cipher")
    cipher_details = Opaque("cipher")
    ivgen = Opaque("ivgen")


class Slice(View):
    """A <slice>: the part of the storage that holds the image, in bytes."""

    type = Field("@type", TEXT)
    offset = Field("@offset", NATURAL)
    size = Field("@size", NATURAL)


class Reservations(View):
    """The <reservations>: SCSI persistent reservations go through a helper."""

    managed = Field("@managed", YES_NO)
    type = Field("source/@type", TEXT)
    path = Field("source/@path", TEXT)
    mode = Field("source/@mode", TEXT)


class Source(View):
    """A <source>; which fields count depends on the type that stands one element above."""

    index = Field("@index", NATURAL)
    startup_policy = Field("@startupPolicy", TEXT)
    # type='file', 'block', 'dir', 'vhostvdpa' (dev)
    file = Field("@file", TEXT)
    dev = Field("@dev", TEXT)
    dir = Field("@dir", TEXT)
    fd_group = Field("@fdgroup", TEXT)
    # type='network'
    protocol = Field("@protocol", TEXT)
    name = Field("@name", TEXT)
    query = Field("@query", TEXT)
    tls = Field("@tls", YES_NO)
    tls_hostname = Field("@tlsHostname", TEXT)
    hosts = Children("host", SourceHost)
    snapshot = Field("snapshot/@name", TEXT)
    config = Field("config/@file", TEXT)
    initiator = Field("initiator/iqn/@name", TEXT)
    ssl_verify = Field("ssl/@verify", YES_NO)
    cookies = Children("cookies/cookie", Cookie)
    readahead = Field("readahead/@size", NATURAL)
    timeout = Field("timeout/@seconds", NATURAL)
    identity_user = Field("identity/@user", TEXT)
    identity_group = Field("identity/@group", TEXT)
    identity_username = Field("identity/@username", TEXT)
    identity_keyfile = Field("identity/@keyfile", TEXT)
    identity_agent = Field("identity/@agentsock", TEXT)
    known_hosts = Field("knownHosts/@path", TEXT)
    # type='volume'
    pool = Field("@pool", TEXT)
    volume = Field("@volume", TEXT)
    mode = Field("@mode", TEXT)
    # type='nvme' (type='pci') and 'vhostuser' (type='unix')
    type = Field("@type", TEXT)
    managed = Field("@managed", YES_NO)
    namespace = Field("@namespace", NATURAL)
    address = Child("address", Address)
    path = Field("@path", TEXT)
    reconnect = Field("reconnect/@enabled", YES_NO)
    reconnect_timeout = Field("reconnect/@timeout", NATURAL)
    # all
    auth = Child("auth", Auth)
    encryption = Child("encryption", Encryption)
    slices = Children("slices/slice", Slice)
    reservations = Child("reservations", Reservations)
    data_store: ClassVar[Child[DataStore]]  # set below: views that hold each other
    seclabels = Opaque("seclabel")
    private = Opaque("privateData")


class BackingStore(View):
    """A <backingStore>: the image below; without a type it says that there is none."""

    type = Field("@type", TEXT)
    index = Field("@index", NATURAL)
    format = Field("format/@type", TEXT)
    cache_size = Field("format/metadata_cache/max_size", NATURAL)
    cache_size_unit = Field("format/metadata_cache/max_size/@unit", TEXT)
    source = Child("source", Source)
    backing: ClassVar[Child[BackingStore]]  # set below: a view that holds itself


class DataStore(View):
    """A <dataStore>: where a qcow2 image keeps the guest's data outside of itself."""

    type = Field("@type", TEXT)
    index = Field("@index", NATURAL)
    format = Field("format/@type", TEXT)
    source = Child("source", Source)


BackingStore.backing = Child("backingStore", BackingStore)
Source.data_store = Child("dataStore", DataStore)
