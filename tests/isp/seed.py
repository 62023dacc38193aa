"""The sample mail of the loopback provider: fills the drops of anna and bruno.

seed.py DIR BASE DOMAIN MAIL

MAIL holds one letter a file, NN-name.ACCOUNT.eml, with LF line ends. In it
`@DATE -3d 09:30 +0100@` is that time three days ago and `@DATE -2h@` the time
two hours ago. A first field `X-Isp-Make: sign WHO` or `X-Isp-Make: seal WHO
TO…` has the letter signed, or signed and sealed, by gpg as PGP/MIME.
"""
import datetime
import email.utils
import os
import re
import subprocess
import sys

import lmtp

NAMES = {"anna": "Anna Rossi", "bruno": "Bruno Verdi"}


def gpg(home, *arguments, data=b""):
    run = subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet", "--no-tty", *arguments],
                         input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        sys.exit("isp: gpg %s: %s" % (" ".join(arguments), run.stderr.decode(errors="replace")))
    return run.stdout


def fingerprint(home, address):
    for line in gpg(home, "--with-colons", "--list-keys", address).decode().splitlines():
        if line.startswith("fpr:"):
            return line.split(":")[9]
    raise LookupError(address)


def make_keys(base, domain):
    """A key without passphrase for each; each has signed and trusts the other's."""
    homes = {name: "%s/gnupg-%s" % (base, name) for name in NAMES}
    for name, home in homes.items():
        if os.path.isdir(home):
            continue
        os.mkdir(home, 0o700)
        gpg(home, "--passphrase", "", "--quick-generate-key",
            "%s <%s@%s>" % (NAMES[name], name, domain), "future-default", "default", "0")
    public = {name: gpg(home, "--armor", "--export", "%s@%s" % (name, domain)) for name, home in homes.items()}
    for name, home in homes.items():
        for other in NAMES:
            if other == name:
                continue
            gpg(home, "--import", data=public[other])
            print_of_other = fingerprint(home, "%s@%s" % (other, domain))
            gpg(home, "--yes", "--quick-lsign-key", print_of_other)
            gpg(home, "--import-ownertrust", data=("%s:5:\n" % print_of_other).encode())
        gpg(home, "--check-trustdb")
    return homes


def with_dates(letter, now):
    def date(match):
        words = match.group(1).decode().split()
        if words[0].endswith("h"):
            when = now + datetime.timedelta(hours=int(words[0][:-1]))
        else:
            zone = datetime.datetime.strptime(words[2], "%z").tzinfo
            day = now.astimezone(zone) + datetime.timedelta(days=int(words[0][:-1]))
            hour, minute = words[1].split(":")
            when = day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        return email.utils.format_datetime(when).encode()
    return re.sub(rb"@DATE ([^@]*)@", date, letter)


def split_entity(letter):
    """The fields that stay outside, and the MIME entity that is signed."""
    head, body = letter.split(b"\n\n", 1)
    fields = re.split(rb"\n(?![ \t])", head)
    entity = [f for f in fields if f.lower().startswith(b"content-")]
    outer = [f for f in fields if f not in entity]
    return outer, b"\n".join(entity) + b"\n\n" + body


def signed_entity(entity, home, who):
    crlf = entity.replace(b"\n", b"\r\n")
    signature = gpg(home, "--local-user", who, "--digest-algo", "SHA256", "--armor", "--detach-sign", data=crlf)
    return (b"Content-Type: multipart/signed; micalg=pgp-sha256;\n"
            b"\tprotocol=\"application/pgp-signature\"; boundary=\"firma\"\n\n"
            b"--firma\n" + entity + b"\n--firma\n"
            b"Content-Type: application/pgp-signature; name=\"signature.asc\"\n\n" + signature + b"\n--firma--\n")


def sealed_entity(entity, home, who, recipients):
    to = [word for recipient in recipients for word in ("--recipient", recipient)]
    armour = gpg(home, "--local-user", who, "--armor", "--sign", "--encrypt", *to,
                 data=entity.replace(b"\n", b"\r\n"))
    return (b"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\n"
            b"\tboundary=\"busta\"\n\n"
            b"--busta\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
            b"--busta\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\n\n" + armour +
            b"\n--busta--\n")


def finished(letter, homes, domain):
    made = re.match(rb"X-Isp-Make: (\w+) ([a-z ]+)\n", letter)
    if not made:
        return letter
    who, *recipients = made.group(2).decode().split()
    addresses = ["%s@%s" % (name, domain) for name in [*recipients, who]]
    outer, entity = split_entity(letter[made.end():])
    if made.group(1) == b"sign":
        entity = signed_entity(entity, homes[who], addresses[-1])
    else:
        entity = sealed_entity(entity, homes[who], addresses[-1], addresses)
    return b"\n".join(outer) + b"\n" + entity


def main(directory, base, domain, mail):
    homes = make_keys(base, domain)
    now = datetime.datetime.now().astimezone()
    letters = {name: [] for name in NAMES}
    for name in sorted(os.listdir(mail)):
        parts = name.split(".")
        if parts[-1] != "eml":
            continue
        with open(os.path.join(mail, name), "rb") as f:
            letter = finished(with_dates(f.read(), now), homes, domain)
        sender = "" if b"\nReturn-Path: <>" in b"\n" + letter[:200] else "sender@example.org"
        letters[parts[-2]].append((sender, letter.replace(b"\n", b"\r\n")))
    for name, ready in letters.items():
        lmtp.deliver(base + "/run/lmtp", "%s@%s" % (name, domain), ready)
        print("isp: %d letters in the drop of %s@%s" % (len(ready), name, domain))


if __name__ == "__main__":
    main(*sys.argv[1:])
