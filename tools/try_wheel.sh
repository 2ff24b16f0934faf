#!/bin/sh
# Installs dist/ as a user would, into an empty environment, and runs a job in an empty folder: made by "make dist".
set -eu
cd "$(dirname "$0")/.."
dist=$PWD/dist
pip="$PWD/.venv/bin/python -m pip --disable-pip-version-check --no-input"
place=$(mktemp -d)
chmod 755 "$place" # started by root, PostgreSQL is another user
up=
tidy() {
    [ -z "$up" ] || { kill -INT "$up" 2>/dev/null && wait "$up" || true; }
    rm -rf "$place"
}
trap tidy EXIT
trap 'exit 1' INT TERM

echo "Installing the release into an empty environment ..."
.venv/bin/python -m venv --without-pip "$place/environment"
$pip --python "$place/environment/bin/python" install -qq --progress-bar off \
    --constraint "$dist/constraints.txt" "$(echo "$dist"/milepost-*.whl)[images,llm]"
$pip --python "$place/environment/bin/python" check
milepost=$place/environment/bin/milepost

echo "Starting it in an empty folder ..."
mkdir "$place/folder" "$place/home"
cd "$place/folder"
export HOME="$place/home"
"$milepost" up --port 0 >"$place/up.log" 2>&1 &
up=$!
tries=0
until grep -q "Ctrl-C stops everything" "$place/up.log"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 120 ] || ! kill -0 "$up" 2>/dev/null; then
        cat "$place/up.log" >&2
        exit 1
    fi
    sleep 1
done
"$milepost" submit execution "From a wheel. It rolls." --wait
"$milepost" submit image "A robot made of wood" --title Rolling --character-name Roller --attribute star \
    --rarity rare --background-color teal --wait
"$milepost" verify
kill -INT "$up"
wait "$up"
up=
echo "The release works."
