"""The figures of postino beside its peers', measured in the same run.

bench.py BUILD-DIRECTORY [opening] [inside] [search] [pop3] [smtp] [sealing] [--letters N,N…] [--keep DIR]

Without a name all tables are printed. With --keep the letters of the first three
are made in DIR and met again there by the next run. Peers that are not installed are left
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


class Corpora:
    """Mail directories of so many letters in Inbox, made by tests/bench/corpus."""

    def __init__(self, program, directory):
        self.program = program
        self.dir = directory

    def mail(self, n):
        mail = os.path.join(self.dir, "mail-%d" % n)
        if not os.path.exists(os.path.join(mail, "whole")):
            shutil.rmtree(mail, ignore_errors=True)
            subprocess.run([self.program, os.path.join(mail, "Inbox"), str(n)], check=True)
            open(os.path.join(mail, "whole"), "w").close()
        return mail

    def more(self, n, first):
        path = os.path.join(self.dir, "more-%d" % first)
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run([self.program, path, str(n), str(first)], check=True)
        return path


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


def run(argv, env=None, stdin=None):
    start = time.monotonic()
    done = subprocess.run(argv, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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

PATIENCE = 600
# notmuch and mu take a quarter of an hour for 100,000 letters, and gigabytes of memory.
PEERS_INDEX_MOST = 100000


def open_once(argv, env, pattern, keys):
    start = time.monotonic()
    screen = Screen(argv, env)
    shown = screen.wait(pattern, PATIENCE)
    seconds = time.monotonic() - start
    memory = screen.memory()
    return (seconds if shown else None), memory, screen.end(keys)


def tell(tries):
    shown = [t[0] for t in tries if t[0] is not None]
    if not shown:
        return "not shown"
    return "%.3f (%d; %.2f)" % (median(shown), max(t[1] for t in tries), median([t[2] for t in tries]))


def runs_of(argv, env, pattern, keys, first):
    """Once, then again with what was kept: two cells."""
    cold = []
    if first:
        seconds, _, _ = open_once(argv, env, pattern, keys)
        cold = ["%.2f" % seconds if seconds else "not shown"]
    return cold, tell([open_once(argv, env, pattern, keys) for _ in range(RUNS)])


def mutt_argv(place, name, mail, threads):
    """mutt and neomutt read the same settings."""
    path = os.path.join(place.dir, "%src-%d" % (name, threads))
    with open(path, "w") as f:
        f.write('set folder="%s"\nset mbox_type=Maildir\nset sort=%s\nset sort_aux=last-date-received\n'
                'set header_cache="%s/%s-cache"\nset quit=yes\nset move=no\nset wait_key=no\nset mail_check=600\npush "<first-entry>"\n'
                % (mail, "reverse-threads" if threads else "reverse-date", mail, name))
    return [name, "-n", "-F", path, "-R", "-f", os.path.join(mail, "Inbox")]


def aerc_argv(place, mail):
    conf = os.path.join(place.dir, ".config", "aerc")
    os.makedirs(conf, exist_ok=True)
    path = os.path.join(conf, "accounts.conf")
    with open(path, "w") as f:
        f.write("[bench]\nsource = maildir://%s\ndefault = Inbox\nfrom = Anna <anna@here.example>\ncheck-mail = 0\n" % mail)
    os.chmod(path, 0o600)
    return ["aerc"]


def opening(place, sizes):
    print("Opening a folder: seconds from start to the newest subject on the screen, warm (peak MB; seconds to quit)")
    print("aerc: to the first subjects, in the order of the directory")
    row("", *["%d letters" % n for n in sizes])
    results = {}

    def put(name, cell):
        results.setdefault(name, []).append(cell)
        print("  … %d letters, %s: %s" % (n, name, cell), file=sys.stderr, flush=True)

    for n in sizes:
        mail = place.corpora.mail(n)
        pattern = b"zenith"
        rc = place.rc("rc-%d" % n, mail)
        for old in (".postino", "mutt-cache", "neomutt-cache"):
            shutil.rmtree(os.path.join(mail, old), ignore_errors=True)
        never, _, _ = open_once(place.postino(rc, "Inbox"), place.env, pattern, b"q")
        put("postino, never seen", "%.2f" % never if never else "not shown")
        run(place.postino(rc, "index"), place.env)
        put("postino", runs_of(place.postino(rc, "Inbox"), place.env, pattern, b"q", False)[1])
        for peer in ("mutt", "neomutt"):
            if not shutil.which(peer):
                continue
            cold, warm = runs_of(mutt_argv(place, peer, mail, False), place.env, pattern, b"q", True)
            put(peer + ", never seen", cold[0])
            put(peer + ", header cache", warm)
            put(peer + ", threads", runs_of(mutt_argv(place, peer, mail, True), place.env, pattern, b"q", False)[1])
        if shutil.which("aerc"):
            put("aerc", runs_of(aerc_argv(place, mail), place.env, rb"Re: ", b":quit\r", False)[1])
    for name, cells in results.items():
        row(name, *cells)


def inside(place, sizes):
    print("postino, in the process: milliseconds (median of 5, 50 rows)")
    columns = []
    for n in sizes:
        mail = place.corpora.mail(n)
        run(place.postino(place.rc("rc-%d" % n, mail), "index"), place.env)
        # Delivered letters stay: each run brings its own.
        first = int(time.time()) % 10 ** 6 + 2 * 10 ** 6
        more = [place.corpora.more(100, first + 100 * i) for i in range(4)]
        done = run([os.path.join(os.path.dirname(place.corpora.program), "measure"), mail, *more], place.env)[1]
        columns.append(dict(line.split("\t")[:2] for line in done.stdout.decode().splitlines()))
        for path in more:
            shutil.rmtree(path)
    row("", *["%d letters" % n for n in sizes])
    for name in columns[0]:
        row(name, *[column.get(name, "–") for column in columns])


def bytes_below(*paths):
    return sum(os.path.getsize(os.path.join(d, f)) for path in paths for d, _, fs in os.walk(path) for f in fs)


def index_cells(argv, env, *places):
    """Seconds, seconds of processor, peak MB, MB on the disk."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = os.path.join(env["HOME"], "peak")
    seconds, done = run(["/usr/bin/time", "-o", peak, "-f", "%M"] + argv if os.path.exists("/usr/bin/time") else argv, env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit("%s: %s" % (argv, done.stderr.decode(errors="replace")))
    memory = "%d" % (int(open(peak).read().split()[-1]) >> 10) if os.path.exists(peak) else "–"
    return ["%.1f" % seconds, "%.1f" % (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
            memory, "%d" % (bytes_below(*places) >> 20)]


def query_cells(argv, env, queries):
    return ["%.3f" % median([run(argv(query), env)[0] for _ in range(RUNS)]) for query in queries]


def search(place, sizes):
    for n in sizes:
        search_one(place, n, n <= PEERS_INDEX_MOST)


def search_one(place, n, peers):
    mail = place.corpora.mail(n)
    rc = place.rc("rc-search", mail)
    env = place.env
    shutil.rmtree(os.path.join(mail, ".postino"), ignore_errors=True)
    print("Indexing and searching %d letters (%d MB): searches are whole commands" % (n, bytes_below(os.path.join(mail, "Inbox")) >> 20))
    row("", "index, s", "processor, s", "peak MB", "index MB", "rare word", "the", "from, date")
    row("postino", *index_cells(place.postino(rc, "index"), env, os.path.join(mail, ".postino")),
        *query_cells(lambda q: place.postino(rc, "search", "--limit", "50", q), env, ("zibibbo", "the", "from:p7 date:2012")))
    if peers and shutil.which("mu"):
        home = os.path.join(place.dir, "mu-%d" % n)
        run(["mu", "init", "--muhome", home, "-m", mail], env)
        row("mu", *index_cells(["mu", "index", "--quiet", "--muhome", home], env, home),
            *query_cells(lambda q: ["mu", "find", "--muhome", home, "-n", "50", "-z", "-s", "date", *q.split()], env,
                         ("zibibbo", "the", "from:p7 date:20120101..20121231")))
        shutil.rmtree(home)
    if peers and shutil.which("notmuch"):
        home = os.path.join(place.dir, "notmuch-%d" % n)
        os.mkdir(home)
        conf = os.path.join(home, "config")
        with open(conf, "w") as f:
            f.write("[database]\npath=%s\nmail_root=%s\n[user]\nname=Anna\nprimary_email=anna@here.example\n"
                    "[new]\ntags=\nignore=.postino;mutt-cache;neomutt-cache;whole\n[maildir]\nsynchronize_flags=false\n" % (home, mail))
        notmuch = dict(env, NOTMUCH_CONFIG=conf)
        row("notmuch", *index_cells(["notmuch", "new", "--quiet"], notmuch, home),
            *query_cells(lambda q: ["notmuch", "search", "--limit=50", "--output=messages", *q.split()], notmuch,
                         ("zibibbo", "the", "from:p7 date:2012")))
        shutil.rmtree(home)


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

    def delayed(self, port, milliseconds):
        file = os.path.join(self.dir, "proxy.%s.%d" % (port, milliseconds))
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


def pop3(place, letters):
    provider = Provider(place)
    try:
        provider.fill(letters)
        print("POP3S, %d letters left on the server: seconds (and when there is nothing new)" % letters)
        row("", "RTT 0", "nothing new", "RTT 50 ms", "nothing new")
        ports = [provider.env["POP3S_PORT"], provider.delayed(provider.env["POP3S_PORT"], 25)]
        cells = []
        for i, port in enumerate(ports):
            mail = os.path.join(place.dir, "pop3-%d" % i)
            rc = place.rc("rc-pop3-%d" % i, mail, account(provider, port, provider.env["SUBMISSIONS_PORT"]))
            for _ in range(2):
                seconds, done = run(place.postino(rc, "fetch"), place.env)
                cells.append("%.2f" % seconds if done.returncode == 0 else "failed")
        row("postino", *cells)
        if shutil.which("mpop"):
            cells = []
            for i, port in enumerate(ports):
                inbox = os.path.join(place.dir, "mpop-%d" % i)
                for sub in ("cur", "new", "tmp"):
                    os.makedirs(os.path.join(inbox, sub))
                conf = os.path.join(place.dir, "mpoprc-%d" % i)
                with open(conf, "w") as f:
                    f.write('account default\nhost localhost\nport %s\nuser anna\npasswordeval "cat %s.password"\ntls on\ntls_starttls off\n'
                            'tls_trust_file %s\nkeep on\ndelivery maildir %s\nuidls_file %s.uidls\n'
                            % (port, conf, provider.env["ISP_CA"], inbox, conf))
                # Its own quotes know no escapes, and a password may hold anything.
                with open(conf + ".password", "w") as f:
                    f.write(provider.env["ANNA_PASSWORD"] + "\n")
                os.chmod(conf, 0o600)
                for _ in range(2):
                    seconds, done = run(["mpop", "-q", "-C", conf], place.env)
                    cells.append("%.2f" % seconds if done.returncode == 0 else "failed")
            row("mpop", *cells)
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
    parser.add_argument("--letters", default="10000,100000")
    parser.add_argument("--keep")
    options = parser.parse_args()
    program = os.path.join(os.path.abspath(options.build), "postino")
    sizes = [int(n) for n in options.letters.split(",")]
    tables = options.tables or ["opening", "inside", "search", "pop3", "smtp", "sealing"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    place = Place(program)
    place.corpora = Corpora(os.path.join(os.path.abspath(options.build), "tests", "bench", "corpus"), options.keep or place.dir)
    load = os.getloadavg()
    print("%d processors, load %.1f %.1f %.1f" % (os.cpu_count(), *load))
    try:
        for table in tables:
            {"opening": lambda: opening(place, sizes), "inside": lambda: inside(place, sizes), "search": lambda: search(place, sizes),
             "pop3": lambda: pop3(place, 5000), "smtp": lambda: smtp(place, 20),
             "sealing": lambda: sealing(place, 50, 10)}[table]()
            print()
    finally:
        shutil.rmtree(place.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
