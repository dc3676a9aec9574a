#!/bin/sh
# Pin everything that is installed, with hashes: run it when pyproject.toml changes.
set -eu
cd "$(dirname -- "$0")/.."
uv=${UV:-.venv/bin/uv}
lock() {
    output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command "scripts/lock.sh" --output-file "$output" "$@"
}
lock requirements.lock pyproject.toml requirements/setup.in
lock requirements/dev.lock pyproject.toml requirements/setup.in --extra test --extra lint --constraint requirements.lock
lock requirements/uv.lock requirements/uv.in
lock requirements/data.lock requirements/data.in --no-deps
lock requirements/schemas.lock requirements/schemas.in --no-deps
lock requirements/node.lock requirements/node.in
