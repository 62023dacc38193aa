"""A POP3 or SMTP peer that does what real servers do only on bad days.

hostile.py pop3|smtp --port-file F [--log F] [--tls none|implicit|starttls]
           [--cert PEM --key KEY] [--tls-max 1.1] [--client-ca PEM] [--capability LINE…]
           [--drop DIR] [--keep DIR] [--step STEP[#N]=ACTION…]

Without --step it is a decent, small server that takes any name and password.
Steps: greeting capa stls user pass auth auth-reply stat list uidl top retr dele
noop rset quit; for SMTP greeting ehlo starttls auth auth-reply mail rcpt data body
bdat rset quit ("body" is the answer after the final dot). STEP#2 means the
second time only. Actions:

  say:TEXT     answer TEXT instead (Python escapes; CRLF is added)
  raw:TEXT     answer exactly TEXT
  silence      answer nothing and keep the connection
  cut          close without an answer
  half         begin the answer (for retr: half of the letter), then close
  then-cut     answer as usual, then close
  inject:TEXT  answer as usual, TEXT following in the same packet
  endless      a line without an end
  flood        lines without an end
  pause:S      wait S seconds, then answer as usual
  lost         (quit of POP3) delete what was marked, then close unanswered

The log holds the dialogue, a line each: "clear C: …", "tls S: …", "tls end".
"""
import argparse
import base64
import os
import socket
import socketserver
import ssl
import sys
import threading
import time

POP3_CAPABILITIES = ["TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "USER", "SASL PLAIN LOGIN"]
SMTP_CAPABILITIES = ["PIPELINING", "SIZE 20480000", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8",
                     "AUTH PLAIN LOGIN"]


class Cut(Exception):
    """The connection ends here, as the script wants it."""


def unescaped(text):
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


class Script:
    """The actions by step, and how often each step has been reached."""

    def __init__(self, steps):
        self.actions, self.reached, self.lock = {}, {}, threading.Lock()
        for step in steps:
            name, action = step.split("=", 1)
            self.actions[name] = action

    def action(self, step):
        with self.lock:
            self.reached[step] = self.reached.get(step, 0) + 1
            numbered = "%s#%d" % (step, self.reached[step])
        return self.actions.get(numbered, self.actions.get(step, ""))


class Peer(socketserver.BaseRequestHandler):
    """What both protocols share: lines, TLS, the log and the script."""

    def setup(self):
        self.options = self.server.options
        self.tls = False
        self.buffer = b""
        if self.options.tls == "implicit":
            self.start_tls()

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # A weak key is the client's to refuse.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(self.options.cert, self.options.key)
        if self.options.tls_max:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2}[self.options.tls_max]
        if self.options.client_ca:
            context.load_verify_locations(self.options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        self.request = context.wrap_socket(self.request, server_side=True)
        self.tls = True

    def note(self, who, data):
        text = data.decode("latin-1").encode("unicode_escape").decode("ascii")
        self.server.note("%s %s: %s" % ("tls" if self.tls else "clear", who, text))

    def send(self, data):
        self.note("S", data[:200].rstrip(b"\r\n"))
        self.request.sendall(data)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.request.recv(65536)
            if not data:
                raise Cut()
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        line = line.rstrip(b"\r")
        self.note("C", line)
        return line

    def exactly(self, length):
        while len(self.buffer) < length:
            data = self.request.recv(65536)
            if not data:
                raise Cut()
            self.buffer += data
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def answer(self, step, usual):
        """Answers by the script; tells whether the usual answer was given."""
        action = self.server.script.action(step)
        name, _, text = action.partition(":")
        if name == "say":
            self.send(unescaped(text) + b"\r\n")
            return False
        if name == "raw":
            self.send(unescaped(text))
            return False
        if name == "silence":
            self.note("S", b"(silence)")
            while self.request.recv(65536):
                pass
            raise Cut()
        if name == "cut":
            raise Cut()
        if name == "half":
            self.send(usual[:max(1, len(usual) // 2)])
            raise Cut()
        if name == "endless":
            while True:
                self.request.sendall(b"+OK 250-" + b"x" * 65536)
        if name == "flood":
            while True:
                self.request.sendall(b"250-line\r\n" * 4096)
        if name == "pause":
            time.sleep(float(text))
        elif name not in ("", "then-cut", "inject"):
            sys.exit("hostile.py: unknown action %r" % action)
        self.send(usual + (unescaped(text) if name == "inject" else b""))
        if name == "then-cut":
            raise Cut()
        return True

    def handle(self):
        try:
            self.converse()
        except (Cut, ConnectionError, ssl.SSLError, BrokenPipeError, TimeoutError):
            pass
        finally:
            self.server.note("tls end" if self.tls else "clear end")

    def finish(self):
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.request.close()

    def sasl(self, argument, more, done, wrong):
        """AUTH PLAIN or LOGIN, with or without an initial response."""
        words = argument.split()
        mechanism = words[0].upper() if words else b""
        if mechanism == b"PLAIN":
            if len(words) < 2:
                if not self.answer("auth", more(b"")):
                    return
                self.line()
            self.answer("auth-reply", done)
        elif mechanism == b"LOGIN":
            if not self.answer("auth", more(base64.b64encode(b"Username:"))):
                return
            self.line()
            self.send(more(base64.b64encode(b"Password:")))
            self.line()
            self.answer("auth-reply", done)
        elif mechanism == b"EXTERNAL" and len(words) == 2:
            whom = b"" if words[1] == b"=" else base64.b64decode(words[1])
            shown = self.tls and self.request.getpeercert()
            self.note("S", b"(whom: %s)" % whom)
            self.answer("auth-reply", done if shown else wrong)
        else:
            self.answer("auth", wrong)


class Pop3(Peer):
    def letters(self):
        if not self.options.drop:
            return []
        names = sorted(n for n in os.listdir(self.options.drop) if not n.startswith("."))
        found = []
        for name in names:
            with open(os.path.join(self.options.drop, name), "rb") as f:
                data = f.read()
            found.append((name, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
        return found

    def converse(self):
        self.drop, self.deleted = self.letters(), set()
        self.answer("greeting", b"+OK ready\r\n")
        while True:
            words = self.line().split(b" ", 1)
            step = words[0].lower().decode("latin-1")
            argument = words[1] if len(words) > 1 else b""
            handler = getattr(self, "do_" + step, None)
            if handler is None:
                self.answer(step, b"-ERR unknown\r\n")
            else:
                handler(argument)

    def capabilities(self):
        if self.options.capability is not None:
            return self.options.capability
        starttls = ["STLS"] if self.options.tls == "starttls" and not self.tls else []
        return starttls + POP3_CAPABILITIES

    def do_capa(self, argument):
        lines = [b"+OK", *(c.encode() for c in self.capabilities()), b".", b""]
        self.answer("capa", b"\r\n".join(lines))

    def do_stls(self, argument):
        if self.answer("stls", b"+OK go ahead\r\n"):
            self.buffer = b""
            self.start_tls()

    def do_auth(self, argument):
        self.sasl(argument, lambda text: b"+ " + text + b"\r\n", b"+OK in\r\n", b"-ERR no such mechanism\r\n")

    def do_user(self, argument):
        self.answer("user", b"+OK\r\n")

    def do_pass(self, argument):
        self.answer("pass", b"+OK in\r\n")

    def present(self):
        return [(n, name, data) for n, (name, data) in enumerate(self.drop, 1) if n not in self.deleted]

    def do_stat(self, argument):
        here = self.present()
        self.answer("stat", b"+OK %d %d\r\n" % (len(here), sum(len(data) for _, _, data in here)))

    def listing(self, step, argument, value):
        here = self.present()
        if argument:
            chosen = [row for row in here if row[0] == self.number(argument)]
            reply = b"+OK %d %s\r\n" % (chosen[0][0], value(chosen[0])) if chosen else b"-ERR no such letter\r\n"
        else:
            reply = b"+OK\r\n" + b"".join(b"%d %s\r\n" % (row[0], value(row)) for row in here) + b".\r\n"
        self.answer(step, reply)

    def do_list(self, argument):
        self.listing("list", argument, lambda row: b"%d" % len(row[2]))

    def do_uidl(self, argument):
        self.listing("uidl", argument, lambda row: row[1].encode())

    @staticmethod
    def number(argument):
        words = argument.split()
        return int(words[0]) if words and words[0].isdigit() else 0

    def stuffed(self, data):
        if data and not data.endswith(b"\r\n"):
            data += b"\r\n"
        return b"+OK\r\n" + (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"

    def letter(self, step, number, lines=None):
        for n, _, data in self.present():
            if n == number:
                if lines is not None:
                    head, _, body = data.partition(b"\r\n\r\n")
                    data = head + b"\r\n\r\n" + b"".join(body.splitlines(True)[:lines])
                return self.answer(step, self.stuffed(data))
        return self.answer(step, b"-ERR no such letter\r\n")

    def do_retr(self, argument):
        self.letter("retr", self.number(argument))

    def do_top(self, argument):
        words = argument.split() + [b"0", b"0"]
        self.letter("top", self.number(argument), int(words[1]))

    def do_dele(self, argument):
        if self.answer("dele", b"+OK marked\r\n"):
            self.deleted.add(self.number(argument))

    def do_noop(self, argument):
        self.answer("noop", b"+OK\r\n")

    def do_rset(self, argument):
        self.deleted.clear()
        self.answer("rset", b"+OK\r\n")

    def do_quit(self, argument):
        action = self.server.script.action("quit")
        if not action or action == "then-cut" or action == "lost":
            for n in self.deleted:
                os.unlink(os.path.join(self.options.drop, self.drop[n - 1][0]))
        if action.startswith("say:"):
            self.send(unescaped(action[4:]) + b"\r\n")
        elif action not in ("cut", "lost"):
            self.send(b"+OK bye\r\n")
        raise Cut()


class Smtp(Peer):
    def converse(self):
        self.envelope = []
        self.answer("greeting", b"220 bad.weather.example ESMTP\r\n")
        while True:
            words = self.line().split(b" ", 1)
            step = words[0].lower().decode("latin-1")
            argument = words[1] if len(words) > 1 else b""
            handler = getattr(self, "do_" + step, None)
            if handler is None:
                self.answer(step, b"502 5.5.1 unknown\r\n")
            else:
                handler(argument)

    def capabilities(self):
        if self.options.capability is not None:
            return self.options.capability
        if self.options.tls == "starttls" and not self.tls:
            return ["STARTTLS"] + [c for c in SMTP_CAPABILITIES if not c.startswith("AUTH")]
        return SMTP_CAPABILITIES

    def do_ehlo(self, argument):
        lines = ["bad.weather.example", *self.capabilities()]
        reply = "".join("250%s%s\r\n" % ("-" if n + 1 < len(lines) else " ", text) for n, text in enumerate(lines))
        self.answer("ehlo", reply.encode("latin-1"))

    def do_helo(self, argument):
        self.answer("helo", b"250 bad.weather.example\r\n")

    def do_starttls(self, argument):
        if self.answer("starttls", b"220 2.0.0 go ahead\r\n"):
            self.buffer = b""
            self.start_tls()

    def do_auth(self, argument):
        self.sasl(argument, lambda text: b"334 " + text + b"\r\n", b"235 2.7.0 in\r\n", b"504 5.5.4 no such mechanism\r\n")

    def do_mail(self, argument):
        self.envelope = [argument]
        self.answer("mail", b"250 2.1.0 ok\r\n")

    def do_rcpt(self, argument):
        if self.answer("rcpt", b"250 2.1.5 ok\r\n"):
            self.envelope.append(argument)

    def keep(self, data):
        if not self.options.keep:
            return
        name = os.path.join(self.options.keep, "%06d" % self.server.next_number())
        with open(name, "wb") as f:
            f.write(b"".join(b"X-Envelope: " + line + b"\r\n" for line in self.envelope) + data)

    def do_data(self, argument):
        if not self.answer("data", b"354 go ahead\r\n"):
            return
        lines = []
        while True:
            end = self.buffer.find(b"\r\n")
            if end < 0:
                data = self.request.recv(65536)
                if not data:
                    raise Cut()
                self.buffer += data
                continue
            line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
            if line == b".":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.note("C", b"(letter of %d lines)" % len(lines))
        self.keep(b"\r\n".join(lines) + b"\r\n")
        self.answer("body", b"250 2.0.0 queued as 42\r\n")

    def do_bdat(self, argument):
        words = argument.split()
        self.keep(self.exactly(int(words[0])))
        self.answer("body" if words[-1].upper() == b"LAST" else "bdat", b"250 2.0.0 queued as 42\r\n")

    def do_rset(self, argument):
        self.answer("rset", b"250 2.0.0 ok\r\n")

    def do_noop(self, argument):
        self.answer("noop", b"250 2.0.0 ok\r\n")

    def do_quit(self, argument):
        self.answer("quit", b"221 2.0.0 bye\r\n")
        raise Cut()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), {"pop3": Pop3, "smtp": Smtp}[options.protocol])
        self.options, self.script = options, Script(options.step)
        self.log, self.lock, self.number = open(options.log or os.devnull, "a"), threading.Lock(), 0

    def note(self, line):
        with self.lock:
            self.log.write(line + "\n")
            self.log.flush()

    def next_number(self):
        with self.lock:
            self.number += 1
            return self.number

    def handle_error(self, request, client_address):
        self.note("tls failed: %s" % sys.exc_info()[1])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("protocol", choices=("pop3", "smtp"))
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--log")
    parser.add_argument("--tls", choices=("none", "implicit", "starttls"), default="none")
    parser.add_argument("--tls-max", choices=("1.1", "1.2"))
    parser.add_argument("--client-ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--capability", action="append")
    parser.add_argument("--drop")
    parser.add_argument("--keep")
    parser.add_argument("--step", action="append", default=[])
    options = parser.parse_args()
    server = Server(options)
    with open(options.port_file + ".new", "w") as f:
        f.write("%d\n" % server.server_address[1])
    os.rename(options.port_file + ".new", options.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
