#!/bin/sh
# Makes or renews .venv from requirements.lock; touches nothing outside it.
#
# Survives a Python without ensurepip (Debian's without python3-venv), a Python marked as externally managed, a
# missing HOME, root, and a package index that is configured for pip alone: so pip, not uv, does the installing.
set -eu
cd "$(dirname "$0")/.."

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
        "$python" -m pip --python .venv/bin/python install --quiet pip
        return
    fi
    echo "No Python 3.11 or newer with venv and either ensurepip or pip was found (looked for: ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3})." >&2
    echo "Install one (Debian: python3-venv), or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

if ! { suits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    make_venv
fi
echo "Installing into .venv ($(.venv/bin/python -V)) ..."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
.venv/bin/python -m pip install --no-deps --require-hashes -r requirements.lock
# The build back end is in the lock already: nothing more is downloaded.
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
