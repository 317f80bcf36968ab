# What the shell scripts here share. Sourced, not run.

section() { printf '\n-- %s (%s s)\n' "$*" "$SECONDS"; }
ok() { printf 'ok  %s\n' "$*"; }
fail() {
    printf 'FAILED  %s\n' "$*" >&2
    exit 1
}

# install PACKAGE...: installs Debian packages; one at a time, since checks run beside each other.
install() {
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    (
        flock 8
        if [ ! -e "${SCRATCH:-/nowhere}/apt-updated" ]; then
            $sudo apt-get update -qq
            [ -z "${SCRATCH:-}" ] || touch "$SCRATCH/apt-updated"
        fi
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    ) 8>"${TMPDIR:-/tmp}/ctl-interop-install.lock"
}

# need COMMAND PACKAGE: installs the package if there is no such command.
need() {
    command -v "$1" >/dev/null && return
    install "$2"
    hash -r
    command -v "$1" >/dev/null || fail "$2 is installed, and there is still no $1"
}

# Where cargo puts what it builds.
target_directory() {
    cargo metadata --format-version 1 --no-deps --offline | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# The SHA-256 of every certificate in PEM files, one a line, sorted.
fingerprints() {
    cat "$@" | awk '/-----BEGIN CERTIFICATE-----/ { pem = "" } { pem = pem $0 "\n" }
        /-----END CERTIFICATE-----/ { printf "%s", pem | "openssl x509 -noout -fingerprint -sha256"
                                      close("openssl x509 -noout -fingerprint -sha256") }' |
        sed 's/.*=//; s/://g' | tr 'A-F' 'a-f' | sort
}
