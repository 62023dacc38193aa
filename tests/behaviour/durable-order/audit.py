"""Reads what strace saw of a fetch: is each letter durable before its DELE leaves?

audit.py TRACE…

For every letter: its file is synced, then renamed into new/, then that directory is
synced, then state.db's log; only then may a DELE be sent.  A call counts as done
when it returned, a DELE as sent when it was begun.
"""
import re
import sys

BEGUN = re.compile(r"^(?P<pid>\d+)\s+(?P<time>[\d.]+) (?P<call>\w+)\((?P<rest>.*)$")
RESUMED = re.compile(r"^(?P<pid>\d+)\s+(?P<time>[\d.]+) <\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)$")


def events(lines):
    """(call, arguments, done): a call in two halves gives two events."""
    open_calls = {}
    for line in lines:
        match = BEGUN.match(line)
        if match:
            rest, call = match["rest"], match["call"]
            if rest.endswith("<unfinished ...>"):
                open_calls[match["pid"], call] = rest
                yield call, rest, False
            else:
                yield call, rest, False
                if not re.search(r"= -1 E", rest):
                    yield call, rest, True
            continue
        match = RESUMED.match(line)
        if match and not re.search(r"= -1 E", match["rest"]):
            rest = open_calls.pop((match["pid"], match["call"]), "") + match["rest"]
            yield match["call"], rest, True


class Audit:
    def __init__(self):
        self.synced, self.renamed, self.listed, self.recorded = set(), set(), set(), set()
        self.deletions, self.faults = 0, []

    def sync(self, path):
        if re.search(r"/Inbox/tmp/", path):
            self.synced.add(path)
        elif path.endswith("/Inbox/new"):
            self.listed |= self.renamed
        elif re.search(r"/state\.db(-wal)?$", path):
            self.recorded |= self.listed

    def rename(self, source, target):
        if source not in self.synced:
            self.faults.append("%s was renamed before it was synced" % source)
        self.renamed.add(target)

    def take(self, call, rest, done):
        if call in ("fsync", "fdatasync") and done:
            path = re.match(r"\d+<([^>]*)>", rest)
            if path:
                self.sync(path[1])
        elif call.startswith(("rename", "link")) and not done:
            names = re.findall(r'"([^"]*)"', rest)
            if len(names) == 2 and "/Inbox/new/" in names[1]:
                self.rename(*names)
        elif call in ("sendto", "write", "sendmsg") and not done:
            count = len(re.findall(r"DELE \d+\\r\\n", rest))
            self.deletions += count
            if count and self.deletions > len(self.recorded):
                self.faults.append("DELE number %d left when %d letters were durable" % (
                    self.deletions, len(self.recorded)))


def main(paths):
    audit = Audit()
    for path in paths:
        with open(path, errors="replace") as f:
            for call, rest, done in events(f):
                audit.take(call, rest, done)
    for fault in audit.faults[:10]:
        print(fault)
    print("%d synced, %d renamed, %d in a synced directory, %d recorded, %d deleted" % (
        len(audit.synced), len(audit.renamed), len(audit.listed), len(audit.recorded), audit.deletions))


if __name__ == "__main__":
    main(sys.argv[1:])
