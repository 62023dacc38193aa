"""Letters for the batteries that read them: how they are built, signed and sealed, and
how one is told: the program reads it, and whatever it holds, nothing raw is printed,
no connection is made, and the seal is the one that the table says."""
import re
import socket
import subprocess
import threading

from battery import *  # noqa: F403

BRUNO, MALLORY = b"bruno@tuoisp.example", b"mallory@evil.example"


class Letter(Scenario):
    """`data`: its bytes, or a function that makes them.  `seal`: how the first line
    goes on, or several ways; `has`, `lacks`: of what is printed; `answered`: what
    answers and forwards of it quote must have been shown, and lacks the same."""

    own_defaults = dict(data=b"", words=("show", "-"), seal=None, has=(), lacks=(), then=None, before=None, binary=False, answered=False)


def rows_into(table):
    def row(name, data, codes=0, **given):
        given.setdefault("seconds", 12)
        table.append(Letter(name, codes, data=data, **given))
    return row


# --- building ----------------------------------------------------------------------

def mail(body=b"ciao\n", head=b"", sender=b"Bruno Verdi <" + BRUNO + b">", subject=b"prova"):
    return b"From: %s\nTo: anna@tuoisp.example\nSubject: %s\nDate: Mon, 2 Mar 2026 10:00:00 +0100\nMessage-ID: <m@x.example>\n%s\n%s" % (sender, subject, head, body)


def typed(kind, body, more=b"", **given):
    return mail(body, b"MIME-Version: 1.0\nContent-Type: %s\n%s" % (kind, more), **given)


def mixed(*parts, kind=b"multipart/mixed", **given):
    return typed(kind + b"; boundary=xx", b"".join(b"--xx\n" + part + b"\n" for part in parts) + b"--xx--\n", **given)


def inner(letter):
    """A letter's MIME fields and body, as a part."""
    head, _, body = letter.partition(b"\n\n")
    fields = re.sub(rb"\n(?=[^ \t])", b"\n\0", head).split(b"\n\0")
    return b"\n".join(f for f in fields if f.lower().startswith(b"content-")) + b"\n\n" + body


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def dearmor(armour):
    return subprocess.run(["gpg", "--dearmor"], input=armour, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def enarmor(data):
    return subprocess.run(["gpg", "--enarmor"], input=bytes(data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.replace(b"ARMORED FILE", b"MESSAGE")


class Ring:
    """Anna's key ring: her own pair, Bruno's, and Mallory's, whose key is good for her own address."""

    PEOPLE = ("Anna Rossi <anna@tuoisp.example>", "Bruno Verdi <bruno@tuoisp.example>", "Mallory <mallory@evil.example>")

    def __init__(self, directory, people=PEOPLE):
        self.dir = directory
        os.mkdir(directory, 0o700)
        with open(os.path.join(directory, "gpg-agent.conf"), "w") as f:
            f.write("s2k-count 65536\n")
        for who in people:
            self("--passphrase", "", "--allow-freeform-uid", "--quick-generate-key", who, "future-default", "default", "never")
        self("--check-trustdb")

    def __call__(self, *words, data=b""):
        return subprocess.run(["gpg", "--homedir", self.dir, "--batch", "--quiet", "--no-tty", "--trust-model", "pgp", *words], input=data, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def sign(self, entity, *who, more=()):
        users = [word for name in who for word in ("--local-user", name)]
        return self(*users, *more, "--armor", "--detach-sign", data=crlf(entity))

    def clear_sign(self, text, who="bruno@tuoisp.example"):
        return self("--local-user", who, "--clearsign", data=text)

    def seal(self, data, *more):
        return self("--armor", "--encrypt", "--always-trust", "-r", "anna@tuoisp.example", *more, data=data)

    def session_key(self, armour):
        """Of AES-256."""
        told = subprocess.run(["gpg", "--homedir", self.dir, "--batch", "--show-session-key", "--decrypt"], input=armour, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True).stderr
        algorithm, key = re.search(rb"session key: '(\d+):([0-9A-F]+)'", told).groups()
        assert algorithm == b"9"
        return key.decode()

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.dir, "--kill", "all"], check=False)


def pgp_signed(entity, signature, head=b"", **given):
    body = b"--ss\n%s\n--ss\nContent-Type: application/pgp-signature\n\n%s\n--ss--\n" % (entity, signature)
    return typed(b"multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=ss", body, head, **given)


def pgp_sealed(armour, **given):
    return typed(b"multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=ee",
                 b"--ee\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--ee\nContent-Type: application/octet-stream\n\n%s\n--ee--\n" % armour, **given)


# --- telling -------------------------------------------------------------------------

# One gpg at a time makes letters of the one ring.
MAKING = threading.Lock()


def check_seal(scenario, text):
    first = text.split("\n")[0] + "\n"
    scenario.check(first.startswith("Seal: "), "the first line: %r" % first)
    head = text.split("\n\n")[0].split("\n")[1:]
    scenario.check(not [line for line in head if line.lower().replace(" ", "").startswith("seal:")], "a second Seal line")
    wanted = (scenario.seal,) if isinstance(scenario.seal, str) else scenario.seal
    if wanted:
        scenario.check(any(first[6:].startswith(w) for w in wanted), "the seal: %r, wanted %r" % (first, wanted))


def check_answers(scenario, data, shown):
    """Covert Content: a reply quotes only what was visible."""
    seen = re.sub(r"[\s>]+", "", shown)
    for words in (("reply", "-"), ("reply", "--all", "-"), ("forward", "-")):
        run = scenario.check_run(scenario.home.run(*words, stdin=data))
        text = run.out.decode("utf-8", "replace")
        for part in scenario.lacks:
            scenario.check(part not in text, "%s quotes: %r" % (words[0], part))
        for line in text.partition("\n\n")[2].split("\n"):
            if line.startswith("> ") and re.search(r"\w", line):
                scenario.check(re.sub(r"[\s>]+", "", line) in seen, "%s quotes what was not shown: %r" % (words[0], line))


def tell_letter(scenario):
    """In scenario.home, which has its rc file and its ring."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with MAKING:
            data = scenario.data() if callable(scenario.data) else scenario.data
        data = data.replace(b"PORT", b"%d" % listener.getsockname()[1])
        if scenario.before:
            scenario.before(scenario)
        run = scenario.home.run(*scenario.words, stdin=data)
        if scenario.binary:
            scenario.check(run.out == data, "these are not its bytes")
            run.out = b""
        scenario.check_run(run)
        text = run.out.decode("utf-8", "replace")
        if scenario.answered:
            check_answers(scenario, data, text)
        try:
            listener.accept()
            scenario.check(False, "it calls home")
        except BlockingIOError:
            pass
    if scenario.words[0] == "show" and "json" not in scenario.words and "--raw" not in scenario.words and run.code == 0:
        check_seal(scenario, text)
    for part in scenario.has:
        scenario.check(part in text, "not shown: %r" % part)
    for part in scenario.lacks:
        scenario.check(part not in text, "shown: %r" % part)
    if scenario.then:
        scenario.then(scenario, run)
    if scenario.faults:
        scenario.faults.append("the run: " + run.words()[:1500])
