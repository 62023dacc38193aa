#!/usr/bin/env python3
"""Another writer on the same Maildirs: one session with Dovecot's imap, which adds,
flags, labels, moves and removes letters at random.  What it asked to be removed for
good it prints, a Message-ID a line: another may have moved the letter away meanwhile.

usage: imap.py SEED STEPS FIRST-NUMBER COMMAND…    COMMAND speaks IMAP, logged in already
       imap.py list FOLDER COMMAND…                Message-ID and flags of each letter
"""
import email.utils
import imaplib
import random
import re
import shlex
import sys
import time


def connect(command):
    imap = imaplib.IMAP4_stream(" ".join(shlex.quote(word) for word in command))
    assert imap.state == "AUTH", imap.state
    return imap


def done(answer):
    status, data = answer
    assert status == "OK", data
    return data


def letter(number):
    date = email.utils.formatdate(1704067200 + number * 60)
    return (f"From: Bruno <bruno@campagna.example>\r\nDate: {date}\r\n"
            f"Message-ID: <n{number}@story.example>\r\nSubject: number {number}\r\n\r\na boat\r\n").encode()


def fetch(imap, what, items):
    for part in done(imap.uid("FETCH", what, items)):
        if isinstance(part, tuple):
            yield part[0].decode() + " ", part[1].decode(errors="replace")


def message_id(text):
    return re.search(r"<(.*?)>", text).group(1)


def step(imap, rand, number):
    """One change; its Message-ID when that letter was to go for good."""
    done(imap.select(rand.choice(["Inbox", "Archive"])))
    uids = done(imap.uid("SEARCH", None, "ALL"))[0].split()
    what = rand.randrange(8)
    if what < 2 or not uids:
        done(imap.append("Inbox", rand.choice([None, r"(\Seen)", r"(\Seen $Boat)"]), None, letter(number)))
        return None
    uid = rand.choice(uids).decode()
    if what < 5:
        flags = rand.choice([r"(\Seen)", r"(\Flagged)", r"(\Answered)", "($Boat)", "(Other)"])
        imap.uid("STORE", uid, rand.choice(["+FLAGS", "-FLAGS"]), flags)
    elif what < 7:
        imap.uid("MOVE", uid, rand.choice(["Inbox", "Archive"]))
    else:
        found = [message_id(text) for _, text in fetch(imap, uid, "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")]
        imap.uid("STORE", uid, "+FLAGS", r"(\Deleted)")
        done(imap.uid("EXPUNGE", uid))
        return found[0] if found else None
    return None


def change(seed, steps, first, command):
    imap, rand = connect(command), random.Random(seed)
    for i in range(steps):
        gone = step(imap, rand, first + i)
        if gone:
            print(gone, flush=True)
        time.sleep(0.05)
    imap.logout()


def show(folder, command):
    imap = connect(command)
    done(imap.select(folder, readonly=True))
    for head, text in fetch(imap, "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"):
        flags = re.search(r"FLAGS \((.*?)\)", head).group(1).split()
        kept = sorted(flag for flag in flags if flag in (r"\Seen", r"\Flagged", r"\Answered"))
        print(message_id(text), " ".join(kept))
    imap.logout()


if sys.argv[1] == "list":
    show(sys.argv[2], sys.argv[3:])
else:
    change(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
