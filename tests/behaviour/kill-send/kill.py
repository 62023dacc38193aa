"""kill.py PROGRAM MAIL-DIR KILLS SEED: sends letters and kills the program midway.

Writes a line for each letter: "certain ID" when a caller was told that it is kept
(it must arrive), "tried ID" when the program was killed before it said so.
"""
import os
import random
import subprocess
import sys
import time

program, mail_dir, kills, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
dice = random.Random(seed)
link = os.path.join(os.environ["HOME"], "postino-sendmail")
os.symlink(program, link)


def letter(name):
    return (b"From: Anna Rossi <anna@tuoisp.example>\nTo: bruno@tuoisp.example\nSubject: colpo %s\n"
            b"Message-ID: <%s@tuoisp.example>\nDate: Mon, 05 Jan 2026 10:00:00 +0100\n\n"
            b"Caro Bruno,\nquesta arriva una volta sola.\n" % (name.encode(), name.encode()))


def start(arguments, text):
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        process.stdin.write(text)
        process.stdin.close()
    except BrokenPipeError:
        pass
    return process


def kill_within(process, seconds):
    """Kills it at a random instant of its usual time; False when it was done before."""
    try:
        process.wait(dice.uniform(0, seconds))
        killed = False
    except subprocess.TimeoutExpired:
        process.kill()
        killed = True
    process.stderr.read()
    process.wait()
    return killed


def timed(arguments, text=b""):
    begin = time.monotonic()
    process = start(arguments, text)
    words = process.stderr.read()
    if process.wait() != 0:
        sys.exit("%s: %s" % (arguments, words.decode()))
    return time.monotonic() - begin


def main():
    usual = {"send": timed([program, "send", "-t"], letter("send-0")) * 1.1}
    print("certain send-0")
    timed([link, "-t", "-odq"], letter("flush-0"))
    print("certain flush-0")
    usual["flush"] = timed([program, "queue", "flush"]) * 1.1
    done, rounds, number = 0, 0, 0
    while done < kills and rounds < 4 * kills:
        rounds += 1
        what = "send" if rounds % 2 else "flush"
        number += 1
        if what == "send":
            name = "send-%d" % number
            process = start([program, "send", "-t"], letter(name))
            killed = kill_within(process, usual[what])
            print("%s %s" % ("tried" if killed or process.returncode != 0 else "certain", name))
        else:
            for part in "ab":
                timed([link, "-t", "-i", "-odq"], letter("flush-%d%s" % (number, part)))
                print("certain flush-%d%s" % (number, part))
            killed = kill_within(start([program, "queue", "flush"], b""), usual[what])
        done += killed
        if not killed:
            usual[what] = max(0.05, usual[what] * 0.9)
    print("kills %d, rounds %d, seed %d" % (done, rounds, seed))


main()
