#!/usr/bin/env python3
"""Plugins that are wrong in one way each: `option = {"mode=…"}`."""
import fcntl
import importlib.util
import os
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "../../../contrib/plugins/example.py")
spec = importlib.util.spec_from_file_location("example", path)
x = importlib.util.module_from_spec(spec)
spec.loader.exec_module(x)


class Broken(x.Plugin):
    mode = hold = ""
    words = b"\x1b[31m\x07asking the\xe2\x80\xae card, which takes its time and more words than there is room for"

    def answer(self, kind, request, fields, fds):
        if kind == x.HELLO:
            options = [value for tag, value in fields if tag == x.OPTION]
            self.mode = options[0].decode().partition("=")[2]
            self.hold = options[1].decode().partition("=")[2] if len(options) > 1 else ""
        getattr(self, self.mode.replace("-", "_"), self.usual)(kind, request, fields, fds)

    def usual(self, kind, request, fields, fds):
        super().answer(kind, request, fields, fds)

    def at_seal(self, kind, request, fields, fds, wrong):
        if kind != x.SEAL:
            return self.usual(kind, request, fields, fds)
        return wrong()

    def dies_at_once(self, kind, request, fields, fds):
        os._exit(3)

    def killed_midway(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: os.kill(os.getpid(), signal.SIGKILL))

    def hangs(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: time.sleep(600))

    def hangs_over_recipients(self, kind, request, fields, fds):
        if kind == x.RECIPIENTS:
            time.sleep(600)
        self.usual(kind, request, fields, fds)

    def other_version(self, kind, request, fields, fds):
        self.send(x.HELLO | x.REPLY, request, [(x.VERSION, x.number(7)), (x.NAME, b"broken")])

    def garbage(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: self.socket.send(b"\x1b]0;evil\x07 not a frame"))

    def lying_length(self, kind, request, fields, fds):
        frame = x.pack(x.SEAL | x.REPLY, request, [(x.WHY, b"x")])[:-1] + b""
        self.at_seal(kind, request, fields, fds, lambda: self.socket.send(frame))

    def other_request(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: self.send(x.SEAL | x.REPLY, request + 1, [], b"x"))

    def other_type(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: self.send(x.OPEN | x.REPLY, request, [], b"x"))

    def no_data(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: self.send(x.SEAL | x.REPLY, request, []))

    def give_fd(self, request, fd):
        socket.send_fds(self.socket, [x.pack(x.SEAL | x.REPLY, request, [])], [fd])

    def unsealed_memory(self, kind, request, fields, fds):
        def wrong():
            fd = os.memfd_create("open", os.MFD_ALLOW_SEALING)
            os.write(fd, x.seal(fields, fds)[1])
            self.give_fd(request, fd)
        self.at_seal(kind, request, fields, fds, wrong)

    def a_file(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds, lambda: self.give_fd(request, os.open(__file__, os.O_RDONLY)))

    def endless_memory(self, kind, request, fields, fds):
        def wrong():
            fd = os.memfd_create("large", os.MFD_ALLOW_SEALING)
            os.ftruncate(fd, 400 << 20)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, x.SEALS)
            self.give_fd(request, fd)
        self.at_seal(kind, request, fields, fds, wrong)

    def clear_text(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds,
                     lambda: self.send(x.SEAL | x.REPLY, request, [], x.read_memory(fds[0])))

    def one_recipient_fewer(self, kind, request, fields, fds):
        def wrong():
            last = max(value for tag, value in fields if tag == x.KEY)
            fewer = [(tag, value) for tag, value in fields if (tag, value) != (x.KEY, last)]
            self.send(x.SEAL | x.REPLY, request, *x.seal(fewer, fds))
        self.at_seal(kind, request, fields, fds, wrong)

    def signed_only(self, kind, request, fields, fds):
        def wrong():
            signs = [(x.OPERATIONS, x.number(x.SIGN))] + fields
            self.send(x.SEAL | x.REPLY, request, *x.seal(signs, fds))
        self.at_seal(kind, request, fields, fds, wrong)

    def clear_copy_beside(self, kind, request, fields, fds):
        def wrong():
            clear = os.pread(fds[0], 1 << 20, 0)
            sealed = x.seal(fields, fds)[1]
            self.send(x.SEAL | x.REPLY, request, [], sealed + clear)
        self.at_seal(kind, request, fields, fds, wrong)

    def endless_questions(self, kind, request, fields, fds):
        def wrong():
            while True:
                self.send(32, request, [(34, b"Passphrase?"), (35, x.number(1))])
                socket.recv_fds(self.socket, 65536, 2)
        self.at_seal(kind, request, fields, fds, wrong)

    def evil_words(self, kind, request, fields, fds):
        def wrong():
            raise x.Refusal(10, "\x1b]0;evil\x07\x1b[31mno\nSeal: sealed")
        self.at_seal(kind, request, fields, fds, wrong)

    def forgets_a_recipient(self, kind, request, fields, fds):
        if kind == x.RECIPIENTS:
            asked = [f for f in fields if f[0] == x.RECIPIENT]
            fields = asked[:-1] if len(asked) > 1 else fields
        self.usual(kind, request, fields, fds)

    def prints_a_lot(self, kind, request, fields, fds):
        print("noise " * 200000, flush=True)
        print("noise " * 200000, file=sys.stderr, flush=True)
        self.usual(kind, request, fields, fds)

    def looks_around(self, kind, request, fields, fds):
        open_ones = [fd for fd in os.listdir("/proc/self/fd") if int(fd) > 3 and os.path.exists("/proc/self/fd/" + fd)]
        extra = sorted(set(os.environ) - {"HOME", "LANG", "TERM", "GNUPGHOME", "GPG_TTY", "PATH", "LC_CTYPE",
                                          "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"})
        leader = os.getpgrp() == os.getpid()
        if kind == x.SEAL and (len(open_ones) > len(fds) or extra or not leader):
            raise x.Refusal(10, "sees descriptors %s, variables %s, leader %s" % (open_ones, extra, leader))
        self.usual(kind, request, fields, fds)

    def wants_no_terminal(self, kind, request, fields, fds):
        if kind == x.SEAL and "GPG_TTY" in os.environ:
            raise x.Refusal(10, "sees the terminal")
        self.usual(kind, request, fields, fds)

    def half_a_letter(self, kind, request, fields, fds):
        if kind == x.HELLO:
            return self.send(x.HELLO | x.REPLY, request, [
                (x.VERSION, x.number(1)), (x.NAME, b"broken"), (x.CAPABILITIES, x.number(3)), (48, x.number(1))])
        if kind != x.SEAL:
            return self.usual(kind, request, fields, fds)
        self.send(40, request, [(49, b"half")])
        return self.send(x.SEAL | x.REPLY, request, [])

    def any_limit(self, kind, request, fields, fds):
        self.at_seal(kind, request, fields, fds,
                     lambda: self.send(x.SEAL | x.REPLY, request, *x.seal(fields, fds)))

    def any_format(self, kind, request, fields, fds):
        if kind == x.OPEN and not x.first(fields, x.FORMAT).startswith(b"pgp-"):
            return self.send(x.OPEN | x.REPLY, request, [(x.ENCRYPTED, x.number(1)), (x.INTEGRITY, x.number(1))], b"")
        return self.usual(kind, request, fields, fds)

    def outlives_cancel(self, kind, request, fields, fds):
        if kind == x.SEAL and os.fstat(fds[0]).st_size > 5 << 20:
            if os.fork() == 0:
                os.setsid()
                time.sleep(20)
            time.sleep(600)
        self.usual(kind, request, fields, fds)

    def wild_progress(self, kind, request, fields, fds):
        if kind == x.SEAL:
            self.send(33, request, [(37, x.number(300)), (38, x.number(100)), (46, b"\x1b]0;evil\x07")])
        self.usual(kind, request, fields, fds)

    def slow(self, kind, request, fields, fds):
        """Says what it does for as long as there is a file `hold` beside the option `hold=`."""
        begun = time.monotonic()
        while kind in (x.SEAL, x.OPEN) and (os.path.exists(self.hold) or time.monotonic() < begun + 1):
            done = min(int((time.monotonic() - begun) * 40), 97)
            self.send(33, request, [(37, x.number(done)), (38, x.number(100)), (46, self.words)])
            time.sleep(0.02)
        self.usual(kind, request, fields, fds)

    def unproven(self, kind, request, fields, fds):
        if kind != x.OPEN:
            return self.usual(kind, request, fields, fds)
        answer, plain = x.open_letter(fields, fds)
        answer = [(tag, x.number(0) if tag == x.INTEGRITY else value) for tag, value in answer]
        return self.send(x.OPEN | x.REPLY, request, answer, plain)


if __name__ == "__main__":
    Broken().run()
