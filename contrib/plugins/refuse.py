#!/usr/bin/env python3
"""The smallest plugin of postino in Python that is honest: it has no keys, so it
refuses.  Put a cipher where it refuses; postino-plugin(7) says what a sealed
letter must look like, and contrib/plugins/example.py is a whole one.

    plugin "refuse" { command = "/path/to/refuse.py" }
    postino plugin check ./refuse.py

The postino developers put this file into the public domain.
"""
import fcntl
import os
import socket
import struct

# Types of frames, and numbers of fields.
HELLO, RECIPIENTS, SEAL, OPEN, KEYS, ERROR, REPLY = 1, 2, 3, 4, 5, 255, 128
VERSION_MIN, VERSION_MAX, VERSION, NAME, PLUGIN_VERSION, CAPABILITIES, OPTION = 1, 2, 3, 4, 5, 6, 7
RECIPIENT, CAN_SEAL, WHY, CODE, LAST_KNOWN = 18, 22, 24, 33, 49
CAN_SIGN_IT, CAN_SEAL_IT, CAN_OPEN_IT, CAN_VERIFY_IT, CAN_LIST_KEYS = 1, 2, 4, 8, 16
UNSUPPORTED = 9
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK

connection = socket.socket(fileno=3)


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


# Each gives the fields of its reply, and a letter or None.

def hello(fields, letters):
    lowest, highest = (struct.unpack("<Q", first(fields, tag, number(0)))[0] for tag in (VERSION_MIN, VERSION_MAX))
    if not lowest <= 1 <= highest:
        raise Refusal(UNSUPPORTED, "this plugin speaks version 1 of the protocol; install a newer one")
    return [(VERSION, number(1)), (NAME, b"refuse"), (PLUGIN_VERSION, b"1"), (CAPABILITIES, number(CAN_SEAL_IT))], None


def recipients(fields, letters):
    answer = []
    for address in (value for tag, value in fields if tag == RECIPIENT):
        answer += [(RECIPIENT, address), (CAN_SEAL, number(0)), (WHY, b"this example has no keys; use another plugin")]
    return answer, None


def seal(fields, letters):
    raise Refusal(UNSUPPORTED, "this example seals nothing; use another plugin")


operations = {HELLO: hello, RECIPIENTS: recipients, SEAL: seal}

while True:
    kind, request, fields, letters = receive()
    try:
        if kind not in operations:
            raise Refusal(UNSUPPORTED, "this plugin cannot do that")
        reply, letter = operations[kind](fields, letters)
        send(kind | REPLY, request, reply, letter)
    except Refusal as why:
        send(ERROR, request, [(CODE, number(why.code)), (WHY, str(why).encode())])
