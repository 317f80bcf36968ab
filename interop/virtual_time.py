"""Time that passes when somebody asks. Programs that are not ours live in it by libfaketime, which reads the time from
a file; the file is moved on by a gate that nginx asks before it answers (`auth_request`). So time never jumps while
somebody makes an answer, however slow the machine is.

Those who probe go in step: who begins another round waits at the gate until all have, and then a period has passed.
They looked at the clock before, so for them all services' clocks are a period ahead."""

import atexit
import threading
from datetime import timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import background, fail, needs_package, run

# Seconds for which one waits for the others.
PATIENCE = 60


def library():
    """Debian's libfaketime."""
    needs_package("libfaketime")
    for file in run("dpkg", "-L", "libfaketime").stdout.split():
        if file.endswith("/libfaketime.so.1"):
            return file
    return fail("there is no libfaketime.so.1 in its package")


class Clock:
    """The time, the same for every program that is started with this environment."""

    def __init__(self, file, begin):
        self.file = Path(file)
        self.library = library()
        self.set(begin)
        self.programs = []
        atexit.register(self.clean)

    def set(self, now):
        self.now = now
        following = self.file.with_suffix(".next")
        following.write_text(now.strftime("%Y-%m-%d %H:%M:%S\n"))
        # In one step: it is read all the time.
        following.replace(self.file)

    def environment(self):
        """What lets a program live by this clock. Only the time of day is told: who measures how long something takes
        measures the machine. Files keep their times."""
        return {"LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "TZ": "UTC"}

    def background(self, *command, log):
        """Starts a program by this clock that is stopped at the end."""
        program = background(*command, log=log)
        self.programs.append(program)
        return program

    def clean(self):
        """What libfaketime leaves behind of programs that were stopped."""
        for program in self.programs:
            for name in ("faketime_shm_", "sem.faketime_sem_"):
                Path(f"/dev/shm/{name}{program.pid}").unlink(missing_ok=True)

    def unix(self):
        return self.now.replace(tzinfo=timezone.utc).timestamp()


class Gate:
    """Lets requests through, and time pass."""

    def __init__(self, clock):
        self.clock = clock
        self.changed = threading.Condition()
        self.stage({})
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                passes = gate.arrive(self.path.removeprefix("/"))
                self.send_response(204 if passes else 403)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stage(self, members, period=timedelta(), passed=lambda: None):
        """From now on these go in step, each with so many requests a round; between rounds a period passes, and
        `passed` is called. Everyone else is let through."""
        with self.changed:
            self.members, self.period, self.passed = members, period, passed
            self.arrived = dict.fromkeys(members, 0)
            self.round = 0

    def arrive(self, name):
        with self.changed:
            if name not in self.members:
                return True
            mine = self.arrived[name] // self.members[name]
            self.arrived[name] += 1
            have_begun = all(self.arrived[who] > mine * requests for who, requests in self.members.items())
            if mine > self.round and have_begun:
                self.clock.set(self.clock.now + self.period)
                self.passed()
                self.round = mine
                self.changed.notify_all()
            return self.changed.wait_for(lambda: self.round >= mine, PATIENCE)
