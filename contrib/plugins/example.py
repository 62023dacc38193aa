#!/usr/bin/env python3
"""An example of a crypto plugin of postino in another language than C: PGP/MIME
by the gpg program, written from postino-plugin(7) alone.

    plugin "example" { command = "/path/to/example.py" }

The postino developers put this file into the public domain.
"""
import fcntl
import os
import re
import secrets
import socket
import struct
import subprocess

HELLO, RECIPIENTS, SEAL, OPEN, KEYS, ERROR, REPLY = 1, 2, 3, 4, 5, 255, 128
VERSION_MIN, VERSION_MAX, VERSION, NAME, PLUGIN_VERSION, CAPABILITIES, OPTION = 1, 2, 3, 4, 5, 6, 7
OPERATIONS, FROM, RECIPIENT, KEY, USER_ID, VALIDITY, CAN_SEAL, CAN_SIGN, WHY = range(16, 25)
LIMIT, FORMAT, ENCRYPTED, INTEGRITY, SIGNATURE, SIGNED_AT, CODE, ACTION = 27, 28, 29, 30, 31, 32, 33, 39
UNTRUSTED, LAST_KNOWN = 42, 49
SIGN, ENCRYPT = 1, 2
NO_KEY, BAD_DATA, INTEGRITY_ERROR, UNSUPPORTED, INTERNAL, TOO_LARGE = 1, 7, 8, 9, 10, 11
GOOD, BAD, MISSING = 0, 1, 2
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK


class Refusal(Exception):
    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


# ---- frames ----

def number(value):
    return struct.pack("<Q", value)


def pack(kind, request, fields):
    body = b"".join(struct.pack("<HI", tag, len(value)) + value for tag, value in fields)
    return b"PSTP" + struct.pack("<HHII", 1, kind, request, len(body)) + body


def unpack(packet):
    kind, request, length = struct.unpack_from("<HII", packet, 6)
    fields, at = [], 16
    while at < 16 + length:
        tag, size = struct.unpack_from("<HI", packet, at)
        fields.append((tag if tag > 0x8000 + LAST_KNOWN else tag & 0x7FFF, packet[at + 6:at + 6 + size]))
        at += 6 + size
    return kind, request, fields


def first(fields, tag, fallback=b""):
    return next((value for t, value in fields if t == tag), fallback)


def integer(fields, tag):
    return struct.unpack("<Q", first(fields, tag, number(0)))[0]


def sealed_memory(data):
    fd = os.memfd_create("plugin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    return fd


def read_memory(fd):
    with os.fdopen(fd, "rb") as f:
        f.seek(0)
        return f.read()


# ---- gpg ----

def gpg(arguments, data=b"", extra=()):
    """Status lines and output; bulk goes by pipes, never by files."""
    status_read, status_write = os.pipe()
    with open(status_read, "rb") as status:
        run = subprocess.Popen(
            ["gpg", "--batch", "--no-tty", "--disable-dirmngr", "--status-fd", str(status_write), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pass_fds=(status_write, *extra))
        os.close(status_write)
        output = run.communicate(data)[0]
        lines = [line[9:].split(" ") for line in status.read().decode(errors="replace").splitlines()]
    return run.returncode, lines, output


def keys(pattern, secret=False):
    """(fingerprint, can encrypt, [(user id, validity)]) of each live key."""
    found = []
    output = gpg(["--with-colons", "--list-secret-keys" if secret else "--list-keys",
                  *(["--", pattern] if pattern else [])])[2].decode(errors="replace")
    for record in (line.split(":") for line in output.splitlines()):
        if record[0] in ("pub", "sec"):
            found.append(["", record[1] not in "rei" and "E" in record[11], []])
        elif record[0] == "fpr" and found and not found[-1][0]:
            found[-1][0] = record[9]
        elif record[0] == "uid" and record[1] not in "ren" and found:
            text = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), record[9])
            found[-1][2].append((text, {"m": 2, "f": 3, "u": 4}.get(record[1], 0)))
    return found


def address_of(user_id):
    bare = re.fullmatch(r"[^<>]*<([^<>]*)>|([^<>]*)", user_id)
    return ((bare[1] or bare[2] or "") if bare else "").lower()


# ---- operations ----

def recipients(fields, fds):
    answer = []
    for address in (value.decode() for tag, value in fields if tag == RECIPIENT):
        candidates = [(validity, key, text) for key, usable, ids in keys("<%s>" % address) if usable
                      for text, validity in ids if address_of(text) == address.lower()]
        own = bool(keys("<%s>" % address, secret=True)) if candidates else False
        answer.append((RECIPIENT, address.encode()))
        validity, key, text = max(candidates, default=(0, "", ""))
        answer.append((CAN_SEAL, number(validity >= 2)))
        answer.append((CAN_SIGN, number(own)))
        if key:
            answer += [(KEY, key.encode()), (USER_ID, text.encode()), (UNTRUSTED, number(validity < 2))]
        if validity < 2:
            answer.append((WHY, ("no confirmed key of %s; import and sign it with gpg" % address).encode()))
    return answer, None


def crlf(text):
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def seal(fields, fds):
    operations, entity = integer(fields, OPERATIONS), read_memory(fds[0])
    sender = first(fields, FROM).decode()
    boundary = "=_" + secrets.token_hex(16)
    chosen = sorted({value.decode() for tag, value in fields if tag == KEY})
    arguments = ["--armor", "--digest-algo", "SHA512", "--local-user", "<%s>" % sender]
    if operations & ENCRYPT:
        arguments += ["--no-encrypt-to", "--encrypt"] + [word for key in chosen for word in ("--recipient", key)]
        arguments += ["--sign"] if operations & SIGN else []
    else:
        arguments += ["--detach-sign"]
    status, lines, armour = gpg(arguments, entity)
    if status != 0:
        raise Refusal(INTERNAL, "gpg could not do it; try it by hand")
    if operations & ENCRYPT:
        head = ('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n\tboundary="%s"\r\n\r\n'
                "--%s\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
                "--%s\r\nContent-Type: application/octet-stream\r\n\r\n" % (boundary, boundary, boundary)).encode()
    else:
        head = ('Content-Type: multipart/signed; micalg="pgp-sha512";\r\n\tprotocol="application/pgp-signature";\r\n'
                '\tboundary="%s"\r\n\r\n--%s\r\n' % (boundary, boundary)).encode() + entity + (
                "\r\n--%s\r\nContent-Type: application/pgp-signature\r\n\r\n" % boundary).encode()
    return [], head + crlf(armour) + ("\r\n--%s--\r\n" % boundary).encode()


def signatures(lines):
    answer = []
    for words in lines:
        if words[0] == "VALIDSIG":
            answer += [(SIGNATURE, number(GOOD)), (KEY, words[10].encode()), (SIGNED_AT, number(int(words[3])))]
            for text, validity in (pair for key in keys(words[10]) for pair in key[2]):
                answer += [(USER_ID, text.encode()), (VALIDITY, number(validity))]
        elif words[0] in ("BADSIG", "ERRSIG"):
            answer += [(SIGNATURE, number(BAD if words[0] == "BADSIG" else MISSING)), (KEY, words[1].encode())]
    return answer


def open_letter(fields, fds):
    data = read_memory(fds[0])
    if first(fields, FORMAT) == b"pgp-signed":
        lines = gpg(["--verify", "/dev/fd/%d" % fds[1], "-"], data, extra=(fds[1],))[1]
        return signatures(lines), None
    if first(fields, FORMAT) != b"pgp-sealed":
        raise Refusal(UNSUPPORTED, "this is not OpenPGP")
    status, lines, plain = gpg(["--decrypt"], data)
    words = [line[0] for line in lines]
    if status not in (0, 2) or "DECRYPTION_OKAY" not in words or "GOODMDC" not in words:
        raise Refusal(INTEGRITY_ERROR, "it cannot be decrypted, or was changed on its way")
    return [(ENCRYPTED, number(1)), (INTEGRITY, number(1))] + signatures(lines), plain


def list_keys(fields, fds):
    if first(fields, ACTION) != b"own":
        raise Refusal(UNSUPPORTED, "the example lists your own keys and does no more")
    answer = []
    for key, _, ids in keys("", secret=True):
        answer += [(KEY, key.encode())] + [(USER_ID, text.encode()) for text, _ in ids[:1]]
    return answer, None


class Plugin:
    name, version, capabilities = b"example", b"1", 31
    operations = {RECIPIENTS: recipients, SEAL: seal, OPEN: open_letter, KEYS: list_keys}

    def __init__(self):
        self.socket = socket.socket(fileno=3)

    def send(self, kind, request, fields, data=None):
        fds = [sealed_memory(data)] if data is not None else []
        socket.send_fds(self.socket, [pack(kind, request, fields)], fds)

    def hello(self, request, fields):
        if not integer(fields, VERSION_MIN) <= 1 <= integer(fields, VERSION_MAX):
            raise Refusal(UNSUPPORTED, "this plugin speaks version 1 of the protocol")
        self.send(HELLO | REPLY, request, [(VERSION, number(1)), (NAME, self.name), (PLUGIN_VERSION, self.version),
                                           (CAPABILITIES, number(self.capabilities))])

    def answer(self, kind, request, fields, fds):
        if kind == HELLO:
            return self.hello(request, fields)
        if kind not in self.operations or any(tag > 0x8000 for tag, _ in fields):
            raise Refusal(UNSUPPORTED, "this plugin cannot do that")
        result, data = self.operations[kind](fields, fds)
        if data is not None and first(fields, LIMIT) and len(data) > integer(fields, LIMIT):
            raise Refusal(TOO_LARGE, "the letter is too large; attach less")
        return self.send(kind | REPLY, request, result, data)

    def run(self):
        while True:
            packet, fds, _, _ = socket.recv_fds(self.socket, 65536, 2)
            if not packet:
                return
            kind, request, fields = unpack(packet)
            try:
                self.answer(kind, request, fields, fds)
            except Refusal as why:
                self.send(ERROR, request, [(CODE, number(why.code)), (WHY, str(why).encode())])


if __name__ == "__main__":
    Plugin().run()
