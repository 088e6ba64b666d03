# Sourced by the other scripts: makes .venv in the checkout and puts there what the lock file $1 names, once for each
# state of the lock. Sets $root and $bin.

fail() {
    printf 'mailtop: %s\n' "$1" >&2
    exit 1
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null; then
            python=$name
            return
        fi
    done
    fail "Python 3.11 to 3.14 is needed and none of them was found; install one (Debian: apt-get install python3 python3-venv)"
}

make_venv() {
    find_python
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python lacks its venv module; install it (Debian and Ubuntu: apt-get install python3-venv) and start this again"
    [ -w "$root" ] || fail "$root cannot be written to, and .venv must be made there once; clone it where you may write"
    printf 'mailtop: setting up %s (once, takes a minute) ...\n' "$root/.venv" >&2
    told=$("$python" -m venv --clear "$root/.venv" 2>&1) || fail "$root/.venv cannot be made: $(told_by "$told")"
}

install_from() {
    told=$("$bin/python" -m pip install -qq --require-hashes -r "$root/$1" $pip_options 2>&1) &&
        told=$("$bin/python" -m pip install -qq --no-deps --no-build-isolation -e "$root" $pip_options 2>&1) ||
        case $told in
        *ConnectionError* | *ConnectTimeout* | *ProxyError* | *SSLError*)
            fail "no package index can be reached, so what $1 names cannot be installed: $(told_by "$told")"
            ;;
        *) fail "what $1 names cannot be installed: $(told_by "$told")" ;;
        esac
}

# What pip or venv said, in one line: its first error, else its last word.
told_by() {
    error=$(printf '%s\n' "$1" | sed -n 's/^ERROR: //p' | head -n 1)
    printf '%s\n' "${error:-$(printf '%s\n' "$1" | sed -n '/[^ ]/h;${x;p;}')}"
}

# The state that an installation belongs to: the lock, what is built from it, and where the checkout stands.
state_of() {
    { printf '%s\n' "$root"; cat "$root/$1" "$root/pyproject.toml"; } | cksum
}

set_up() {
    # what is installed from the development lock holds all of the other one
    for lock in "$1" requirements-dev.lock; do
        stamp=$root/.venv/installed-$lock
        if [ -x "$bin/mailtop" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(state_of "$lock")" ]; then
            return
        fi
    done
    make_venv
    install_from "$1"
    state_of "$1" >"$root/.venv/installed-$1"
}

pip_options='--disable-pip-version-check --no-input'
root=$(dirname -- "$(readlink -f -- "$0")") && root=$(CDPATH='' cd -- "$root/.." && pwd -P) ||
    fail "the folder of this checkout cannot be found"
bin=$root/.venv/bin
