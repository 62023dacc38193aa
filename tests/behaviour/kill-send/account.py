"""account.py DROP MAIL-DIR KILLS QUEUE-JSON: weighs what was told against what is there.

A line each: 0 or 1 (bad), the sentence, the evidence, tab-separated.
"""
import collections
import json
import os
import re
import sys


def message_ids(*folders):
    found = collections.Counter()
    for folder in folders:
        for sub in ("new", "cur"):
            place = os.path.join(folder, sub)
            for name in os.listdir(place) if os.path.isdir(place) else ():
                with open(os.path.join(place, name), "rb") as letter:
                    match = re.search(rb"^Message-ID: <([a-z]+-[0-9a-z]+)@", letter.read(), re.M)
                if match:
                    found[match.group(1).decode()] += 1
    return found


drop, mail_dir, kills, queue = sys.argv[1:5]
delivered = message_ids(drop)
sent = message_ids(os.path.join(mail_dir, "Sent"))
outbox = message_ids(os.path.join(mail_dir, "Outbox"))
with open(kills) as lines:
    told = dict(reversed(line.split()) for line in lines if line.startswith(("certain ", "tried ")))
with open(queue) as rows:
    unsure = {row["message_id"].split("@")[0] for row in json.load(rows)}


def case(bad, sentence):
    print("%d\t%s\t%s" % (bool(bad), sentence, " ".join(sorted(bad))))


case({i for i, n in delivered.items() if n > 1}, "no letter is delivered twice")
case({i for i, n in sent.items() if n > 1}, "none has two Sent copies")
case({i for i, w in told.items() if w == "certain" and i not in unsure and not delivered[i]},
     "each letter that was kept is delivered, or marked unsure")
case({i for i in told if i not in unsure and delivered[i] != sent[i]},
     "each delivery has its Sent copy, and each Sent copy its delivery")
case({i for i in unsure if sent[i] or outbox[i] != 1}, "an unsure letter lies in the outbox, once, and not in Sent")
case({i for i in outbox if i not in unsure and told.get(i) != "tried"},
     "nothing else lies in the outbox but what was killed before its row was written")
print("# %d letters: %d delivered, %d in Sent, %d unsure (%d of them delivered), %d never kept" % (
    len(told), sum(delivered.values()), sum(sent.values()), len(unsure), len(unsure & set(delivered)),
    sum(1 for i in told if not delivered[i] and i not in unsure)))
