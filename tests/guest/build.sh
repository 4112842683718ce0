#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the test guest from the distribution's own packages, see README.md.
#
#     tests/guest/build.sh [--force] [DIR]        DIR is .cache/guest under the checkout root unless given
#
# Nothing is installed on this machine, and nobody has to be root. A second run does nothing: the result is kept until
# one of the files of this folder, or the release of the distribution, changes. A newer kernel in the archive alone is
# no reason to build again (the tests of today should run what the tests of yesterday ran); --force takes it.
#
# Host programs:
#     apt-get apt-cache    apt
#     dpkg-deb             dpkg
#     python3              python3
#     sha256sum            coreutils
#     zstd                 zstd         where the kernel is packed so (Ubuntu, Debian 13)
#     lz4                  lz4          where the kernel is packed so (Ubuntu before 24.04)

set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
architecture=amd64

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

note() {
    echo "test guest: $*" >&2
}

# --- is there anything to do? -------------------------------------------------------------------------------------

inputs_key() {
    {
        cat /etc/os-release
        cd "$here"
        find build.sh pack.py root -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d' ' -f1
}

is_current() {
    [[ -s $out/vmlinuz && -s $out/initrd.img && -r $out/manifest ]] && grep -qx "key: $key" "$out/manifest"
}

# --- packages -----------------------------------------------------------------------------------------------------

need() {
    command -v "$1" >/dev/null || fail "$1 is missing: install the package '${2:-$1}'"
}

# apt with the package lists of this machine, or with lists of our own where it has none or they are too old. Its cache
# is ours in both cases: containers often have none, and apt would read all lists again each time.
own_lists=()

use_own_lists() {
    note 'fetching package lists'
    mkdir -p "$work/apt/lists/partial"
    own_lists=(-o "Dir::State::lists=$work/apt/lists")
    rm -f "$work"/apt/cache/*.bin
    as_apt apt-get update >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2 && fail 'apt-get update failed'; }
}

as_apt() {
    LC_ALL=C "$1" -qq "${own_lists[@]}" -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
        -o "Dir::Cache=$work/apt/cache" -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin \
        "${@:2}"
}

has_package() {
    [[ $(as_apt apt-cache show --no-all-versions "$1:$architecture" 2>/dev/null) == *Version:* ]]
}

download() {
    (cd "$work/packages" && as_apt apt-get download "${@/%/:$architecture}") >"$work/log" 2>&1
}

fetch() {
    download "$@" && return
    ((${#own_lists[@]})) || { use_own_lists && download "$@" && return; }
    tail -n 5 "$work/log" >&2
    fail "cannot download: $*"
}

# What a package depends on, one name a line, without alternatives that no package carries.
dependencies() {
    as_apt apt-cache depends --no-pre-depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$1:$architecture" | sed -nE 's/^[ |]*Depends: ([a-z0-9][a-z0-9.+-]*).*/\1/p'
}

# The kernel of the distribution that has all drivers: the ones made for clouds have no AHCI and no USB.
choose_kernel() {
    local meta
    for meta in linux-image-amd64 linux-image-generic linux-image-virtual; do
        has_package "$meta" || continue
        dependencies "$meta" | grep -E '^linux-(image|modules|modules-extra)-[0-9]' || continue
        return
    done
    fail 'the package lists name no kernel (linux-image-amd64, linux-image-generic)'
}

kernel_packages() {
    local image
    image=$(choose_kernel | grep -m1 '^linux-image-')
    echo "$image"
    # Ubuntu keeps the modules apart.
    local release=${image#linux-image-}
    local name
    for name in "linux-modules-$release" "linux-modules-extra-$release"; do
        ! has_package "$name" || echo "$name"
    done
}

unpack() {
    local file
    for file in "$work"/packages/*.deb; do
        dpkg-deb -x "$file" "$work/tree"
        dpkg-deb -f "$file" Package Version | awk '{ print $2 }' | paste -sd' ' >>"$work/versions"
        rm "$file"
    done
}

# The programs' libraries, from the packages that they depend on, as deep as it takes.
fetch_libraries() {
    local wave=(qemu-guest-agent isc-dhcp-client) next missing package
    for _ in 1 2 3 4 5; do
        missing=$(python3 "$here/pack.py" --tree "$work/tree" --missing-libraries)
        [[ -n $missing ]] || return 0
        mapfile -t next < <(for package in "${wave[@]}"; do dependencies "$package"; done |
            grep -E '^lib' | LC_ALL=C sort -u | grep -vxF -f <(cut -d' ' -f1 "$work/versions"))
        ((${#next[@]})) || break
        fetch "${next[@]}"
        unpack
        wave=("${next[@]}")
    done
    fail "no package brings the libraries of the guest's programs: $missing"
}

# --- the build ----------------------------------------------------------------------------------------------------

build() {
    local packages
    mkdir -p "$work/packages" "$work/tree" "$work/out" "$work/apt/cache/archives/partial"
    : >"$work/versions"
    has_package busybox-static || use_own_lists
    mapfile -t packages < <(kernel_packages)
    ((${#packages[@]})) || exit 1
    note "fetching ${packages[*]} busybox-static qemu-guest-agent isc-dhcp-client"
    fetch "${packages[@]}" busybox-static qemu-guest-agent isc-dhcp-client
    unpack
    fetch_libraries
    python3 "$here/pack.py" --tree "$work/tree" --root "$here/root" --out "$work/out" >"$work/out/manifest"
    LC_ALL=C sort "$work/versions" | sed 's/^/package: /' >>"$work/out/manifest"
    echo "key: $key" >>"$work/out/manifest"
}

# The manifest goes first and comes last: without it, nothing counts as built.
publish() {
    local name
    mkdir -p "$out"
    rm -rf "$out/manifest" "$out/modules"
    for name in vmlinuz bzImage initrd.img modules manifest; do
        mv -f "$work/out/$name" "$out/$name"
    done
}

main() {
    local force=
    [[ ${1:-} != --force ]] || { force=1 && shift; }
    out=${1:-$here/../../.cache/guest}
    key=$(inputs_key)
    [[ -n $force ]] || ! is_current || return 0
    need apt-get apt
    need apt-cache apt
    need dpkg-deb dpkg
    need python3
    mkdir -p "$out"
    out=$(cd -- "$out" && pwd)
    # What builds that were killed have left.
    find "$out" -maxdepth 1 -name '.build.*' -mmin +60 -exec rm -rf {} +
    # Beside the result, so that moving it there is one rename.
    work=$(mktemp -d "$out/.build.XXXXXX")
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    build
    publish
    note "built in $out"
}

main "$@"
