#!/bin/sh
# Makes or renews .venv from the locks; touches nothing outside it.
#   make_environment.sh          what Milepost runs with, and Milepost itself
#   make_environment.sh tools    what the tests and checks need beside it
#
# The locks are complete, so nothing is resolved: what an index serves today decides nothing.
# Survives a Python without ensurepip (Debian's without python3-venv), a Python marked as externally managed, a
# missing HOME, root, and a package index that is configured for pip alone: so pip, not uv, does the installing.
set -eu
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
PIP=".venv/bin/python -m pip"

suits() { # runs, is new enough, can make environments
    "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

has() { # has NAME...: the first suitable Python that can import all modules
    modules=$1
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        if suits "$candidate" && "$candidate" -c "import $modules" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    rm -rf .venv
    if python=$(has ensurepip) && "$python" -m venv .venv >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv # a half-made one, from a Python whose ensurepip is there but does not work
    if python=$(has pip); then
        "$python" -m venv --without-pip .venv
        PIP="$python -m pip --python .venv/bin/python" # from now on the locked one
        return
    fi
    echo "No Python 3.11 or newer with venv and either ensurepip or pip was found (looked for: ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3})." >&2
    echo "Install one (Debian: python3-venv), or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

pip() { # on a terminal pip shows its own progress
    if [ -t 1 ]; then
        $PIP "$@"
    else
        $PIP "$@" --quiet --quiet --progress-bar off # errors are still told
    fi
}

install() { # install LOCK WHAT
    echo "Installing $2: $(grep -c '^[a-z].*==' "$1") packages of $1 into .venv ..."
    pip install --no-deps --require-hashes --requirement "$1"
}

if ! { suits .venv/bin/python && $PIP --version >/dev/null 2>&1; }; then
    make_venv
    echo "Made .venv ($(.venv/bin/python -V))."
fi
if [ "${1:-}" = tools ]; then
    install requirements-dev.lock "what tests and checks need"
else
    install requirements.lock "what Milepost runs with"
    PIP=".venv/bin/python -m pip"
    echo "Installing milepost itself ..."
    pip install --no-deps --no-index --no-build-isolation --editable . # its build back end is in the lock
fi
found=$($PIP check) || { echo "$found" >&2; exit 1; }
