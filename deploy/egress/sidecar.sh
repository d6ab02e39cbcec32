#!/bin/sh
# Close this network namespace, then become the tunnel's engine: without its rules it never starts.
#
#   sidecar.sh FOLDER PROGRAM ARGUMENT...     FOLDER holds sidecar.nft and exits.nft
#
# With PORTICO_COUNTERS=FILE in the environment, what the rules hold back is written there every
# PORTICO_COUNT_EVERY (15) seconds, for the gateway's `boundary.counters`. The folder of FILE belongs
# to user 10100, who counts: an engine that was taken over can neither write there nor stop him.
#
# Starts as root with CAP_NET_ADMIN, CAP_SETPCAP, CAP_SETUID and CAP_SETGID; the engine has no
# capability at all, and cannot open again what was closed.
set -eu
folder=$1
shift
nft -I "$folder" -f "$folder/sidecar.nft"
nft list chain inet portico_egress out | grep -q 'policy drop' || {
    echo "sidecar: the firewall did not load, and no engine starts without it" >&2
    exit 1
}
if [ -n "${PORTICO_COUNTERS:-}" ]; then
    # As long as there is the engine, which will have this process id. A listing that fails leaves
    # the old file, which tells its age.
    setpriv --reuid 10100 --regid 10100 --clear-groups --no-new-privs \
        --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin -- \
        sh -c 'while [ -e "/proc/$3" ]; do
            nft -j list counters >"$1.new" && mv "$1.new" "$1"
            sleep "$2"
        done' counting "$PORTICO_COUNTERS" "${PORTICO_COUNT_EVERY:-15}" $$ &
fi
exec setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all -- "$@"
