# Functions of the launcher; $here is the root of the repository.
venv=$here/.venv
python=$venv/bin/python
static=$here/src/clapas/web/static
packages="chromium mosquitto mosquitto-clients slapd"
programs="chromium mosquitto mosquitto_pub slapd"

say() { printf '%s\n' "clapas: $*" >&2; }
stop() {
    say "$*"
    exit 3
}

# --- certificates --------------------------------------------------------------------------------------------

# A territory behind a proxy of its own adds that proxy's authority to the machine: pip, uv and npm each trust a list of
# their own unless told.
trust_the_machine() {
    bundle=/etc/ssl/certs/ca-certificates.crt
    [ -r "$bundle" ] || return 0
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS-1}"
    export PIP_CERT="${PIP_CERT-$bundle}"
    export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS-$bundle}"
}

# --- Debian packages -----------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

install_packages() { # package…
    command -v apt-get >/dev/null || return 1
    say "installing the Debian packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 && return
    as_root apt-get update -qq >&2 || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

setup_test_programs() {
    missing=
    for program in $programs; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || missing="$missing $program"
    done
    [ -z "$missing" ] && return
    # shellcheck disable=SC2086
    install_packages $packages && return
    say "the tests need these programs, which are missing:$missing"
    stop "type: sudo apt-get install $packages"
}

# --- Python --------------------------------------------------------------------------------------------------

find_python() {
    for candidate in ${CLAPAS_PYTHON-} python3.13 python3.12 python3.11 python3; do
        command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
        printf '%s' "$candidate"
        return
    done
    stop "Python 3.11, 3.12 or 3.13 is needed; type: sudo apt-get install python3 python3-venv"
}

make_venv() {
    [ -x "$python" ] && "$python" -c '' 2>/dev/null && return
    base=$(find_python)
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$base" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        install_packages "$version" || stop "Python's venv is missing; type: sudo apt-get install $version"
    fi
    say "making the virtual environment $venv"
    rm -rf "$venv"
    "$base" -m venv "$venv"
}

stamp_of() { cat "$@" "$here/pyproject.toml" | cksum | tr ' ' '-'; }

install_locked() { # name, megabytes to download, lock…
    name=$1
    megabytes=$2
    shift 2
    stamp=$venv/.installed-$name-$(stamp_of "$@")
    [ -e "$stamp" ] && return
    make_venv
    say "downloading and installing Python packages ($name, up to $megabytes MB; they are kept in $venv)"
    if [ ! -x "$venv/bin/uv" ]; then
        "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements/uv.lock"
    fi
    locks=
    for lock in "$@"; do locks="$locks -r $lock"; done
    # shellcheck disable=SC2086
    run_uv --require-hashes $locks
    touch "$stamp"
}

run_uv() {
    index=$("$python" -m pip config get global.index-url 2>/dev/null || true)
    [ -n "$index" ] && UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX-$index} && export UV_DEFAULT_INDEX
    UV_LINK_MODE=${UV_LINK_MODE-copy} "$venv/bin/uv" pip install --quiet --no-deps --no-progress --python "$python" "$@"
}

setup_runtime() {
    cd "$here"
    install_locked platform 560 requirements.lock requirements/data.lock
    install_self
    cd "$OLDPWD"
}

setup_dev() {
    setup_runtime
    cd "$here"
    install_locked tests 150 requirements/dev.lock requirements/schemas.lock
    cd "$OLDPWD"
}

install_self() {
    [ -x "$venv/bin/clapas" ] && return
    run_uv --no-build-isolation --editable "$here"
}

# --- the web page --------------------------------------------------------------------------------------------

setup_page() {
    [ -f "$here/ui/package.json" ] || return 0
    if [ -f "$static/index.html" ]; then
        newer=$(find "$here/ui" -name node_modules -prune -o -type f -newer "$static/index.html" -print | head -n 1)
        [ -z "$newer" ] && return
    fi
    node_path
    say "building the web page (npm downloads up to 150 MB)"
    cd "$here/ui"
    npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >&2
    npm run --silent build -- --logLevel error >&2
    touch "$static/index.html"
    cd "$OLDPWD"
}

node_path() {
    if command -v npm >/dev/null && node -e 'process.exit(+(+process.versions.node.split(".")[0] < 20))' 2>/dev/null; then
        return
    fi
    cd "$here"
    install_locked node 60 requirements/node.lock
    cd "$OLDPWD"
    PATH=$venv/bin:$PATH
    export PATH
}
