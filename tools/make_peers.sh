#!/bin/sh
# Makes or renews .venv-peers, where benchmarks/peers runs other job queues; nothing else uses it.
#
# The newest Python that is there, for their sake; some need 3.12 and are left out below that.
set -eu
cd "$(dirname "$0")/.."

LOCK=benchmarks/peers/requirements.txt
DONE=.venv-peers/.installed

suits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -e "$DONE" ] && [ "$DONE" -nt "$LOCK" ]; then
    exit 0
fi
apart=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[234].*/bin/python 2>/dev/null | sort -r || true)
for python in ${PYTHON:-python3.14 python3.13 python3.12 $apart python3.11 python3} .venv/bin/python; do
    if suits "$python"; then
        rm -rf .venv-peers
        "$python" -m venv .venv-peers && break
    fi
done
echo "Installing other job queues into .venv-peers ($(.venv-peers/bin/python -V)) ..."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
.venv-peers/bin/python -m pip install -qq --no-deps --require-hashes -r "$LOCK"
.venv-peers/bin/python -m pip check
touch "$DONE"
