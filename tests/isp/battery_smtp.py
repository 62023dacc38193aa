"""A submission peer for batteries, and how one scenario of sending is told: a bad
session, then (unless the scenario says otherwise) `queue flush` on a good one.
Whatever the server did, each recipient gets the letter once, or it is marked.
"""
import collections

from battery import ADDRESS, Cut, Peer, Scenario

CAPABILITIES = (b"PIPELINING", b"SIZE 104857600", b"ENHANCEDSTATUSCODES", b"8BITMIME", b"SMTPUTF8", b"AUTH PLAIN LOGIN")
TO = "bruno@tuoisp.example"


def letter(name="x", to=TO, head=b"", body=b"ciao\n.\n..\n.punto\n\nfine\n"):
    return (b"From: Anna Rossi <%s>\nTo: %s\nSubject: prova\nMessage-ID: <%s@tuoisp.example>\n"
            b"Date: Mon, 2 Mar 2026 10:00:00 +0100\n%s\n%s" % (ADDRESS.encode(), to.encode(), name.encode(), head, body))


def multi(code, *lines):
    return b"".join(b"%s%s%s\r\n" % (code, b" " if n == len(lines) else b"-", line) for n, line in enumerate(lines, 1))


class Receipt:
    """A letter whose last byte came."""

    def __init__(self, mail, recipients, raw, stuffed=True):
        self.mail, self.recipients, self.raw = mail, recipients, raw
        self.fate = "unknown"
        lines = raw.split(b"\r\n")
        self.data = b"\r\n".join(line[1:] if stuffed and line.startswith(b".") else line for line in lines)
        self.number = 0


class Smtp(Peer):
    def converse(self):
        self.mail, self.recipients, self.greeted = None, [], False
        self.answer("greeting", b"220 bad.weather.example ESMTP\r\n")
        while True:
            line = self.line()
            if not line.isascii() and b"SMTPUTF8" not in self.scenario.capabilities:
                self.scenario.faults.append("8-bit in a command: %r" % line)
            command, _, argument = line.partition(b" ")
            handler = getattr(self, "do_" + command.lower().decode("latin-1"), None)
            if handler is None:
                self.send(b"502 5.5.1 unknown\r\n")
            else:
                handler(argument)

    def line(self):
        line = super().line()
        if not self.dialogue_line_ends():
            self.scenario.faults.append("a command without CRLF: %r" % line)
        return line

    def dialogue_line_ends(self):
        return self.scenario.dialogue[-1][2].endswith(b"\r\n")

    def do_ehlo(self, argument):
        lines = [b"bad.weather.example", *self.scenario.capabilities]
        hidden = self.scenario.tls == "starttls" and not self.tls
        if hidden:
            lines = [line for line in lines if not line.startswith(b"AUTH")]
            if self.scenario.offers_tls:
                lines.append(b"STARTTLS")
        step = "ehlo-clear" if hidden and "ehlo-clear" in self.scenario.on else "ehlo"
        self.answer(step, multi(b"250", *lines))

    def do_helo(self, argument):
        self.answer("helo", b"250 bad.weather.example\r\n")

    def do_starttls(self, argument):
        if self.answer("starttls", b"220 2.0.0 go ahead\r\n"):
            self.buffer = b""
            self.start_tls()

    def do_auth(self, argument):
        self.authenticate(argument, lambda text: b"334 " + text + b"\r\n", b"235 2.7.0 in\r\n", b"535 5.7.8 no\r\n")

    def do_mail(self, argument):
        self.mail, self.recipients = argument, []
        self.answer("mail", b"250 2.1.0 ok\r\n")

    def do_rcpt(self, argument):
        self.count = getattr(self, "count", 0) + 1
        step = "rcpt-%d" % self.count
        if self.answer(step if step in self.scenario.on else "rcpt", b"250 2.1.5 ok\r\n") or self.said(b"2"):
            self.recipients.append(argument)

    def said(self, start):
        """Did what was sent last begin so?"""
        last = [data for _, who, data in self.scenario.dialogue if who == "S"][-1:]
        return bool(last) and last[0].startswith(start)

    def do_data(self, argument):
        if not self.answer("data", b"354 go ahead\r\n") and not self.said(b"354"):
            return
        if "in-data" in self.scenario.on:
            self.scenario.on["in-data"](self, b"")
        data = self.read_data()
        if data is None:
            return
        receipt = Receipt(self.mail, list(self.recipients), data)
        self.scenario.take(receipt)
        if self.answer("body", b"250 2.0.0 queued as 42\r\n") or self.said(b"2"):
            receipt.fate = "accepted"
        elif self.said(b"4") or self.said(b"5"):
            receipt.fate = "refused"

    def do_bdat(self, argument):
        """RFC 3030: the octets follow at once, whatever becomes of them."""
        words = argument.split()
        size, last = int(words[0]), words[1:] == [b"LAST"]
        if not last:
            self.scenario.faults.append("a chunk that is not the last")
        early = self.answer("bdat", b"") if "bdat" in self.scenario.on else True
        # Whether or not all of it has come by now.
        if "in-chunk" in self.scenario.on:
            self.scenario.on["in-chunk"](self, b"")
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        self.note("C", b"(chunk of %d bytes)\r\n" % size)
        if not self.recipients:
            self.answer("empty-chunk", b"503 5.5.1 no valid recipients\r\n")
            return
        receipt = Receipt(self.mail, list(self.recipients), data, stuffed=False)
        self.scenario.take(receipt)
        if not early:
            receipt.fate = "accepted" if self.said(b"2") else "refused"
        elif self.answer("body", b"250 2.0.0 queued as 42\r\n") or self.said(b"2"):
            receipt.fate = "accepted"
        elif self.said(b"4") or self.said(b"5"):
            receipt.fate = "refused"

    def read_data(self):
        parts, tail = [], b"\r\n"
        while True:
            # `tail` holds what was read before, so that the end is found across reads.
            end = (tail + self.buffer).find(b"\r\n.\r\n")
            if end >= 0:
                take = max(0, end + 5 - len(tail))
                parts.append(self.buffer[:take])
                self.buffer = self.buffer[take:]
                whole = b"".join(parts)
                self.note("C", b"(letter of %d bytes)\r\n" % len(whole))
                return whole[:-3]
            parts.append(self.buffer)
            tail, self.buffer = (tail + self.buffer)[-4:], b""
            self.more()

    def do_rset(self, argument):
        self.answer("rset", b"250 2.0.0 ok\r\n")

    def do_quit(self, argument):
        self.answer("quit", b"221 2.0.0 bye\r\n")
        raise Cut()


class Submission(Scenario):
    """`state`: of the letter in the queue after the bad session (None: it is not
    there); `taken`: how many letters the server got whole in it."""

    own_defaults = dict(capabilities=CAPABILITIES, letter=None, words=("send", "-t"), offers_tls=True, state=None, taken=None, dot_may_leave=False,
                        heal=True, heal_codes={0}, heal_taken=None, recipients=None, wire=None, keeps=True, again=False, listens=True,
                        lacks=(), sender=None, before=())

    def __init__(self, name, codes, **given):
        super().__init__(name, codes, **given)
        self.receipts = []
        if self.letter is None:
            self.letter = letter()
        if self.taken is None:
            self.taken = 1 if self.codes == {0} else 0

    def take(self, receipt):
        if not receipt.recipients and receipt.raw == b"":
            return
        self.receipts.append(receipt)
        raw = receipt.raw
        rest = raw.replace(b"\r\n", b"")
        self.check(b"\r" not in rest and b"\n" not in rest, "a lone CR or LF on the wire")
        self.check(b"\0" not in raw, "a NUL on the wire")
        self.check(max(map(len, raw.split(b"\r\n"))) <= 999, "a line over 998 bytes on the wire")
        self.check(raw.isascii() or b"8BITMIME" in self.capabilities, "8-bit without 8BITMIME")
        for text in self.lacks:
            self.check(text not in raw, "on the wire: %r" % text)

    def rc(self, port):
        auth = "auth = \"%s\" " % self.auth if self.auth else ""
        user = "" if self.auth == "none" else "user = \"anna\"  password = \"%s\"" % self.password
        if self.auth == "none":
            auth = ""
        return """account "home" {
  from = "Anna Rossi <%s>" %s %s
  smtp { server = "%s" port = %d tls = "%s" ca-file = "%s" timeout = %d %s%s }
}
""" % (ADDRESS, user, self.account_rc, self.server, port, self.tls, self.ca, self.timeout, auth, self.server_rc)


def queue_of(scenario):
    run = scenario.home.run("queue", "list")
    scenario.check_run(run, {0})
    return [line.split("\t") for line in run.out.decode().splitlines()]


def reached(scenario):
    """How often each recipient has, or may have, the letter."""
    counts = collections.Counter()
    for receipt in scenario.receipts:
        if receipt.fate != "refused":
            counts.update(receipt.recipients)
    return counts


def check_run_one(scenario, run):
    scenario.check_run(run)
    kept = b"; do not send it again\n" in run.err
    if run.code in (75, 69, 76, 77, 78) and scenario.keeps:
        scenario.check(kept, "not said that it is kept")
    if run.code in (0, 64, 65, 73, 74):
        scenario.check(not kept, "said to be kept")
    if scenario.says:
        scenario.check(scenario.says.encode() in run.err, "not said: %s" % scenario.says)
    scenario.check_secrets()
    scenario.check(len(scenario.receipts) == scenario.taken, "the server got %d letters, wanted %d" % (len(scenario.receipts), scenario.taken))
    # What was accepted lies in no outbox; the rest says its state.
    states = [row[1] for row in queue_of(scenario)] if run.code or scenario.home.letters("Outbox") else []
    # A dot that lies in the kernel's buffers when the line is cut has left.
    if scenario.dot_may_leave and states == ["unsure"]:
        scenario.state, scenario.taken = "unsure", 0
    scenario.check(states == ([scenario.state] if scenario.state else []), "the queue holds %s, wanted %s" % (states, scenario.state))
    sent = len(scenario.home.letters("Sent"))
    scenario.check(sent == (1 if run.code == 0 else 0), "%d copies in Sent" % sent)
    wire = scenario.receipts[0].data if scenario.receipts else b""
    if scenario.wire is not None and scenario.receipts:
        for text in scenario.wire:
            scenario.check(text in wire, "the wire lacks %r: %r" % (text, wire[:600]))
    if scenario.recipients is not None and scenario.receipts:
        got = sorted(r.partition(b"<")[2].partition(b">")[0].decode() for r in scenario.receipts[0].recipients)
        scenario.check(got == sorted(scenario.recipients), "the envelope is for %s" % got[:10])
    if scenario.sender is not None and scenario.receipts:
        scenario.check(scenario.receipts[0].mail.startswith(b"FROM:<%s>" % scenario.sender), "sent by %r" % scenario.receipts[0].mail)


def tell(scenario, world):
    from battery_pop3 import crowd
    scenario.home, scenario.ca = world.home(), world.certificates.path("ca")
    with world.listening(scenario, Smtp, 16 if scenario.listens else 0, accepts=scenario.listens) as port:
        scenario.home.write_rc(scenario.rc(port))
        fill = [] if scenario.listens else crowd(port)
        run = scenario.home.run(*scenario.words, stdin=scenario.letter)
        for sock in fill:
            sock.close()
        check_run_one(scenario, run)
        if scenario.again:
            more = len(scenario.receipts)
            second = scenario.home.run(*scenario.words, stdin=scenario.letter)
            scenario.check(len(queue_of(scenario)) <= 1, "the letter is in the queue twice")
            if scenario.state in ("unsure", "blocked"):
                scenario.check(len(scenario.receipts) == more, "given again, it was sent again")
                scenario.check(second.code != 0 and b"do not send it again" in second.err, "given again: " + second.words())
        if scenario.faults:
            scenario.faults.append("the run: " + run.words())
        if scenario.heal and (run.code or scenario.heal == "always"):
            heal(scenario, run)


def heal(scenario, run):
    scenario.on, scenario.certificate, scenario.newest_tls, scenario.ciphers = {}, "good", None, "DEFAULT:@SECLEVEL=0"
    scenario.capabilities, scenario.offers_tls, scenario.scram_rounds, scenario.scram_lie = CAPABILITIES, True, 4096, None
    count = len(scenario.faults)
    flush = scenario.check_run(scenario.home.run("queue", "flush"), scenario.heal_codes)
    counts = reached(scenario)
    scenario.check(all(n == 1 for n in counts.values()), "somebody got the letter more than once: %s" % counts)
    left = [row[1] for row in queue_of(scenario)]
    if scenario.state in ("unsure", "blocked"):
        scenario.check(left == [scenario.state], "flushed, the queue holds %s" % left)
        scenario.check(len(scenario.receipts) == scenario.taken, "what is %s was sent by itself" % scenario.state)
    elif run.code not in (64, 65, 73, 74):
        scenario.check(left == [], "flushed, the queue holds %s" % left)
        scenario.check(bool(counts), "flushed, nobody has the letter")
        scenario.check(len(scenario.home.letters("Sent")) == 1, "flushed, Sent holds %d" % len(scenario.home.letters("Sent")))
        scenario.check(not scenario.home.letters("Outbox"), "flushed, a letter lies in Outbox")
    if len(scenario.faults) > count:
        scenario.faults.append("the flush: " + flush.words())
