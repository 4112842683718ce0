#!/bin/sh
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs a command on a host of its own: a mount namespace in which the system's directories can be written without a
# trace on the real ones, and the checkout is seen at a path with a space in it.
#
#   unshare --mount private_host.sh CHECKOUT root|nobody COMMAND [ARGUMENT...]
#
# The command runs in the checkout, as root or as the user nobody with a home of his own, in which he keeps his copy of
# our code. Guests that it leaves are ended.

set -eu
checkout=$1 user=$2
shift 2

base=$(mktemp -d)
mount -t tmpfs -o mode=755 none "$base"
mkdir "$base/a checkout" "$base/home" "$base/etc" "$base/upper" "$base/work"
mount --bind "$checkout" "$base/a checkout"
mount -t overlay -o "lowerdir=/etc,upperdir=$base/upper,workdir=$base/work" overlay /etc
for directory in /run /var/lib/corral /var/log/corral /var/cache/corral; do
    [ -d "$directory" ] || continue
    mount -t tmpfs -o mode=755 none "$directory"
done
for parent in /var/lib /var/log /var/cache; do
    mkdir "$base/upper-$(basename "$parent")" "$base/work-$(basename "$parent")"
    mount -t overlay -o "lowerdir=$parent,upperdir=$base/upper-$(basename "$parent"),workdir=$base/work-$(basename "$parent")" \
        overlay "$parent"
done

# Ends every QEMU that a status file of ours names, if it still is one of this checkout's guests.
end_guests() {
    find /run "$base/home" -path '*corral*/domains/*.json' 2>/dev/null | while IFS= read -r status; do
        pid=$(sed -n 's/.*"pid": \([0-9][0-9]*\).*/\1/p' "$status")
        if [ -n "$pid" ] && [ "$pid" != 0 ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q charevents; then
            kill -9 "$pid"
        fi
    done
}
trap 'end_guests; cd /; rmdir "$base" 2>/dev/null || true' EXIT

cd "$base/a checkout"
if [ "$user" = root ]; then
    HOME=$base/home "$@"
else
    chown nobody "$base/home"
    setpriv --reuid "$(id -u nobody)" --regid "$(id -g nobody)" --clear-groups \
        env -u CORRAL_VIRT_RUNTIME HOME="$base/home" XDG_CACHE_HOME="$base/home/.cache" USER=nobody XDG_RUNTIME_DIR= "$@"
fi
