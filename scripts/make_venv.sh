#!/usr/bin/env bash
# Makes the virtual environment that `make` works in: make_venv.sh PYTHON FOLDER EXTRAS
# pip takes packages from whatever index this machine is configured for.
set -euo pipefail
python=$1 folder=$2 extras=$3

fail() { printf 'cannot make %s: %s\n' "$folder" "$1" >&2; exit 3; }

command -v "$python" >/dev/null ||
    fail "there is no $python on the PATH; install Python 3.10 to 3.13, or name one: make PYTHON=python3.12"
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' ||
    fail "$python is $("$python" -V 2>&1), expected 3.10 to 3.13; name another: make PYTHON=python3.12"

if [ ! -x "$folder/bin/python" ]; then
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$folder"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        # Debian splits ensurepip from Python; the pip outside can fill the environment as well.
        "$python" -m venv --without-pip "$folder"
        "$python" -m pip --python "$folder/bin/python" install --quiet pip
    else
        fail "$python has neither ensurepip nor pip; on Debian and Ubuntu run: apt-get install python3-venv"
    fi
fi

printf 'installing skinseg-edge[%s] into %s (the first time takes some minutes) ...\n' "$extras" "$folder" >&2
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
