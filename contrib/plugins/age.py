#!/usr/bin/env python3
"""Sealing by age (https://age-encryption.org), as a plugin of postino.

    plugin "age" {
      command = "/path/to/age.py"
      option = {"identity=~/.age/key", "recipients=~/.age/recipients"}
    }
    account "home" { crypto { plugin = "age"  sign = "never" } }

    postino plugin grant age        # what age.py.rights asks for: to read ~/.age

The identity is a file of age-keygen.  Each line of recipients is an address and
its age1… key; your own address is among them.  age signs nothing: who wrote a
letter it does not say.

The postino developers put this file into the public domain.
"""
import fcntl
import os
import secrets
import socket
import struct
import subprocess
import threading

# Types of frames, and numbers of fields.
HELLO, RECIPIENTS, SEAL, OPEN, KEYS, PROGRESS, ERROR, REPLY = 1, 2, 3, 4, 5, 33, 255, 128
VERSION_MIN, VERSION_MAX, VERSION, NAME, PLUGIN_VERSION, CAPABILITIES, OPTION = 1, 2, 3, 4, 5, 6, 7
OPERATIONS, RECIPIENT, KEY, USER_ID, CAN_SEAL, CAN_SIGN, WHY, LIMIT = 16, 18, 19, 20, 22, 23, 24, 27
FORMAT, ENCRYPTED, INTEGRITY, CODE, DONE, TOTAL, ACTION, HAVE_SECRET = 28, 29, 30, 33, 37, 38, 39, 43
WHAT, LAST_KNOWN = 46, 49
CAN_SIGN_IT, CAN_SEAL_IT, CAN_OPEN_IT, CAN_VERIFY_IT, CAN_LIST_KEYS = 1, 2, 4, 8, 16
ENCRYPT = 2
NO_KEY, INTEGRITY_ERROR, UNSUPPORTED, INTERNAL, TOO_LARGE = 1, 8, 9, 10, 11
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK

connection = socket.socket(fileno=3)
options = {}
current = 0  # number of the request


class Refusal(Exception):
    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


def number(value):
    return struct.pack("<Q", value)


def first(fields, tag, fallback=b""):
    return next((value for t, value in fields if t == tag), fallback)


def send(kind, request, fields, data=None):
    """One frame; a letter goes beside it in sealed memory."""
    body = b"".join(struct.pack("<HI", tag, len(value)) + value for tag, value in fields)
    fds = []
    if data is not None:
        fds = [os.memfd_create("letter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)]
        with os.fdopen(os.dup(fds[0]), "wb") as memory:
            memory.write(data)
        fcntl.fcntl(fds[0], fcntl.F_ADD_SEALS, SEALS)
    socket.send_fds(connection, [b"PSTP" + struct.pack("<HHII", 1, kind, request, len(body)) + body], fds)


def receive():
    """(type, number of the request, [(field, value)], [letter])."""
    packet, fds, _, _ = socket.recv_fds(connection, 65536, 2)
    if not packet:
        raise SystemExit(0)
    kind, request, length = struct.unpack_from("<HII", packet, 6)
    fields, at = [], 16
    while at < 16 + length:
        tag, size = struct.unpack_from("<HI", packet, at)
        value = packet[at + 6:at + 6 + size]
        at += 6 + size
        if tag & 0x8000 and tag & 0x7FFF > LAST_KNOWN:
            kind = -1  # it must be understood, and is not
        fields.append((tag & 0x7FFF, value))
    letters = []
    for fd in fds:
        with os.fdopen(fd, "rb") as memory:
            memory.seek(0)
            letters.append(memory.read())
    return kind, request, fields, letters


def integer(fields, tag):
    return struct.unpack("<Q", first(fields, tag, number(0)))[0]


# ---- age ----

def path_of(option):
    if option not in options:
        raise Refusal(UNSUPPORTED, "the age plugin needs the option %s=FILE in the rc file" % option)
    return os.path.expanduser(options[option])


def run(arguments, data=b"", what=b""):
    """Bulk goes by pipes, never by files; how much of it is said on the way."""
    try:
        age = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        raise Refusal(INTERNAL, "the program age is not installed (Debian: age)")
    thread = threading.Thread(target=feed, args=(age.stdin, data, what))
    thread.start()
    out = age.stdout.read()
    thread.join()
    return out if age.wait() == 0 else None


def feed(pipe, data, what):
    try:
        with pipe:
            for at in range(0, len(data), 1 << 20):
                pipe.write(data[at:at + (1 << 20)])
                if what:
                    send(PROGRESS, current, [(DONE, number(at)), (TOTAL, number(len(data))), (WHAT, what)])
    except BrokenPipeError:
        pass  # its status says why


def known():
    """address → age1… key."""
    try:
        with open(path_of("recipients"), encoding="utf-8") as f:
            lines = [line.split("#")[0].split() for line in f]
    except OSError as why:
        raise Refusal(NO_KEY, "the file of recipients cannot be read: %s" % why.strerror)
    return {words[0].lower(): words[1] for words in lines if len(words) == 2 and words[1].startswith("age1")}


def own_keys():
    return (run(["age-keygen", "-y", path_of("identity")]) or b"").decode().split()


# ---- operations: each gives the fields of its reply, and a letter or None ----

def hello(fields, letters):
    lowest, highest = integer(fields, VERSION_MIN), integer(fields, VERSION_MAX)
    if not lowest <= 1 <= highest:
        raise Refusal(UNSUPPORTED, "this plugin speaks version 1 of the protocol; install a newer one")
    for option in (value.decode() for tag, value in fields if tag == OPTION):
        name, _, value = option.partition("=")
        options[name] = value
    return [(VERSION, number(1)), (NAME, b"age"), (PLUGIN_VERSION, b"1"),
            (CAPABILITIES, number(CAN_SEAL_IT | CAN_OPEN_IT | CAN_LIST_KEYS))], None


def recipients(fields, letters):
    answer, there, own = [], known(), own_keys()
    for address in (value for tag, value in fields if tag == RECIPIENT):
        key = there.get(address.decode().lower())
        answer += [(RECIPIENT, address), (CAN_SEAL, number(key is not None)), (CAN_SIGN, number(key in own))]
        if key is None:
            answer.append((WHY, b"there is no key of %s; ask for it and put it into the file of recipients" % address))
        else:
            answer += [(KEY, key.encode()), (USER_ID, address)]
    return answer, None


def seal(fields, letters):
    if integer(fields, OPERATIONS) != ENCRYPT:
        raise Refusal(UNSUPPORTED, 'age cannot sign; say sign = "never" in the crypto block of the rc file')
    keys = sorted({value.decode() for tag, value in fields if tag == KEY})
    if not keys or not set(keys) <= set(known().values()):
        raise Refusal(NO_KEY, "a key is not in the file of recipients any more; look at the letter again")
    armour = run(["age", "--armor"] + [word for key in keys for word in ("--recipient", key)], letters[0],
                 b"encrypting")
    if armour is None:
        raise Refusal(INTERNAL, "age could not do it; try it by hand")
    boundary = b"=_" + secrets.token_hex(16).encode()
    letter = b"\r\n".join([
        b'Content-Type: multipart/encrypted; protocol="application/age-encrypted";', b'\tboundary="%s"' % boundary, b"",
        b"--" + boundary, b"Content-Type: application/age-encrypted", b"", b"Version: 1", b"",
        b"--" + boundary, b'Content-Type: application/octet-stream; name="encrypted.age"', b"",
        *armour.splitlines(), b"", b"--%s--" % boundary, b""])
    if len(letter) > integer(fields, LIMIT):
        raise Refusal(TOO_LARGE, "the letter is too large; attach less")
    return [], letter


def open_letter(fields, letters):
    if first(fields, FORMAT) != b"age-sealed":
        raise Refusal(UNSUPPORTED, "this is not sealed by age")
    plain = run(["age", "--decrypt", "--identity", path_of("identity")], letters[0], b"decrypting")
    if plain is None:
        raise Refusal(INTEGRITY_ERROR, "it is not sealed to your key, or was changed on its way")
    if len(plain) > integer(fields, LIMIT):
        raise Refusal(TOO_LARGE, "the letter is too large when opened")
    return [(ENCRYPTED, number(1)), (INTEGRITY, number(1))], plain


def list_keys(fields, letters):
    if first(fields, ACTION) != b"own":
        raise Refusal(UNSUPPORTED, "the age plugin lists your own keys and does no more")
    answer, own = [], own_keys()
    for address, key in known().items():
        if key in own:
            answer += [(KEY, key.encode()), (USER_ID, address.encode()), (HAVE_SECRET, number(1))]
    return answer, None


operations = {HELLO: hello, RECIPIENTS: recipients, SEAL: seal, OPEN: open_letter, KEYS: list_keys}

while True:
    kind, request, fields, letters = receive()
    current = request
    try:
        if kind not in operations:
            raise Refusal(UNSUPPORTED, "this plugin cannot do that")
        reply, letter = operations[kind](fields, letters)
        send(kind | REPLY, request, reply, letter)
    except Refusal as why:
        send(ERROR, request, [(CODE, number(why.code)), (WHY, str(why).encode())])
