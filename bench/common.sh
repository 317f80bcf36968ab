# What the measurements over HTTP share: a release build, a large scheme, a running server. Sourced
# from the project's folder. $1: how many worker threads the server has, and to how many processors it
# is bound; without it, the server has the whole machine. BIN: programs that are built already
# (interop/checks/75-bench sees with them that the server starts). SCHEME: the program that makes another scheme.
source interop/common.sh

section "build and data"
if [ -z "${BIN:-}" ]; then
    cargo build --profile bench --locked --quiet -p ctl-server -p ctl-client -p ctl-watch -p ctl-bench
    BIN="$(target_directory)/release"
fi
WORK="$(mktemp -d)"
PROCESSES=()
clean() {
    for process in "${PROCESSES[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$WORK"
}
trap clean EXIT

"$BIN/${SCHEME:-large-scheme}" "$WORK" </dev/null
"$BIN/ctl-server" ledger import --data "$WORK/data" --from "$WORK/export" 2>/dev/null
cat >"$WORK/ctl-server.toml" <<END
data = "data"
[http]
listen = "127.0.0.1:0"
# One address asks more than any honest one does.
reads_per_minute = 4294967295
read_burst = 4294967295
file_reads_per_minute = 4294967295
file_read_burst = 4294967295
writes_per_minute = 4294967295
write_burst = 4294967295
[log]
filter = "warn"
END

binding=()
if [ -n "${1:-}" ]; then
    binding=(env "TOKIO_WORKER_THREADS=$1" taskset --cpu-list "0-$(($1 - 1))")
fi
# served NAME COMMAND...: starts what serves, and waits until it does; PROCESS and URL are its own.
served() {
    local name=$1
    shift
    "$@" >"$WORK/$name.out" 2>"$WORK/$name.log" &
    PROCESS=$!
    PROCESSES+=("$PROCESS")
    until grep -q '^listening on ' "$WORK/$name.out"; do
        kill -0 "$PROCESS" 2>/dev/null || { cat "$WORK/$name.log" >&2; fail "the $name ended"; }
        sleep 0.1
    done
    URL="$(sed -n 's/^listening on //p' "$WORK/$name.out")"
    until curl --silent --fail --output /dev/null "$URL/readyz"; do
        kill -0 "$PROCESS" 2>/dev/null || { cat "$WORK/$name.log" >&2; fail "the $name ended"; }
        sleep 0.1
    done
}
served server "${binding[@]}" "$BIN/ctl-server" serve --config "$WORK/ctl-server.toml"
SERVER=$PROCESS
