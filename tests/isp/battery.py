"""What the hostile batteries share: certificates, homes, runs of the program, a
peer whose every step a scenario may change, and TAP.

A battery starts many scenarios at once, each with a home and a listening socket
of its own; all peers live in this one process.
"""
import base64
import concurrent.futures
import contextlib
import hashlib
import hmac
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

PASSWORD = "geheim-42"
# A sanitizer keeps freed memory back; the bound is on what the program holds.
MEMORY_MAX = 400 << 20
SECONDS_MAX = 15.0
ADDRESS = "anna@tuoisp.example"


class Cut(Exception):
    """The connection ends here, as the scenario wants it."""


# --- certificates -------------------------------------------------------------

def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *words], input=stdin, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + body


def der_item(data, at=0):
    """(start of the contents, end) of the item at `at`."""
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7f
        size, start = int.from_bytes(data[start:start + count], "big"), start + count
    return start, start + size


class Certificates:
    """One authority that the rc file trusts, one that it does not, and leaves that
    are each wrong in exactly one way."""

    NAMES = "DNS:localhost,IP:127.0.0.1"

    def __init__(self, directory):
        self.dir = directory
        os.mkdir(directory)
        for name in ("ca", "stranger"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", "/CN=%s" % name, "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                    "-keyout", self.path(name, "key"), "-out", self.path(name))
        self.leaf("good")
        self.leaf("wrong-host", names="DNS:mail.elsewhere.example")
        self.leaf("expired", period=("20200101000000Z", "20200201000000Z"))
        self.leaf("future", period=("20450101000000Z", "20450201000000Z"))
        self.leaf("unknown-ca", issuer="stranger")
        self.leaf("client-only", eku="clientAuth")
        self.leaf("weak-key", key=("genrsa", "1024"))
        self.leaf("partial-wildcard", names="DNS:local*")
        self.leaf("wildcard-top", names="DNS:*")
        self.leaf("name-beside-san", names="DNS:mail.elsewhere.example", subject="localhost")
        self.leaf("nul-in-name", names=None, subject="localhostXevil.example")
        self.set_nul("nul-in-name")
        self.leaf("is-an-authority", usage="keyCertSign", names=self.NAMES)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=" + self.NAMES,
                "-keyout", self.path("self-signed", "key"), "-out", self.path("self-signed"))
        self.contexts = {}

    def path(self, name, kind="pem"):
        return os.path.join(self.dir, "%s.%s" % (name, kind))

    def leaf(self, name, names=NAMES, issuer="ca", period=None, eku="serverAuth", key=None, subject="tuoisp.example",
             usage="digitalSignature,keyEncipherment"):
        if key:
            openssl(key[0], "-out", self.path(name, "key"), key[1])
        else:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name, "key"))
        openssl("req", "-new", "-key", self.path(name, "key"), "-subj", "/CN=" + subject, "-out", self.path(name, "csr"))
        base = self.path(issuer, "")
        for suffix, text in (("index", ""), ("serial", "%030x" % int.from_bytes(os.urandom(8), "big"))):
            with open(base + suffix, "w") as f:
                f.write(text)
        extensions = "basicConstraints=CA:FALSE\nkeyUsage=critical,%s\nextendedKeyUsage=%s\n" % (usage, eku)
        if names:
            extensions += "subjectAltName=%s\n" % names
        with open(self.path(name, "cnf"), "w") as f:
            f.write("[ca]\ndefault_ca=t\n[t]\ndatabase=%sindex\nserial=%sserial\nnew_certs_dir=%s\nunique_subject=no\n"
                    "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[l]\n%s" % (base, base, self.dir, extensions))
        dates = ("-startdate", period[0], "-enddate", period[1]) if period else ("-days", "30")
        openssl("ca", "-batch", "-notext", "-config", self.path(name, "cnf"), "-extensions", "l", *dates,
                "-cert", self.path(issuer), "-keyfile", self.path(issuer, "key"), "-in", self.path(name, "csr"),
                "-out", self.path(name))

    def set_nul(self, name):
        """The X of the common name becomes a NUL; the authority signs that anew."""
        whole = openssl("x509", "-in", self.path(name), "-outform", "DER")
        start, _ = der_item(whole)
        body, end = der_item(whole, start)
        tbs = whole[start:end].replace(b"localhostXevil", b"localhost\0evil")
        algorithm = whole[end:der_item(whole, end)[1]]
        signature = openssl("dgst", "-sha256", "-sign", self.path("ca", "key"), stdin=tbs)
        text = base64.encodebytes(der(0x30, tbs, algorithm, der(0x03, b"\0" + signature))).decode()
        with open(self.path(name), "w") as f:
            f.write("-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % text)

    def context(self, name="good", newest=None, ciphers="DEFAULT:@SECLEVEL=0"):
        wanted = (name, newest, ciphers)
        if wanted not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers(ciphers)
            context.load_cert_chain(self.path(name), self.path(name, "key"))
            if newest:
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = newest
            self.contexts[wanted] = context
        return self.contexts[wanted]


# --- actions: what a scenario has a peer do at a step ---------------------------
# An action is called with the peer and the usual answer; it says whether that
# answer was given.

def usual(peer, answer):
    peer.send(answer)
    return True


def raw(data):
    def act(peer, answer):
        peer.send(data)
        return False
    return act


def say(text):
    return raw(text + b"\r\n")


def silence(peer, answer):
    while peer.socket.recv(65536):
        pass
    raise Cut()


def cut(peer, answer):
    raise Cut()


def reset(peer, answer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.socket.close()
    raise Cut()


def half(peer, answer):
    peer.send(answer[:max(1, len(answer) // 2)])
    raise Cut()


def first(count):
    def act(peer, answer):
        peer.send(answer[:count])
        raise Cut()
    return act


def half_then_silence(peer, answer):
    peer.send(answer[:max(1, len(answer) // 2)])
    return silence(peer, answer)


def then_cut(peer, answer):
    peer.send(answer)
    raise Cut()


def inject(data):
    """The same packet carries the answer and more."""
    def act(peer, answer):
        peer.send(answer + data)
        return True
    return act


def inject_later(data, seconds=0.1):
    """The next packet does."""
    def act(peer, answer):
        peer.send(answer)
        time.sleep(seconds)
        peer.send(data)
        return True
    return act


def endless(data):
    """`data` again and again, until the other side has had enough; at most 1 GiB."""
    block = data * max(1, 65536 // len(data))

    def act(peer, answer):
        for _ in range((1 << 30) // len(block)):
            peer.socket.sendall(block)
        raise Cut()
    return act


def begun_endless(start, data):
    tail = endless(data)

    def act(peer, answer):
        peer.send(start)
        return tail(peer, answer)
    return act


def drip(peer, answer):
    """A byte a second."""
    for at in range(len(answer)):
        peer.socket.sendall(answer[at:at + 1])
        time.sleep(1)
    return True


def bytewise(peer, answer):
    """Every byte in a packet of its own, without a pause."""
    for at in range(len(answer)):
        peer.socket.sendall(answer[at:at + 1])
    return True


def in_blocks(size):
    def act(peer, answer):
        for at in range(0, len(answer), size):
            peer.socket.sendall(answer[at:at + size])
            time.sleep(0.002)
        return True
    return act


def pause(seconds):
    def act(peer, answer):
        time.sleep(seconds)
        peer.send(answer)
        return True
    return act


def only(number, action):
    """`action` the number-th time that the step is reached, else as usual."""
    count = [0]

    def act(peer, answer):
        count[0] += 1
        return (action if count[0] == number else usual)(peer, answer)
    return act


# --- peers ----------------------------------------------------------------------

class Peer:
    """One connection: lines, TLS, SASL, the dialogue."""

    def __init__(self, sock, scenario, world):
        self.socket, self.scenario, self.world = sock, scenario, world
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.tls = b"", False

    def note(self, who, data):
        self.scenario.dialogue.append((self.tls, who, data))

    def send(self, data):
        self.note("S", data[:300])
        self.socket.sendall(data)

    def answer(self, step, answer):
        return self.scenario.on.get(step, usual)(self, answer)

    def start_tls(self):
        if "handshake" in self.scenario.on:
            self.scenario.on["handshake"](self, b"")
        context = self.world.certificates.context(self.scenario.certificate, self.scenario.newest_tls,
                                                  self.scenario.ciphers)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket.do_handshake()
        self.tls = True

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Cut()
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.note("C", line + b"\n")
        return line.rstrip(b"\r")

    def serve(self):
        try:
            if "connect" in self.scenario.on:
                self.scenario.on["connect"](self, b"")
            if self.scenario.tls == "implicit":
                self.start_tls()
            self.converse()
        except (Cut, OSError, ssl.SSLError, ValueError):
            pass
        except Exception:
            self.scenario.faults.append("the peer failed:\n" + traceback.format_exc())
        finally:
            with contextlib.suppress(OSError):
                self.socket.close()

    # RFC 4616, 2195, 5802; `more` and the two ends are the protocol's.
    def authenticate(self, argument, more, done, refused):
        words = argument.split()
        name = words[0].decode("latin-1").upper() if words else ""
        initial = words[1] if len(words) > 1 else None
        method = getattr(self, "sasl_" + name.replace("-", "_").lower(), None)
        if method is None:
            return self.answer("auth", refused)
        good = method(initial, more)
        if good is None:
            return False
        return self.answer("auth-reply", done if good else refused) and good

    def challenge(self, more, text, step="auth"):
        if not self.answer(step, more(base64.b64encode(text))):
            raise Cut()
        return base64.b64decode(self.line())

    def sasl_plain(self, initial, more):
        data = base64.b64decode(initial) if initial else self.challenge(more, b"")
        return data == b"\0anna\0" + PASSWORD.encode()

    def sasl_login(self, initial, more):
        self.challenge(more, b"Username:")
        return self.challenge(more, b"Password:", "auth-2") == PASSWORD.encode()

    def sasl_cram_md5(self, initial, more):
        stamp = b"<1.2@bad.weather.example>"
        answer = self.challenge(more, stamp)
        return answer == b"anna " + hmac.new(PASSWORD.encode(), stamp, "md5").hexdigest().encode()

    def sasl_scram_sha_256(self, initial, more):
        return self.scram("sha256", initial, more)

    def sasl_scram_sha_1(self, initial, more):
        return self.scram("sha1", initial, more)

    def scram(self, digest, initial, more):
        client = base64.b64decode(initial) if initial else self.challenge(more, b"")
        bare = client.split(b",", 2)[2]
        nonce = dict(part.split(b"=", 1) for part in bare.split(b","))[b"r"] + b"abcdef"
        salt, rounds = b"salz und brot", self.scenario.scram_rounds
        server = b"r=%s,s=%s,i=%s" % (nonce, base64.b64encode(salt), str(rounds).encode())
        final = self.challenge(more, server)
        if rounds < 1 or rounds > 1000000:
            return True
        without = final[:final.rindex(b",p=")]
        salted = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, rounds)
        key = hmac.new(salted, b"Client Key", digest).digest()
        text = b",".join((bare, server, without))
        signature = hmac.new(hashlib.new(digest, key).digest(), text, digest).digest()
        if bytes(a ^ b for a, b in zip(base64.b64decode(final[final.rindex(b",p=") + 3:]), signature)) != key:
            return False
        proof = hmac.new(hmac.new(salted, b"Server Key", digest).digest(), text, digest).digest()
        self.challenge(more, b"v=" + base64.b64encode(self.scenario.scram_lie or proof), "auth-2")
        return True


# --- scenarios --------------------------------------------------------------------

class Scenario:
    """One row of a battery's table; what its defaults are stands in `defaults`."""

    defaults = dict(on={}, tls="none", certificate="good", newest_tls=None, ciphers="DEFAULT:@SECLEVEL=0", timeout=2,
                    secret=True, says=None, scram_rounds=4096, scram_lie=None, server_rc="", account_rc="",
                    password=PASSWORD, auth="", server="localhost", seconds=SECONDS_MAX, memory=MEMORY_MAX)

    def __init__(self, name, codes, **given):
        values = {**Scenario.defaults, **type(self).own_defaults}
        unknown = set(given) - set(values)
        assert not unknown, "%s: %s" % (name, unknown)
        self.__dict__.update(values, **given)
        self.name, self.codes = name, codes if isinstance(codes, (set, tuple)) else {codes}
        self.dialogue, self.faults = [], []
        self.on = dict(self.on)

    own_defaults = {}

    def check(self, good, text):
        if not good:
            self.faults.append(text)
        return good

    # What no server and no letter may bring about.
    def check_run(self, run, codes=None):
        self.check(run.code in (codes or self.codes), "exit status %s, wanted %s" % (run.code, sorted(codes or self.codes)))
        self.check(run.seconds < self.seconds, "it took %.1f s" % run.seconds)
        self.check(run.memory < self.memory, "it took %d MB" % (run.memory >> 20))
        for stream, data in (("stdout", run.out), ("stderr", run.err)):
            if unclean(data):
                self.faults.append("%s is not clean: %s" % (stream, unclean(data)))
            self.check(PASSWORD.encode() not in data, "%s tells the password" % stream)
        lines = run.err.count(b"\n")
        if run.code:
            self.check(lines == 1, "%d lines on stderr" % lines)
        return run

    def check_secrets(self):
        """No credential in clear where TLS was wanted, none at all where none may go."""
        for tls, who, data in self.dialogue:
            if who != "C" or (self.secret and (tls or self.tls == "none")):
                continue
            told = re.match(rb"(USER|PASS|APOP|AUTH)\b", data, re.I) or PASSWORD.encode() in data or \
                base64.b64encode(PASSWORD.encode())[:8] in data or base64.b64encode(b"\0anna\0" + PASSWORD.encode())[:12] in data
            self.check(not told, "a credential went %s: %r" % ("out" if tls else "out in clear", data[:60]))

    def diagnosis(self):
        lines = list(self.faults)
        for tls, who, data in self.dialogue[:40]:
            lines.append("  %s %s: %r" % ("tls" if tls else "clear", who, data[:120]))
        return lines


FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def unclean(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        return "no UTF-8 at byte %d" % e.start
    found = FORBIDDEN.search(text)
    return "U+%04X at %d" % (ord(found.group()), found.start()) if found else None


class Run:
    """One run of the program, and what became of it."""

    def __init__(self, home, words, stdin=b"", limit=60.0, locale="C.UTF-8"):
        env = {"PATH": "/usr/bin:/bin", "HOME": home.dir, "TMPDIR": home.dir, "POSTINORC": home.rc, "LANG": locale,
               "XDG_RUNTIME_DIR": os.path.join(home.dir, "run"), "TERM": "dumb", "GNUPGHOME": home.ring}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        env["ASAN_OPTIONS"] = "quarantine_size_mb=16:" + env.get("ASAN_OPTIONS", "")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
            if callable(stdin):
                stdin(given)
            else:
                given.write(stdin)
            given.seek(0)
            began = time.monotonic()
            process = subprocess.Popen([program(), *words], stdin=given, stdout=out, stderr=err, env=env, cwd=home.dir,
                                       start_new_session=True)
            killer = threading.Timer(limit, lambda: os.kill(process.pid, signal.SIGKILL))
            killer.start()
            _, status, usage = os.wait4(process.pid, 0)
            killer.cancel()
            self.seconds, self.memory = time.monotonic() - began, usage.ru_maxrss << 10
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            self.out, self.err = out.read(), err.read()

    def words(self):
        return "%d %s %s" % (self.code, self.out.decode("utf-8", "replace")[-600:], self.err.decode("utf-8", "replace")[-1500:])


def program():
    return os.environ.get("POSTINO") or os.path.join(os.environ.get("abs_top_builddir") or os.getcwd(), "postino")


class Home:
    """A person's directory with an rc file for one scenario."""

    def __init__(self, directory, ring=None):
        self.dir, self.rc, self.mail = directory, os.path.join(directory, "postinorc"), os.path.join(directory, "Mail")
        self.ring = ring or os.path.join(directory, ".gnupg")
        os.makedirs(os.path.join(directory, "run"), mode=0o700)

    def write_rc(self, text):
        with open(self.rc, "w") as f:
            f.write("mail-dir = \"%s\"\nfetch-every = 0\nsend-delay = 0\n%s" % (self.mail, text))
        os.chmod(self.rc, 0o600)

    def run(self, *words, **given):
        return Run(self, words, **given)

    def files(self, folder, *parts):
        found = []
        for part in parts or ("new", "cur"):
            directory = os.path.join(self.mail, folder, part)
            with contextlib.suppress(FileNotFoundError):
                found += [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
        return found

    def letters(self, folder):
        letters = []
        for path in self.files(folder):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:
                letters.append(f.read())
        return sorted(letters)


class World:
    """The battery's directory, its certificates and its listening sockets."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="pst.", dir="/tmp")
        self.certificates = Certificates(os.path.join(self.dir, "ca"))
        self.count, self.lock, self.endings = 0, threading.Lock(), []

    def home(self):
        with self.lock:
            self.count += 1
            return Home(os.path.join(self.dir, "h%d" % self.count))

    def close(self):
        for end in self.endings:
            end()
        if os.environ.get("KEEP"):
            print("# kept: %s" % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    @contextlib.contextmanager
    def listening(self, scenario, kind, backlog=16, accepts=True):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(backlog)
            stop = threading.Event()

            def accept():
                while not stop.is_set():
                    try:
                        sock, _ = listener.accept()
                    except OSError:
                        return
                    threading.Thread(target=kind(sock, scenario, self).serve, daemon=True).start()
            if accepts:
                threading.Thread(target=accept, daemon=True).start()
            try:
                yield listener.getsockname()[1]
            finally:
                stop.set()
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)


def run_battery(scenarios, tell, world, at_once=6):
    """Runs them, `tell(scenario, world)` each, and prints TAP in their order."""
    wanted = sys.argv[1:]
    chosen = [s for s in scenarios if not wanted or any(w in s.name for w in wanted)]
    names = [s.name for s in scenarios]
    assert len(set(names)) == len(names), "a name twice: %s" % [n for n in names if names.count(n) > 1]

    def one(scenario):
        try:
            tell(scenario, world)
        except Exception:
            scenario.faults.append(traceback.format_exc())
        return scenario
    failures = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for number, scenario in enumerate(pool.map(one, chosen), 1):
                print("%s %d - %s" % ("not ok" if scenario.faults else "ok", number, scenario.name))
                if scenario.faults:
                    failures += 1
                    for line in scenario.diagnosis():
                        print("\n".join("# " + part for part in str(line).splitlines()))
                sys.stdout.flush()
    finally:
        world.close()
    print("1..%d" % len(chosen))
    return 1 if failures else 0


def guard(seconds):
    """A battery that hangs is ended, with all that it started."""
    def end():
        print("Bail out! not done within %d seconds" % seconds, flush=True)
        os._exit(99)
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
