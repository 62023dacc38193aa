"""A POP3 peer for batteries, and how one scenario of retrieval is told: a bad
session, then (unless the scenario says otherwise) a good one, after which every
letter must be in the Maildir exactly once and byte for byte.
"""
import collections
import os
import socket
import time

from battery import ADDRESS, Cut, Peer, Scenario

CAPABILITIES = (b"TOP", b"UIDL", b"RESP-CODES", b"PIPELINING", b"AUTH-RESP-CODE", b"USER", b"SASL PLAIN LOGIN")


def letter(number, body=b"ciao\r\n", head=b""):
    return b"From: x@example.org\r\nSubject: letter %d\r\nMessage-ID: <m%d@example.org>\r\n%s\r\n%s" % (number, number, head, body)


ONE = letter(1, b"uno\r\n")
TWO = letter(2, b"due\r\n.\r\n..\r\n.con punto\r\n\r\n.\r\nfine\r\n")
THREE = letter(3, "perché, über\r\n".encode())
THREE_LETTERS = ((b"uid-one", ONE), (b"uid-two", TWO), (b"uid-three", THREE))


def stuffed(data):
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]


def multi(*lines):
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def as_kept(data):
    """As the Maildir holds it: LF ends, the last line whole."""
    return (data if not data or data.endswith(b"\r\n") else data + b"\r\n").replace(b"\r\n", b"\n")


class Stored:
    def __init__(self, uid, data):
        self.uid, self.data, self.size = uid, data, len(data)


class Pop3(Peer):
    def converse(self):
        self.drop, self.marked = list(self.scenario.drop), set()
        self.answer("greeting", self.scenario.greeting + b"\r\n")
        while True:
            command, _, argument = self.line().partition(b" ")
            handler = getattr(self, "do_" + command.lower().decode("latin-1"), None)
            if handler is None:
                self.send(b"-ERR unknown\r\n")
            else:
                handler(argument)

    def present(self):
        return [(n, stored) for n, stored in enumerate(self.drop, 1) if n not in self.marked]

    def do_capa(self, argument):
        lines = list(self.scenario.capabilities)
        if self.scenario.tls == "starttls" and not self.tls and self.scenario.offers_tls:
            lines.append(b"STLS")
        step = "capa" if self.tls or self.scenario.tls == "none" or "capa-clear" not in self.scenario.on else "capa-clear"
        self.answer(step, multi(*lines))

    def do_stls(self, argument):
        if self.answer("stls", b"+OK go ahead\r\n"):
            self.buffer = b""
            self.start_tls()

    def do_auth(self, argument):
        self.authenticate(argument, lambda text: b"+ " + text + b"\r\n", b"+OK in\r\n", b"-ERR [AUTH] no\r\n")

    def do_utf8(self, argument):
        self.answer("utf8", b"+OK\r\n")

    def do_user(self, argument):
        self.answer("user", b"+OK\r\n")

    def do_pass(self, argument):
        self.answer("pass", b"+OK in\r\n")

    def do_apop(self, argument):
        self.answer("apop", b"+OK in\r\n")

    def do_stat(self, argument):
        here = self.present()
        self.answer("stat", b"+OK %d %d\r\n" % (len(here), sum(s.size for _, s in here)))

    def do_list(self, argument):
        self.answer("list", multi(*(b"%d %d" % (n, s.size) for n, s in self.present())))

    def do_uidl(self, argument):
        self.answer("uidl", multi(*(b"%d %s" % (n, s.uid) for n, s in self.present() if s.uid is not None)))

    def find(self, argument):
        words = argument.split()
        number = int(words[0]) if words and words[0].isdigit() else 0
        if not 1 <= number <= len(self.drop) or number in self.marked:
            return 0, None
        return number, self.drop[number - 1]

    def do_retr(self, argument):
        number, stored = self.find(argument)
        if stored is None:
            return self.answer("retr-none", b"-ERR no such letter\r\n")
        step = "retr-%d" % number
        data = stuffed(stored.data) if self.scenario.stuffs else stored.data
        return self.answer(step if step in self.scenario.on else "retr", b"+OK\r\n" + data + b".\r\n")

    def do_top(self, argument):
        number, stored = self.find(argument)
        if stored is None:
            return self.send(b"-ERR no such letter\r\n")
        head = stored.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return self.answer("top", b"+OK\r\n" + stuffed(head) + b".\r\n")

    def do_dele(self, argument):
        number, stored = self.find(argument)
        if stored is None:
            return self.send(b"-ERR no such letter\r\n")
        self.scenario.told_to_delete(stored)
        if self.answer("dele", b"+OK marked\r\n"):
            self.marked.add(number)

    def do_noop(self, argument):
        self.answer("noop", b"+OK\r\n")

    def do_rset(self, argument):
        self.marked.clear()
        self.answer("rset", b"+OK\r\n")

    def do_quit(self, argument):
        """"update" decides whether what was marked is deleted, "quit" what is said of it."""
        if "update" not in self.scenario.on:
            gone = [self.drop[n - 1] for n in self.marked]
            self.scenario.drop = [s for s in self.scenario.drop if s not in gone]
            self.scenario.removed += gone
        self.answer("quit", b"+OK bye\r\n")
        raise Cut()


class Retrieval(Scenario):
    """`inbox`: what the Inbox holds after the bad run: "all", "none", "some" (each at
    most once), or the letters themselves.  `final`: after the good one."""

    own_defaults = dict(greeting=b"+OK ready", capabilities=CAPABILITIES, letters=THREE_LETTERS, before=None, stuffs=True,
                        offers_tls=True, leave="yes", inbox=None, final=None, heal=True, heal_codes={0}, listens=True,
                        words=("fetch",), drop_after=None, retrievals=None, max_size=None, times=1, accounts=("home",))

    def __init__(self, name, codes, **given):
        super().__init__(name, codes, **given)
        if self.inbox is None:
            self.inbox = "all" if self.codes == {0} else "some"
        self.removed, self.drop = [], []

    def told_to_delete(self, stored):
        """DELE comes only for what is on the disk."""
        if self.words[0] == "fetch":
            self.check(as_kept(stored.data) in self.home.letters("Inbox"), "DELE for a letter that is not here")

    def rc(self, port):
        auth = "auth = \"%s\" " % self.auth if self.auth else ""
        size = "max-size = \"%s\" " % self.max_size if self.max_size else ""
        return "".join("""account "%s" {
  from = "Anna Rossi <%s>"  user = "anna"  password = "%s"  inbox = "%s" %s
  pop3 { server = "%s" port = %d tls = "%s" ca-file = "%s" timeout = %d leave-on-server = "%s" %s%s%s }
}
""" % (name, ADDRESS, self.password, "Inbox" if name == "home" else name, self.account_rc, self.server, port, self.tls, self.ca,
       self.timeout, self.leave, auth, size, self.server_rc) for name in self.accounts)


def whole(letters):
    return collections.Counter(map(as_kept, letters))


def check_inbox(scenario, wanted, truth, when):
    got = collections.Counter(scenario.home.letters("Inbox"))
    if wanted == "some":
        extra = got - truth
        scenario.check(not extra, "%s: the Inbox holds what it may not: %r" % (when, [e[:200] for e in extra]))
        return
    wanted = truth if wanted == "all" else whole(() if wanted == "none" else wanted)
    scenario.check(not got - wanted, "%s: the Inbox holds too much: %r" % (when, [e[:200] for e in got - wanted]))
    scenario.check(not wanted - got, "%s: the Inbox lacks: %r" % (when, [e[:200] for e in wanted - got]))


def no_rubbish(scenario, when):
    left = scenario.home.files("Inbox", "tmp")
    scenario.check(not left, "%s: tmp/ holds %s" % (when, left))


def tell(scenario, world):
    scenario.home, scenario.ca = world.home(), world.certificates.path("ca")
    hostile, scenario.on = scenario.on, {}
    certificate, scenario.certificate = scenario.certificate, "good"
    backlog = 16 if scenario.listens else 0
    with world.listening(scenario, Pop3, backlog, accepts=scenario.listens) as port:
        scenario.home.write_rc(scenario.rc(port))
        truth = whole(data for _, data in scenario.letters)
        if scenario.before is not None:
            scenario.drop = [Stored(*pair) for pair in scenario.before]
            scenario.check_run(scenario.home.run("fetch"), {0})
            truth = truth | whole(data for _, data in scenario.before)
            check_inbox(scenario, "all", whole(data for _, data in scenario.before), "before")
            scenario.dialogue.clear()
        scenario.drop = [Stored(*pair) for pair in scenario.letters]
        scenario.on, scenario.certificate = hostile, certificate
        fill = [] if scenario.listens else crowd(port)
        for _ in range(scenario.times):
            run = scenario.check_run(scenario.home.run(*scenario.words))
        for sock in fill:
            sock.close()
        if scenario.says:
            said = run.err + run.out
            scenario.check(scenario.says.encode() in said, "not said: %s" % scenario.says)
        scenario.check_secrets()
        check_inbox(scenario, scenario.inbox, truth, "after the bad run")
        for stored in scenario.removed:
            scenario.check(as_kept(stored.data) in scenario.home.letters("Inbox"), "a letter is lost")
        retrievals = sum(1 for _, who, data in scenario.dialogue if who == "C" and data.upper().startswith(b"RETR"))
        if scenario.retrievals is not None:
            scenario.check(retrievals == scenario.retrievals, "%d RETRs" % retrievals)
        if scenario.faults:
            scenario.faults.append("the run: " + run.words())
        if scenario.heal:
            heal(scenario, truth)


def crowd(port):
    """A listener whose queue is full answers nobody: connect waits."""
    crowd = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        crowd.append(sock)
    time.sleep(0.1)
    return crowd


def heal(scenario, truth):
    """The server has come to its senses."""
    scenario.on, scenario.certificate, scenario.newest_tls, scenario.ciphers = {}, "good", None, "DEFAULT:@SECLEVEL=0"
    scenario.capabilities, scenario.offers_tls, scenario.greeting = CAPABILITIES, True, b"+OK ready"
    scenario.stuffs, scenario.scram_rounds, scenario.scram_lie = True, 4096, None
    for stored in scenario.drop:
        stored.size = len(stored.data)
    count = len(scenario.faults)
    run = scenario.check_run(scenario.home.run("fetch"), scenario.heal_codes)
    check_inbox(scenario, scenario.final if scenario.final is not None else "all", truth, "after the good run")
    no_rubbish(scenario, "after the good run")
    if scenario.leave == "no":
        left = [stored.uid for stored in scenario.drop]
        scenario.check(left == (scenario.drop_after or []), "left on the server: %s" % left)
    if len(scenario.faults) > count:
        scenario.faults.append("the good run: " + run.words())
