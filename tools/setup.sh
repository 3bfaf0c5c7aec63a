#!/bin/sh
# Sets up .venv for one purpose and does nothing if that was done before with the same lock:
#
#     tools/setup.sh base    all that `picozoo run` needs: no PyTorch
#     tools/setup.sh dev     base, the tests' and checks' tools, and PyTorch
#
# PYTHON=... chooses the interpreter, VENV=... another folder. Uses nothing but pip, with whatever index it is set to use.
set -eu
purpose=${1:-base}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${VENV:-.venv}
lock=requirements/$purpose.txt
[ -f "$lock" ] || { echo "setup: the purpose must be base or dev, got '$purpose'" >&2; exit 2; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "setup: picozoo needs Python 3.11 or newer and found none; on Debian or Ubuntu run" \
        "'apt install python3 python3-venv', or say where it is: make PYTHON=/path/to/python3 ..." >&2
    exit 1
}

make_venv() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "setup: $python cannot make virtual environments; on Debian or Ubuntu run 'apt install python3-venv'" >&2
        exit 1
    fi
    echo "setup: a virtual environment in $venv with $("$python" --version 2>&1)"
    "$python" -m venv --clear "$venv"
}

# What was installed is known by its lock and by the package's own declaration, not by dates.
key() { cat requirements/base.txt "$lock" pyproject.toml | "$venv/bin/python" -c '
import hashlib, sys
print(hashlib.sha256(sys.stdin.buffer.read() + sys.prefix.encode() + sys.version.encode()).hexdigest())'; }

fits "$venv/bin/python" || make_venv
stamp=$venv/picozoo-$purpose.stamp
wanted=$(key)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi
rm -f "$stamp"
echo "setup: installing $lock (once; $([ "$purpose" = dev ] && echo "PyTorch included, a few minutes" || echo "about 20 seconds from a warm pip cache"))"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
printf '%s\n' "$wanted" >"$stamp.new"
mv "$stamp.new" "$stamp"
