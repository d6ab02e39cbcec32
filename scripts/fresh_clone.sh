#!/usr/bin/env bash
# Keep the fresh-machine promise honest: clone HEAD into an empty directory, `make up`, ask, stop.
#
#   scripts/fresh_clone.sh          install with a cold cache, serve on a free port, check an answer
#   scripts/fresh_clone.sh --test   and then `make test`
#
# Where pyenv has a Python 3.11, `python3` is that one and pyenv's shims are not in the PATH: then
# nothing but the Makefile finds 3.12. Otherwise the PATH stays as it is. Nothing outside of the
# temporary directory is written; it is removed at the end.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; wait "$server"; fi || true
      rm -rf "$place"' EXIT

say() { printf '%6ss  %s\n' "$SECONDS" "$*"; }

pyenv_root=${PYENV_ROOT:-$HOME/.pyenv}
old=$(find "$pyenv_root"/versions/3.11.*/bin/python3.11 2>/dev/null | head -1 || true)
if [ -n "$old" ]; then
    mkdir "$place/bin"
    ln -s "$old" "$place/bin/python3"
    others=$(tr ':' '\n' <<<"$PATH" | grep -vE '/pyenv|/\.pyenv|/\.venv/' | paste -sd: -)
    export PATH="$place/bin:$others"
fi
unset GEMINI_API_KEY SILICONFLOW_API_KEY PORTICO_CONFIG VIRTUAL_ENV PYENV_VERSION
export PIP_NO_CACHE_DIR=1 PORTICO_HOME="$place/home"
say "python3 is $(python3 --version 2>&1 || echo missing)," \
    "python3.12 is $(command -v python3.12 || echo 'not in the PATH')"

git clone --quiet "$repository" "$place/portico"
cd "$place/portico"
say "cloned $(git rev-parse --short HEAD)"

make install
say "installed"

port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
make up ARGS="--port $port" >"$place/log" 2>&1 &
server=$!
until curl --noproxy '*' -sf "http://127.0.0.1:$port/healthz" >/dev/null; do
    kill -0 "$server" 2>/dev/null || { cat "$place/log"; exit 1; }
    sleep 0.1
done
say "serving on port $port"

answer=$(curl --noproxy '*' -sS -i "http://127.0.0.1:$port/v1/chat/completions" \
    -d '{"model": "auto", "messages": [{"role": "user", "content": "Refactor this function"}]}')
grep -qi '^x-portico-target: deepseek-v3' <<<"$answer" || { echo "$answer"; exit 1; }
grep -qi '^x-portico-simulated: true' <<<"$answer" || { echo "$answer"; exit 1; }
say "deepseek-v3 answered, and said that it is simulated"

if [ "${1:-}" = --test ]; then
    make test
    say "make test passed"
fi
