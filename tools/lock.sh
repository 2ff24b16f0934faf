#!/bin/sh
# Renews requirements.lock (what Milepost runs and is built with) and requirements-dev.lock (the rest).
# What is locked stays at its version, unless an argument of uv's says otherwise: lock.sh --upgrade
set -eu
cd "$(dirname "$0")/.."

compile() { # compile TITLE FILE ARGUMENT...
    title=$1 file=$2
    shift 2
    cp "$file" "$file.new"
    .venv/bin/uv pip compile pyproject.toml --all-extras --group build --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
        --output-file "$file.new" "$@"
    { echo "# $title, each with its hashes; renewed by \"make lock\"."; cat "$file.new"; } >"$file"
    rm "$file.new"
}

compile "What Milepost runs and is built with" requirements.lock "$@"
# shellcheck disable=SC2046 # a word each: what the first lock holds stands there alone
compile "What the tests and checks need beside requirements.lock" requirements-dev.lock --group dev \
    --constraint requirements.lock $(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u) "$@"
