"""Letters for the kill story, and whether each is here exactly once.

letters.py make DIR COUNT SEED        files to deliver; some are twins
letters.py expect STATE DROP          notes the letters of a drop: base name, digest
letters.py compare STATE MAILDIR      silent when MAILDIR holds exactly those
letters.py age STATE.DB DAYS          lets that many days pass since each was fetched
"""
import collections
import hashlib
import os
import random
import sqlite3
import sys

BODIES = ["ciao\n", "", ".\n..\n.tre\nFrom qui\n", "\n\n.\n", "senza fine", "è già qui\n"]


def make(directory, count, seed):
    rng = random.Random(seed)
    text = ""
    for i in range(count):
        if not text or rng.random() > .15:
            body = rng.choice(BODIES) * rng.randint(1, 4) + "riga %d\n" % i * rng.choice([0, 3, 400, 9000])
            text = "From: x@example.org\nSubject: %s-%d\nMessage-ID: <%s.%d@example.org>\n\n%s" % (seed, i, seed, i, body)
        with open(os.path.join(directory, "%03d" % i), "w") as f:
            f.write(text)


def digests(maildir):
    for sub in ("new", "cur"):
        path = os.path.join(maildir, sub)
        for name in os.listdir(path) if os.path.isdir(path) else []:
            with open(os.path.join(path, name), "rb") as f:
                text = f.read().replace(b"\r\n", b"\n")
            # The server ends every line, the last one too.
            if not text.endswith(b"\n"):
                text += b"\n"
            yield name.split(":")[0].split(",")[0], hashlib.sha256(text).hexdigest()


def known(state):
    if not os.path.exists(state):
        return {}
    with open(state) as f:
        return dict(line.split() for line in f)


def expect(state, drop):
    letters = known(state)
    letters.update(digests(drop))
    with open(state, "w") as f:
        f.writelines("%s %s\n" % pair for pair in letters.items())


def compare(state, maildir):
    wanted = collections.Counter(known(state).values())
    got = collections.Counter(digest for _, digest in digests(maildir))
    lost, more = wanted - got, got - wanted
    doubled = sum(count for digest, count in more.items() if digest in wanted)
    foreign = sum(more.values()) - doubled
    left = os.listdir(os.path.join(maildir, "tmp"))
    if lost or more or left:
        print("%d lost, %d doubled, %d that nobody sent, %d left in tmp" % (
            sum(lost.values()), doubled, foreign, len(left)))


def age(database, days):
    with sqlite3.connect(database, timeout=20) as db:
        db.execute("UPDATE drop_letters SET fetched = fetched - ?", (int(days) * 86400,))
    db.close()


def main(what, path, *rest):
    if what == "make":
        make(path, int(rest[0]), rest[1])
    else:
        {"expect": expect, "compare": compare, "age": age}[what](path, rest[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
