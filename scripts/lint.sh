#!/bin/sh
# Everything the gate checks besides the tests; all of it runs, and any failure fails.
set -u
PATH=$PWD/.venv/bin:$PATH
export PATH
failed=
check() {
    echo "== $*"
    "$@" || failed="$failed${failed:+, }$1 ${2-}"
}
check ruff check src tests scripts
check ruff format --check src tests scripts
check mypy
check lint-imports
if [ -f ui/package.json ]; then
    [ -d ui/node_modules ] || npm ci --prefix ui --no-audit --no-fund --loglevel=error
    check npm run --silent --prefix ui check
fi
[ -z "$failed" ] || { echo "lint failed: $failed"; exit 1; }
echo "lint passed"
