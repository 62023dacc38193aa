"""The figures of postino beside its peers', measured in the same run.

bench.py BUILD-DIRECTORY [opening] [search] [pop3] [smtp] [sealing] [--letters N,N…]

Without a name all tables are printed. Peers that are not installed are left
out. What counts is the ratio to the peer in the same run: machines are noisy.
"""
import argparse
import base64
import fcntl
import os
import pty
import random
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ISP = os.path.join(HERE, "..", "isp", "isp")
PROXY = os.path.join(HERE, "..", "isp", "proxy.py")
RUNS = 3

# ---- mail ----

SYLLABLES = "ba be bi bo ca ce ci co da de di do fa fe fi fo la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to va ve vi vo".split()
PEOPLE = [("Anna Rossi", "anna"), ("Bruno Verdi", "bruno"), ("Zoë Müller", "zoe"), ("Tom Harper", "tom")]


def words(rng, n):
    common = ["the", "and", "di", "che", "per"]
    return [rng.choice(common) if rng.random() < .3 else
            "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))) for _ in range(n)]


def letter(rng, i, last):
    name, local = rng.choice(PEOPLE)
    reply = last and rng.random() < .5
    subject = ("Re: " + last[1]) if reply else " ".join(words(rng, 5))
    size = int(min(60000, rng.lognormvariate(7.3, 1)))
    body, line = [], []
    for word in words(rng, size // 6):
        line.append(word)
        if len(line) == 11:
            body.append(" ".join(line))
            line = []
    body.append(" ".join(line))
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1500000000 + i * 600))
    head = ["From: %s <%s@bench.example>" % (name if name.isascii() else "=?utf-8?q?Zo=C3=AB_M=C3=BCller?=", local),
            "To: Anna Rossi <anna@tuoisp.example>", "Subject: " + subject, "Date: " + date,
            "Message-ID: <%d.bench@bench.example>" % i, "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8"]
    if reply:
        head.append("In-Reply-To: <%d.bench@bench.example>" % last[0])
    if rng.random() < .001:
        body.insert(0, "a rare word: zibibbo")
    base = subject[4:] if reply else subject
    return ("\n".join(head) + "\n\n" + "\n".join(body) + "\n").encode(), (i, base)


def corpus(folder, n):
    rng, last = random.Random(n), None
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, sub))
    for i in range(n):
        data, last = letter(rng, i, last)
        with open(os.path.join(folder, "cur", "%d.%08x.bench:2,S" % (1500000000 + i * 600, i)), "wb") as f:
            f.write(data)


# ---- measuring ----

def median(values):
    return sorted(values)[len(values) // 2]


class Screen:
    """A program on a pty of 80x24, until it shows `pattern`."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def wait(self, pattern, seconds):
        seen, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([self.fd], [], [], end - time.monotonic())
            if not ready:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            seen += data
            if re.search(pattern, seen):
                return True
        return False

    def memory(self):
        for line in open("/proc/%d/status" % self.pid):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024
        return 0

    def end(self, keys):
        os.write(self.fd, keys)
        start = time.monotonic()
        while time.monotonic() - start < 10:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return time.monotonic() - start
            if select.select([self.fd], [], [], .005)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    pass
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return 10.0


def run(argv, env=None, stdin=None, limit=None):
    start = time.monotonic()
    try:
        done = subprocess.run(argv, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit)
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(argv, -1)
    return time.monotonic() - start, done


def row(*cells):
    print("  " + "".join(str(c).ljust(30 if i == 0 else 15) for i, c in enumerate(cells)), flush=True)


class Place:
    def __init__(self, program):
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="pst-bench.", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.env = {"HOME": self.dir, "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": os.path.join(self.dir, "run")}
        os.mkdir(self.env["XDG_RUNTIME_DIR"], 0o700)

    def rc(self, name, mail_dir, rest=""):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write('mail-dir = "%s"\nfetch-every = 0\nsend-delay = 0\n%s' % (mail_dir, rest))
        os.chmod(path, 0o600)
        return path

    def postino(self, rc, *words):
        return [self.program, "-c", rc, *words]


# ---- opening and searching ----

def newest(folder):
    name = max(os.listdir(os.path.join(folder, "cur")), key=lambda n: int(n.split(".")[0]))
    for line in open(os.path.join(folder, "cur", name), encoding="utf-8"):
        if line.startswith("Subject: "):
            return re.escape(" ".join(line[9:].removeprefix("Re: ").split()[:3])).encode()


def open_once(argv, env, pattern, keys):
    start = time.monotonic()
    screen = Screen(argv, env)
    shown = screen.wait(pattern, 300)
    seconds = time.monotonic() - start
    memory = screen.memory()
    return (seconds if shown else None), memory, screen.end(keys)


def opening(place, sizes):
    print("Opening a folder: seconds from start to the newest subject on the screen, warm (peak MB; quitting)")
    row("", *["%d letters" % n for n in sizes])
    results = {}
    for n in sizes:
        mail = os.path.join(place.dir, "mail-%d" % n)
        corpus(os.path.join(mail, "Inbox"), n)
        rc = place.rc("rc-%d" % n, mail)
        first, _ = run(place.postino(rc, "index"), place.env)
        results.setdefault("postino, first index (s)", []).append("%.2f" % first)
        inbox = os.path.join(mail, "Inbox")
        pattern = newest(inbox)
        tries = [open_once(place.postino(rc, "Inbox"), place.env, pattern, b"q") for _ in range(RUNS)]
        results.setdefault("postino", []).append(tell(tries))
        if shutil.which("mutt"):
            muttrc = os.path.join(place.dir, "muttrc")
            with open(muttrc, "w") as f:
                f.write('set folder="%s"\nset mbox_type=Maildir\nset sort=reverse-date\nset header_cache="%s/hc"\n'
                        'set quit=yes\nset move=no\nset wait_key=no\n' % (mail, mail))
            argv = ["mutt", "-n", "-F", muttrc, "-R", "-f", inbox]
            cold, _, _ = open_once(argv, place.env, pattern, b"q")
            results.setdefault("mutt, first time (s)", []).append("%.2f" % cold if cold else "–")
            tries = [open_once(argv, place.env, pattern, b"q") for _ in range(RUNS)]
            results.setdefault("mutt 2, header cache", []).append(tell(tries))
    for name, cells in results.items():
        row(name, *cells)


def tell(tries):
    shown = [t[0] for t in tries if t[0] is not None]
    if not shown:
        return "not shown"
    return "%.3f (%d; %.2f)" % (median(shown), max(t[1] for t in tries), median([t[2] for t in tries]))


def search(place, sizes):
    n = sizes[-1]
    mail = os.path.join(place.dir, "search-%d" % n)
    corpus(os.path.join(mail, "Inbox"), n)
    rc = place.rc("rc-search", mail)
    print("Indexing and searching %d letters: seconds of whole commands" % n)
    queries = (("rare word", "zibibbo"), ("commonest word", "the"), ("from and date", "from:zoe date:2017-08"))
    row("", "index", "index MB", *[q[0] for q in queries])
    cells = ["%.2f" % run(place.postino(rc, "index"), place.env)[0],
             "%d" % (sum(os.path.getsize(os.path.join(mail, ".postino", f)) for f in os.listdir(os.path.join(mail, ".postino"))
                         if f.startswith("index.db")) >> 20)]
    for _, query in queries:
        cells.append("%.3f" % median([run(place.postino(rc, "search", "--limit", "50", query), place.env)[0] for _ in range(RUNS)]))
    row("postino", *cells)
    if shutil.which("mu"):
        home = os.path.join(place.dir, "mu")
        run(["mu", "init", "--muhome", home, "-m", mail], place.env)
        cells = ["%.2f" % run(["mu", "index", "--quiet", "--muhome", home], place.env)[0],
                 "%d" % (sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(home) for f in fs) >> 20)]
        for query in ("zibibbo", "the", "from:zoe date:20170801..20170831"):
            cells.append("%.3f" % median([run(["mu", "find", "--muhome", home, "-n", "50", "-z", "-s", "date", query], place.env)[0]
                                          for _ in range(RUNS)]))
        row("mu", *cells)


# ---- servers ----

class Provider:
    def __init__(self, place):
        self.dir = os.path.join(place.dir, "isp")
        subprocess.run([ISP, "up", self.dir], check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run([ISP, "env", self.dir], check=True, stdout=subprocess.PIPE, text=True).stdout
        script = "set -a; eval \"$1\"; env"
        lines = subprocess.run(["bash", "-c", script, "-", text], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.env = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
        self.proxies = []

    def fill(self, n):
        rng, last, paths = random.Random(7), None, []
        source = os.path.join(self.dir, "letters")
        os.makedirs(source, exist_ok=True)
        for i in range(n):
            data, last = letter(rng, i, last)
            path = os.path.join(source, "%d" % i)
            with open(path, "wb") as f:
                f.write(data)
            paths.append(path)
        for at in range(0, n, 500):
            subprocess.run([ISP, "deliver", self.dir, "anna", *paths[at:at + 500]], check=True, stdout=subprocess.DEVNULL)

    def refill(self):
        """The drop as it was filled."""
        drop, full = os.path.join(self.dir, "mail", "anna", "drop"), os.path.join(self.dir, "full")
        if not os.path.exists(full):
            subprocess.run(["cp", "-a", drop, full], check=True)
            return drop
        # With Dovecot's own files, which would miss letters that come back under old names.
        for name in os.listdir(drop):
            path = os.path.join(drop, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        subprocess.run(["cp", "-a", full + "/.", drop], check=True)
        return drop

    def thin(self, drop, letters):
        for sub in ("new", "cur"):
            for name in sorted(os.listdir(os.path.join(drop, sub)))[letters:]:
                os.unlink(os.path.join(drop, sub, name))

    def delayed(self, port, milliseconds):
        file = os.path.join(self.dir, "proxy.%s.%g.%d" % (port, milliseconds, len(self.proxies)))
        self.proxies.append(subprocess.Popen([sys.executable, PROXY, port, "--port-file", file, "--delay", str(milliseconds)]))
        while not os.path.exists(file):
            time.sleep(.02)
        return open(file).read().strip()

    def end(self):
        for proxy in self.proxies:
            proxy.terminate()
            proxy.wait()
        subprocess.run([ISP, "down", self.dir], stdout=subprocess.DEVNULL)


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def account(provider, pop3, smtp, leave="yes"):
    env = provider.env
    return ('account "anna" { from = "Anna Rossi <%s>" user = "anna" password = "%s"\n'
            'pop3 { server = "localhost" port = %s ca-file = "%s" leave-on-server = %s }\n'
            'smtp { server = "localhost" port = %s ca-file = "%s" } }\n'
            % (env["ANNA_ADDRESS"], quoted(env["ANNA_PASSWORD"]), pop3, env["ISP_CA"], leave, smtp, env["ISP_CA"]))


class Postino:
    """A program that fetches; `few`: letters of one fetch, where it goes letter by letter."""
    name, few, statuses = "postino", None, (0,)

    def __init__(self, place, provider, port, key, leave):
        rc = place.rc("rc-" + key, os.path.join(place.dir, key),
                      account(provider, port, provider.env["SUBMISSIONS_PORT"], "yes" if leave else "no"))
        self.argv = place.postino(rc, "fetch")


def with_rc(place, name, text):
    path = os.path.join(place.dir, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def maildir(place, key):
    path = os.path.join(place.dir, key)
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, sub))
    return path


class Mpop:
    name, few, statuses = "mpop", None, (0,)

    def __init__(self, place, provider, port, key, leave):
        # Its own quotes know no escapes, and a password may hold anything.
        secret = with_rc(place, key + ".password", provider.env["ANNA_PASSWORD"] + "\n")
        conf = with_rc(place, key + ".rc", (
            'account default\nhost localhost\nport %s\nuser anna\npasswordeval "cat %s"\ntls on\ntls_starttls off\n'
            'tls_trust_file %s\nkeep %s\ndelivery maildir %s\nuidls_file %s\n')
            % (port, secret, provider.env["ISP_CA"], "on" if leave else "off", maildir(place, key), secret + ".uidls"))
        self.argv = ["mpop", "-q", "-C", conf]


class Fetchmail:
    """To LMTP, since it keeps no mail itself; 1: there was no mail, 13: there is more."""
    name, few, statuses = "fetchmail", 200, (0, 1, 13)

    def __init__(self, place, provider, port, key, leave):
        home = os.path.join(place.dir, key)
        os.makedirs(home, mode=0o700)
        conf = with_rc(place, key + ".rc", (
            'set idfile "%s/ids"\npoll localhost service %s protocol pop3 uidl\n'
            '  user "anna" password "%s" ssl sslproto "tls1.2+" sslcertfile "%s" sslcertck %s\n'
            '  smtphost "%s" lmtp smtpname "bruno@tuoisp.example" fetchlimit %d batchlimit 0\n')
            % (home, port, "".join("\\x%02x" % b for b in provider.env["ANNA_PASSWORD"].encode()), provider.env["ISP_CA"], "keep" if leave else "no keep",
               os.path.join(provider.dir, "run", "lmtp"), self.few))
        self.argv = ["fetchmail", "--silent", "--nosyslog", "--pidfile", home + "/pid", "-f", conf]


class Getmail:
    name, few, statuses = "getmail", 200, (0,)

    def __init__(self, place, provider, port, key, leave):
        home = os.path.join(place.dir, key)
        os.makedirs(home, mode=0o700)
        with_rc(place, key + "/getmailrc", (
            '[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = %s\nusername = anna\npassword = %s\n'
            'ca_certs = %s\n[destination]\n%s[options]\nread_all = false\ndelete = %s\n'
            'max_messages_per_session = %d\nverbose = 0\n')
            % (port, provider.env["ANNA_PASSWORD"].replace("%", "%%"), provider.env["ISP_CA"], self.destination(maildir(place, key + ".mail")),
               "false" if leave else "true", self.few))
        self.argv = ["getmail", "--getmaildir", home]

    def destination(self, path):
        # It refuses to write a Maildir as root.
        if os.geteuid():
            return "type = Maildir\npath = %s/\n" % path
        return ('type = MDA_external\npath = /bin/dd\narguments = ("status=none", "oflag=append", "conv=notrunc", "of=%s/mbox")\n'
                'allow_root_commands = true\n' % path)


def timed_fetch(place, client):
    seconds, done = run(client.argv, place.env, limit=60)
    return "%.2f" % seconds if done.returncode in client.statuses else "stalls" if done.returncode == -1 else "failed"


def pop3_cells(place, provider, kind, trips, letters, leave):
    for trip in trips:
        drop = provider.refill()
        port = provider.delayed(provider.env["POP3S_PORT"], trip / 2) if trip else provider.env["POP3S_PORT"]
        client = kind(place, provider, port, "pop3-%s-%d-%s" % (kind.name, trip, "keep" if leave else "delete"), leave)
        yield timed_fetch(place, client)
        # Who takes a few at a time is shown the same few again, with nothing new.
        if leave:
            if kind.few:
                provider.thin(drop, kind.few)
            yield timed_fetch(place, client)


def pop3(place, letters):
    provider, trips = Provider(place), (0, 20, 50)
    kinds = [Postino] + [k for k in (Mpop, Fetchmail, Getmail) if shutil.which(k.name)]
    try:
        provider.fill(letters)
        print("POP3S, %d letters (seconds; a number in brackets: so many letters only)" % letters)
        row("left on the server", *[c for t in trips for c in ("RTT %d ms" % t, "nothing new")])
        for kind in kinds:
            label = kind.name + (" (%d)" % kind.few if kind.few else "")
            row(label, *pop3_cells(place, provider, kind, trips, letters, True))
        row("deleted there", *["RTT %d ms" % t for t in trips])
        for kind in kinds:
            label = kind.name + (" (%d)" % kind.few if kind.few else "")
            row(label, *pop3_cells(place, provider, kind, trips, letters, False))
    finally:
        provider.end()


def smtp(place, count):
    provider = Provider(place)
    try:
        port = provider.delayed(provider.env["SUBMISSIONS_PORT"], 25)
        print("Submission over TLS with AUTH, RTT 50 ms: seconds")
        row("", "one letter", "%d letters" % count)
        rc = place.rc("rc-smtp", os.path.join(place.dir, "smtp"), account(provider, provider.env["POP3S_PORT"], port))
        text = "From: anna@tuoisp.example\nTo: bruno@tuoisp.example\nSubject: bench %d\n\nciao\n"

        def send(argv, i):
            path = os.path.join(place.dir, "letter")
            with open(path, "w") as f:
                f.write(text % i)
            with open(path) as f:
                return run(argv, place.env, f)[0]

        def both(argv):
            one = median([send(argv, i) for i in range(RUNS)])
            start = time.monotonic()
            for i in range(count):
                send(argv, i)
            return "%.2f" % one, "%.2f" % (time.monotonic() - start)
        row("postino", *both(place.postino(rc, "send", "-t")))
        if shutil.which("msmtp"):
            conf = os.path.join(place.dir, "msmtprc")
            with open(conf, "w") as f:
                f.write('account default\nhost localhost\nport %s\nfrom anna@tuoisp.example\nauth on\nuser anna\npassword "%s"\n'
                        'tls on\ntls_starttls off\ntls_trust_file %s\n' % (port, quoted(provider.env["ANNA_PASSWORD"]), provider.env["ISP_CA"]))
            os.chmod(conf, 0o600)
            row("msmtp", *both(["msmtp", "-C", conf, "-t"]))
    finally:
        provider.end()


# ---- sealing ----

def sealable(path, megabytes):
    """A letter of anna's to bruno: a page of text, or with an attachment of so many MB."""
    rng = random.Random(1)
    head = "From: Anna Rossi <anna@tuoisp.example>\nTo: bruno@tuoisp.example\nSubject: bench\nMIME-Version: 1.0\n"
    text = "\n".join(" ".join(words(rng, 10)) for _ in range(60)) + "\n"
    with open(path, "w", encoding="utf-8") as f:
        if not megabytes:
            f.write(head + "Content-Type: text/plain; charset=utf-8\n\n" + text)
            return
        f.write(head + 'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nciao\n--b\n'
                "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=x\n"
                "Content-Transfer-Encoding: base64\n\n")
        for _ in range(megabytes * 1024 * 1024 // 77):
            f.write(base64.b64encode(rng.randbytes(57)).decode() + "\n")
        f.write("\n--b--\n")


def sealing(place, megabytes, count):
    ring = os.path.join(place.dir, "ring")
    os.mkdir(ring, 0o700)
    env = dict(place.env, GNUPGHOME=ring)
    for name in ("Anna Rossi <anna@tuoisp.example>", "Bruno Verdi <bruno@tuoisp.example>"):
        run(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", name, "future-default", "default", "0"], env)
    # Without a server: what is sealed is kept, and said to be (status 78).
    mail = os.path.join(place.dir, "sealed")
    rc = place.rc("rc-sealed", mail, 'account "a" { from = "Anna Rossi <anna@tuoisp.example>" user = "a" crypto { plugin = "openpgp" } }\n')
    gpg = ["gpg", "--batch", "--quiet", "--no-tty", "--yes"]
    small, large, out = (os.path.join(place.dir, name) for name in ("small", "large", "sealed.asc"))
    sealable(small, 0)
    sealable(large, megabytes)

    def seconds(argv, path, wanted):
        with open(path, "rb") as f:
            took, done = run(argv, env, f)
        if done.returncode not in wanted:
            raise SystemExit("%s: %s" % (argv, done.stderr.decode(errors="replace")))
        return took

    def rate(argv, path, wanted=(0,)):
        seconds(argv, path, wanted)
        return "%.1f" % (1 / median([seconds(argv, path, wanted) for _ in range(count)]))

    def cells(seal, opened, wanted):
        first = rate(seal, small, wanted)
        sealed_small = opened()
        second = rate(sealed_small[0], sealed_small[1])
        third = "%.2f" % seconds(seal, large, wanted)
        sealed_large = opened()
        return first, second, third, "%.2f" % seconds(sealed_large[0], sealed_large[1], (0,))

    def newest_sealed():
        outbox = os.path.join(mail, "Outbox")
        paths = [os.path.join(outbox, d, f) for d in ("cur", "new") for f in os.listdir(os.path.join(outbox, d))]
        path = max(paths, key=lambda p: os.stat(p).st_mtime_ns)
        return place.postino(rc, "show", path), path

    print("Sealing and signing, opening and verifying: whole commands")
    row("", "seal/s", "open/s", "seal %d MB, s" % megabytes, "open %d MB, s" % megabytes)
    try:
        row("postino", *cells(place.postino(rc, "send", "--encrypt", "--sign", "-t"), newest_sealed, (78,)))
        row("gpg", *cells(gpg + ["--armor", "--encrypt", "--sign", "-r", "anna@tuoisp.example", "-r", "bruno@tuoisp.example",
                                 "--trust-model", "always", "-o", out],
                          lambda: (gpg + ["--decrypt", out], small), (0,)))
    finally:
        run(["gpgconf", "--homedir", ring, "--kill", "all"], env)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--letters", default="1000,10000,100000")
    options = parser.parse_args()
    program = os.path.join(os.path.abspath(options.build), "postino")
    sizes = [int(n) for n in options.letters.split(",")]
    tables = options.tables or ["opening", "search", "pop3", "smtp", "sealing"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    place = Place(program)
    try:
        for table in tables:
            {"opening": lambda: opening(place, sizes), "search": lambda: search(place, sizes),
             "pop3": lambda: pop3(place, 5000), "smtp": lambda: smtp(place, 20),
             "sealing": lambda: sealing(place, 50, 10)}[table]()
            print()
    finally:
        shutil.rmtree(place.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
