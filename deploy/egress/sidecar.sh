#!/bin/sh
# Close this network namespace, then become the tunnel's engine: without its rules it never starts.
#
#   sidecar.sh FOLDER PROGRAM ARGUMENT...     FOLDER holds sidecar.nft and exits.nft
#
# Starts as root with CAP_NET_ADMIN and CAP_SETPCAP; the engine has no capability at all, and
# cannot open again what was closed.
set -eu
folder=$1
shift
nft -I "$folder" -f "$folder/sidecar.nft"
nft list chain inet portico_egress out | grep -q 'policy drop' || {
    echo "sidecar: the firewall did not load, and no engine starts without it" >&2
    exit 1
}
exec setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all -- "$@"
