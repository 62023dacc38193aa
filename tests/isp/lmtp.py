"""Letters into a drop through Dovecot's LMTP socket, as Postfix delivers them.

lmtp.py SOCKET RECIPIENT FILE…   delivers; --list prints the letters named on stdin
"""
import email
import email.header
import email.policy
import os
import smtplib
import sys


def deliver(path, recipient, letters):
    with smtplib.LMTP(path) as server:
        for sender, letter in letters:
            server.sendmail(sender, [recipient], letter)


def shown(text):
    decoded = str(email.header.make_header(email.header.decode_header(text or "")))
    return "".join(c if c.isprintable() else "?" for c in decoded)


def list_letters(paths):
    for path in paths:
        with open(path, "rb") as f:
            letter = email.message_from_binary_file(f, policy=email.policy.compat32)
        fields = [str(os.path.getsize(path))]
        for name in ("From", "Subject"):
            try:
                fields.append(shown(str(letter[name] or "")))
            except (LookupError, ValueError):
                fields.append(ascii(str(letter[name])))
        print("\t".join(fields))


def main(arguments):
    if arguments[:1] == ["--list"]:
        list_letters(line.rstrip("\n") for line in sys.stdin)
        return
    path, recipient, *files = arguments
    letters = []
    for name in files:
        with open(name, "rb") as f:
            letters.append(("sender@example.org", f.read()))
    deliver(path, recipient, letters)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, smtplib.SMTPException) as e:
        sys.exit("isp: the servers did not take the letter: %s" % e)
