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
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ISP = os.path.join(HERE, "..", "isp", "isp")
PROXY = os.path.join(HERE, "..", "isp", "proxy.py")
HOSTILE = os.path.join(HERE, "..", "isp", "hostile.py")
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

    def end(self, keys, seconds=10):
        os.write(self.fd, keys)
        start = time.monotonic()
        while time.monotonic() - start < seconds:
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
        self.helpers, self.logs = [], {}

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

    def start(self, script, file, *words):
        """A helper that writes its port into `file`."""
        self.helpers.append(subprocess.Popen([sys.executable, script, *words, "--port-file", file]))
        while not os.path.exists(file):
            time.sleep(.02)
        return open(file).read().strip()

    def delayed(self, port, milliseconds):
        file = os.path.join(self.dir, "proxy.%s.%g.%d" % (port, milliseconds, len(self.helpers)))
        own = self.start(PROXY, file, port, "--delay", str(milliseconds), "--log", file + ".log")
        self.logs[own] = file + ".log"
        return own

    def hostile(self, protocol, *words):
        """A peer that is decent here, and has what is asked for and nothing else."""
        certificates = self.env["ISP_CERTIFICATES"]
        return self.start(HOSTILE, os.path.join(self.dir, "hostile"), protocol, "--tls", "implicit", "--cert",
                          os.path.join(certificates, "good.pem"), "--key", os.path.join(certificates, "good.key"), *words)

    def end(self):
        for helper in self.helpers:
            helper.terminate()
            helper.wait()
        subprocess.run([ISP, "down", self.dir], stdout=subprocess.DEVNULL)


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def account(provider, pop3, smtp, leave="yes", auth="auto"):
    env = provider.env
    return ('account "anna" { from = "Anna Rossi <%s>" user = "anna" password = "%s"\n'
            'pop3 { server = "localhost" port = %s ca-file = "%s" leave-on-server = %s }\n'
            'smtp { server = "localhost" port = %s ca-file = "%s" auth = %s } }\n'
            % (env["ANNA_ADDRESS"], quoted(env["ANNA_PASSWORD"]), pop3, env["ISP_CA"], leave, smtp, env["ISP_CA"], auth))


class Postino:
    """A program that fetches; `few`: letters of one fetch, where it goes letter by letter."""
    name, few, statuses = "postino", None, (0,)

    def __init__(self, place, provider, port, key, leave, more=""):
        rc = place.rc("rc-" + key, os.path.join(place.dir, key),
                      account(provider, port, provider.env["SUBMISSIONS_PORT"], ("yes " if leave else "no ") + more))
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


def small_letters(n):
    for i in range(n):
        yield "%d.M%dP1.bench" % (1500000000 + i, i), (
            "From: a@bench.example\nTo: anna@tuoisp.example\nSubject: %d\nMessage-ID: <%d.small@bench.example>\n\nciao\n" % (i, i)).encode()


def large_letter(megabytes):
    line = b"the quick brown fox jumps over the lazy dog and is gone\n" * (1 << 14)
    yield "1600000000.M1P1.bench", b"From: a@bench.example\nSubject: large\n\n"
    for _ in range((megabytes << 20) // len(line)):
        yield None, line


def put_into(drop, parts):
    """Names and bytes, as Dovecot would have them; a part without a name goes on with the last."""
    owner, f = os.stat(drop), None
    for name, data in parts:
        if name:
            if f:
                f.close()
            path = os.path.join(drop, "cur", name + ":2,")
            f = open(path, "wb")
            os.chown(path, owner.st_uid, owner.st_gid)
        f.write(data)
    f.close()


def fetch_memory(place, client):
    """What a fetch says, its peak in KB, its seconds."""
    start = time.monotonic()
    process = subprocess.Popen(client.argv, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peak = watch_memory(process)
    if process.returncode:
        raise SystemExit("fetch: %s" % process.stderr.read().decode(errors="replace"))
    return process.stdout.read().decode().split(",")[0], peak, time.monotonic() - start


def pop3_memory(place, letters, megabytes):
    """The peak beyond that of a fetch of one letter."""
    print("POP3S, memory: MB more than for one letter (seconds)")
    for what, parts, fetches in (("%d letters" % letters, small_letters(letters), ("first", "nothing new")),
                                 ("one of %d MB" % megabytes, large_letter(megabytes), ("first",))):
        provider = Provider(place)
        try:
            provider.fill(1)
            drop = os.path.join(provider.dir, "mail", "anna", "drop")
            key = "memory-" + what.replace(" ", "-")
            client = Postino(place, provider, provider.env["POP3S_PORT"], key, True, "max-size = 8G")
            _, least, _ = fetch_memory(place, client)
            put_into(drop, parts)
            cells = []
            for _ in fetches:
                _, peak, seconds = fetch_memory(place, client)
                cells.append("%d (%.1f)" % (peak - least, seconds))
            row(what, *("%s: %s" % pair for pair in zip(fetches, cells)))
        finally:
            provider.end()
            shutil.rmtree(provider.dir, ignore_errors=True)


def pop3_trips(place, provider):
    """Of postino at 50 ms, after TCP's own."""
    cells = []
    for leave in (True, False):
        provider.refill()
        port = provider.delayed(provider.env["POP3S_PORT"], 25)
        client = Postino(place, provider, port, "trips-%d" % leave, leave)
        for _ in range(2 if leave else 1):
            open(provider.logs[port], "w").close()
            timed_fetch(place, client)
            cells.append(round_trips(provider.logs[port]))
    row("round trips at 50 ms", *("%s: %d" % pair for pair in zip(("left", "nothing new", "deleted"), cells)))


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
        pop3_trips(place, provider)
    finally:
        provider.end()
        shutil.rmtree(provider.dir, ignore_errors=True)
    pop3_memory(place, 100000, 2048)


# ---- submission ----

def round_trips(log):
    """How often the client spoke on after it had heard the server, QUIT being the last
    time: the flights of a proxy's log."""
    turns = [line.split()[0] for line in open(log)]
    return sum(a == "down" and b == "up" for a, b in zip(turns, turns[1:]))


def floor(port, ca, password, count):
    """`count` letters over one connection as fast as DATA lets anyone who has no more
    than one of them unanswered beyond its last byte."""
    context = ssl.create_default_context(cafile=ca)
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = sock.makefile("rb")

    def answer(wanted):
        while True:
            line = answers.readline()
            if line[3:4] != b"-":
                break
        if not line.startswith(wanted):
            raise SystemExit("the floor: %r" % line)

    envelope = b"MAIL FROM:<anna@tuoisp.example>\r\nRCPT TO:<bruno@tuoisp.example>\r\nDATA\r\n"
    answer(b"220")
    sock.sendall(b"EHLO [127.0.0.1]\r\n")
    answer(b"250")
    sock.sendall(b"AUTH PLAIN %s\r\n" % base64.b64encode(b"\0anna\0" + password.encode()))
    answer(b"235")
    sock.sendall(envelope)
    for i in range(count):
        for wanted in (b"250", b"250", b"354"):
            answer(wanted)
        sock.sendall((LETTER % i).replace("\n", "\r\n").encode() + b".\r\n" + (envelope if i + 1 < count else b""))
        answer(b"250")
    sock.sendall(b"QUIT\r\n")
    sock.close()


LETTER = "From: anna@tuoisp.example\nTo: bruno@tuoisp.example\nSubject: bench %d\n\nciao\n"


class Sender:
    """Programs that send the same letters to one port."""

    def __init__(self, place, provider, name, port):
        self.place, self.provider, self.port = place, provider, port
        self.rc = place.rc("rc-" + name, os.path.join(place.dir, name), account(provider, provider.env["POP3S_PORT"], port, auth="plain"))
        self.msmtprc = os.path.join(place.dir, "msmtprc-" + name)
        self.number = 0
        # msmtp's own quotes know no escapes, and a password may hold anything.
        with open(self.msmtprc + ".password", "w") as f:
            f.write(provider.env["ANNA_PASSWORD"] + "\n")
        with open(self.msmtprc, "w") as f:
            f.write('account default\nhost localhost\nport %s\nfrom anna@tuoisp.example\nauth plain\nuser anna\npasswordeval "cat %s.password"\n'
                    'tls on\ntls_starttls off\ntls_trust_file %s\n' % (port, self.msmtprc, provider.env["ISP_CA"]))
        os.chmod(self.msmtprc, 0o600)

    def program(self, name):
        return self.place.postino(self.rc, "send", "-t") if name == "postino" else ["msmtp", "-C", self.msmtprc, "-t"]

    def letter(self):
        self.number += 1
        path = os.path.join(self.place.dir, "letter")
        with open(path, "w") as f:
            f.write(LETTER % self.number)
        return path

    def send(self, name):
        with open(self.letter()) as f:
            seconds, done = run(self.program(name), self.place.env, f)
        if done.returncode:
            raise SystemExit("%s: %s" % (name, done.stderr.decode(errors="replace")))
        return seconds

    def flush(self, count):
        """`count` letters that wait in the outbox, over one connection."""
        for _ in range(count):
            with open(self.letter()) as f:
                run(self.place.postino(self.rc, "send", "-t", "-odq"), self.place.env, f)
        seconds, done = run(self.place.postino(self.rc, "queue", "flush"), self.place.env)
        if done.returncode:
            raise SystemExit("flush: %s" % done.stderr.decode(errors="replace"))
        return seconds

    def floor(self, count):
        start = time.monotonic()
        floor(self.port, self.provider.env["ISP_CA"], self.provider.env["ANNA_PASSWORD"], count)
        return time.monotonic() - start


def smtp(place, count):
    provider = Provider(place)
    peers = ["postino"] + (["msmtp"] if shutil.which("msmtp") else [])
    try:
        plain = provider.hostile("smtp", "--capability", "PIPELINING", "--capability", "8BITMIME", "--capability", "SIZE 0",
                                 "--capability", "AUTH PLAIN")
        near, far = provider.env["SUBMISSIONS_PORT"], provider.delayed(provider.env["SUBMISSIONS_PORT"], 25)
        senders = [Sender(place, provider, "near", near), Sender(place, provider, "far", far),
                   Sender(place, provider, "plain", provider.delayed(plain, 25))]
        print("Submission over TLS with AUTH PLAIN, one letter: seconds (round trips after TCP's own)")
        row("", "RTT 0", "RTT 50 ms", "no CHUNKING")
        for name in peers:
            cells = []
            for sender in senders:
                log = provider.logs.get(sender.port)
                took = median([sender.send(name) for _ in range(RUNS)])
                if log:
                    open(log, "w").close()
                    sender.send(name)
                    cells.append("%.2f (%d)" % (took, round_trips(log)))
                else:
                    cells.append("%.2f" % took)
            row(name, *cells)
        print("The same, %d letters that wait: seconds" % count)
        row("", "RTT 0", "RTT 50 ms", "no CHUNKING")
        row("postino, one connection", *("%.2f" % sender.flush(count) for sender in senders))
        row("floor by DATA, one connection", *("%.2f" % sender.floor(count) for sender in senders))
        for name in peers[1:]:
            row(name + ", a connection each", *("%.2f" % sum(sender.send(name) for _ in range(count)) for sender in senders))
        large(place, Sender(place, provider, "large", plain), peers)
    finally:
        provider.end()


def watch_memory(process):
    """Its highest memory in MB: what wait4() tells holds that of the Python it was forked from."""
    peak = 0
    while process.poll() is None:
        try:
            with open("/proc/%d/status" % process.pid) as f:
                status = dict(line.split(":", 1) for line in f)
            if "bench.py" not in open("/proc/%d/cmdline" % process.pid).read():
                peak = max(peak, int(status.get("VmHWM", "0 kB").split()[0]))
        except (OSError, ValueError):
            pass
        time.sleep(.01)
    return peak >> 10


def large(place, sender, peers):
    print("One large letter, no CHUNKING: seconds (peak MB)")
    sizes = (1, 5, 50)
    row("", *["%d MB" % size for size in sizes])
    path = os.path.join(place.dir, "large-letter")
    for name in peers:
        cells = []
        for size in sizes:
            sealable(path, size)
            with open(path) as f:
                start = time.monotonic()
                process = subprocess.Popen(sender.program(name), env=place.env, stdin=f, stderr=subprocess.DEVNULL)
                peak = watch_memory(process)
            cells.append("%.2f (%d)" % (time.monotonic() - start, peak) if process.returncode == 0 else "failed")
        row(name, *cells)


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


class Neomutt:
    """Its compose and pager screens by a terminal: its batch mode does not seal."""

    def __init__(self, place, env, program):
        self.dir = os.path.join(place.dir, program)
        os.mkdir(self.dir)
        self.env, self.program, self.rc = env, program, os.path.join(self.dir, "rc")
        self.sent, take = os.path.join(self.dir, "sent"), os.path.join(self.dir, "take")
        with open(take, "w") as f:
            f.write("#!/bin/sh\ncat >%s\n" % self.sent)
        os.chmod(take, 0o700)
        with open(self.rc, "w") as f:
            f.write('set from="anna@tuoisp.example" realname="Anna Rossi" use_from=yes folder="%s" record=""\n'
                    'set crypt_use_gpgme=yes crypt_autoencrypt=yes crypt_autosign=yes\n'
                    'set pgp_default_key="anna@tuoisp.example" pgp_sign_as="anna@tuoisp.example"\n'
                    'set editor=true autoedit=yes edit_headers=yes sendmail="%s" sendmail_wait=0 abort_nosubject=no abort_unmodified=no\n'
                    'set mbox_type=mbox move=no quit=yes wait_key=no pager_stop=yes\n' % (self.dir, take))

    def seal(self, text, attachment):
        argv = [self.program, "-n", "-F", self.rc, "-s", "bench", "-i", text]
        start = time.monotonic()
        screen = Screen([*argv, "-a", attachment, "--", "bruno@tuoisp.example"] if attachment
                        else [*argv, "bruno@tuoisp.example"], self.env)
        if not screen.wait(rb"Sign, Encrypt", 30):
            raise SystemExit("%s shows no letter to seal" % self.program)
        screen.end(b"y", 120)
        took = time.monotonic() - start
        with open(self.sent, "rb") as f:
            if b"BEGIN PGP MESSAGE" not in f.read():
                raise SystemExit("%s did not seal" % self.program)
        return took

    def open(self, words):
        box = os.path.join(self.dir, "box")
        with open(self.sent, "rb") as f, open(box, "wb") as g:
            g.write(b"From anna Thu Nov 26 12:00:00 2026\n" + f.read())
        start = time.monotonic()
        screen = Screen([self.program, "-n", "-F", self.rc, "-R", "-f", box, "-e", "push <display-message>"], self.env)
        shown = screen.wait(words, 60)
        took = time.monotonic() - start
        screen.end(b"qq")
        return took if shown else None

    def cells(self, small, large, count):
        sealed = [self.seal(small, None) for _ in range(count)]
        opened = [self.open(b"first-words") or 0 for _ in range(count)]
        slow = self.seal(small, large)
        slow_open = self.open(b"first-words")
        return ("%.1f" % (1 / median(sealed)), "%.1f" % (1 / median(opened)) if all(opened) else "–", "%.2f" % slow,
                "%.2f" % slow_open if slow_open else "> 60")


def starting(place, rc, env, count):
    """A plugin's process until it has said hello, in ms: what another one adds to a list of them."""
    def listing(plugins):
        with open(rc + "-list", "w") as f:
            f.write(open(rc).read() + "".join(
                'plugin "p%d" { command = "%s" rights = {"everything"} }\n' % (i, openpgp) for i in range(plugins)))
        os.chmod(rc + "-list", 0o600)
        return median([run(place.postino(rc + "-list", "plugin", "list"), env)[0] for _ in range(count)])
    _, done = run(place.postino(rc, "plugin", "list"), env)
    openpgp = next(line.split("\t")[2] for line in done.stdout.decode().splitlines() if line.startswith("openpgp\t"))
    return "%.1f" % ((listing(20) - listing(0)) / 20 * 1000)


def in_one_process(place, env):
    """What the interface has: the plugin that seals stays, each letter is opened by one of its own."""
    rc = place.rc("rc-one-process", os.path.join(place.dir, "one-process"),
                  'account "a" { from = "Anna Rossi <anna@tuoisp.example>" user = "a" crypto { plugin = "openpgp" } }\n')
    program = os.path.join(os.path.dirname(place.corpora.program), "sealed")
    _, done = run([program, rc, "100"], env)
    return done.stdout.decode().split() or ("failed", "failed")


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
    small, large, out = (os.path.join(place.dir, name) for name in ("sealable-small", "sealable-large", "sealed.asc"))
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
        for program in ("neomutt", "mutt"):
            if shutil.which(program):
                text, attachment = os.path.join(place.dir, "text"), os.path.join(place.dir, "attachment")
                with open(text, "w") as f:
                    f.write("first-words\n" + open(small).read().partition("\n\n")[2])
                with open(attachment, "wb") as f:
                    f.write(random.Random(1).randbytes(megabytes * 1024 * 1024 * 57 // 77))
                row(program, *Neomutt(place, env, program).cells(text, attachment, count))
        row("postino, 100 in one process", *in_one_process(place, env))
        row("plugin start (ms)", starting(place, rc, env, 5))
    finally:
        run(["gpgconf", "--homedir", ring, "--kill", "all"], env)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--letters", default="10000,100000")
    parser.add_argument("--keep")
    options = parser.parse_intermixed_args()
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
             "pop3": lambda: pop3(place, 5000), "smtp": lambda: smtp(place, 100),
             "sealing": lambda: sealing(place, 50, 10)}[table]()
            print()
    finally:
        shutil.rmtree(place.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
