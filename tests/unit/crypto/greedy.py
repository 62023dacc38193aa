#!/usr/bin/env python3
"""A plugin that tries what it was not granted: `option = {"mode=…", "path=…"}`.
Asked to seal, it refuses with what came of it."""
import errno
import importlib.util
import os
import resource
import socket
import sys
import time

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.realpath(__file__))
spec = importlib.util.spec_from_file_location("example", os.path.join(here, "../../../contrib/plugins/example.py"))
x = importlib.util.module_from_spec(spec)
spec.loader.exec_module(x)
PROGRESS, DONE = 33, 37


class Greedy(x.Plugin):
    options = {}

    def answer(self, kind, request, fields, fds):
        if kind == x.HELLO:
            pairs = [value.decode().partition("=") for tag, value in fields if tag == x.OPTION]
            self.options = {name: value for name, _, value in pairs}
        if kind == x.RECIPIENTS:
            if self.options["mode"] in ("drips", "floods"):
                getattr(self, self.options["mode"])(request)
            everyone = [value for tag, value in fields if tag == x.RECIPIENT]
            return self.send(kind | x.REPLY, request, [
                field for one in everyone
                for field in ((x.RECIPIENT, one), (x.CAN_SEAL, x.number(1)), (x.KEY, b"A" * 40))])
        if kind != x.SEAL:
            return super().answer(kind, request, fields, fds)
        try:
            said = getattr(self, self.options["mode"])(self.options.get("path"))
        except OSError as error:
            said = "denied " + errno.errorcode[error.errno]
        except MemoryError:
            said = "no memory"
        raise x.Refusal(x.INTERNAL, said)

    def drips(self, request):
        while True:
            self.send(PROGRESS, request, [(DONE, x.number(1))])
            time.sleep(.3)

    def floods(self, request):
        for done in range(1 << 30):
            self.send(PROGRESS, request, [(DONE, x.number(done))])

    def reads(self, path):
        with open(path, encoding="utf-8") as f:
            return "read " + f.read()

    def writes(self, path):
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write("written")
        return "written"

    def connects(self, path):
        socket.create_connection(("127.0.0.1", int(path)), 5).close()
        return "connected"

    def listens(self, path):
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
        return "has a socket"

    def peeks(self, path):
        with open("/proc/%d/mem" % os.getppid(), "rb") as f:
            return "saw %s" % f.name

    def signals(self, path):
        os.kill(os.getppid(), 0)
        return "could end postino"

    def outlives(self, path):
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
            except OSError:
                pass
            time.sleep(600)
        return "child %d" % child

    def dumps_core(self, path):
        if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
            return "dumps are on"
        return os.abort()

    def allocates(self, path):
        return "has %d bytes" % len(bytearray(5 << 30))

    def fills(self, path):
        fd = os.memfd_create("full", 0)
        while True:
            os.write(fd, b"x" * (1 << 20))

    def opens_many(self, path):
        return "has %d" % len([os.dup(0) for _ in range(1000)])


if __name__ == "__main__":
    Greedy().run()
