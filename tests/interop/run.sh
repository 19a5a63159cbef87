#!/bin/sh
# Opens built datasets with the Python libraries that people use.
#
#   tests/interop/run.sh [DIR]
#
# With DIR it checks that dataset, without it the examples of the Go test. A
# virtual environment with the packages of requirements.txt is made once, under
# TAILORBIRD_VENV or the user's cache. TENSORFLOW=1 adds TensorFlow Datasets, which
# is large; without it the TFRecords are read by a few lines of Python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${TAILORBIRD_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/tailorbird/interop}
stamp="$venv/requirements.txt"
if ! cmp -s "$here/requirements.txt" "$stamp"; then
	"${PYTHON:-python3}" -m venv "$venv"
	"$venv/bin/pip" install --quiet -r "$here/requirements.txt"
	cp "$here/requirements.txt" "$stamp"
fi
if [ "${TENSORFLOW:-}" = 1 ] && ! "$venv/bin/python" -c 'import tensorflow_datasets' 2>/dev/null; then
	"$venv/bin/pip" install --quiet tensorflow-cpu==2.21.0 tensorflow-datasets==4.9.10
fi
if [ $# -gt 0 ]; then
	exec "$venv/bin/python" "$here/check.py" "$1"
fi
cd "$here"
TAILORBIRD_PYTHON="$venv/bin/python" exec go test -count=1 -v .
