#!/usr/bin/env python3
"""Mixed load for a long time, with reloads, changed tables and killed processes.

usage: soak.py [-t SECONDS] [-r MESSAGES-PER-SECOND] [-g PERCENT]

Mail to mailboxes, to a server that refuses, puts off and drops at random, and to
addresses that bounce.  In the first half of the time there is a reload every 5
minutes (a sixth of the time, if that is shorter), every 20 s (a 30th) a table that
changes, every 40 s (a 20th) a process that is killed; all of these replace
processes.  In the second half there is the load only, so that whatever the first
half left behind has some minutes to reach its level.  Memory (private and PSS) and
descriptors of every process are sampled.  No process that is there for the whole
last third may grow by more than PERCENT (2) in it (the table shows the worst of
each program), and every message that was accepted must have arrived somewhere.
-g 100 checks only that it works.
"""
import argparse
import os
import random
import sys
import threading
import time

import rig

a = argparse.ArgumentParser()
a.add_argument("-t", type=float, default=1800)
a.add_argument("-r", type=float, default=60)
a.add_argument("-g", type=float, default=2)
a = a.parse_args()

rig.private_network()
rig.many_descriptors()
USERS = ["u%d" % i for i in range(5)]
begun = time.monotonic()
ends = begun + a.t
steady = begun + a.t / 2
judged = begun + a.t * 2 / 3
chance = random.Random(1)


def answer(verb):
    r = chance.random()
    if verb == "RCPT" and r < .04:
        return chance.choice(["450 4.2.0 later", "550 5.1.1 nobody"])
    if verb == "." and r < .06:
        return chance.choice(["451 4.3.0 not now", "554 5.6.0 never", None])
    return ""


sink = rig.Sink(answer)
server = rig.Server(
    users=USERS + ["sender"],
    transport="/@living\\.test$/ smtp:[127.0.0.1]:%d\n" % sink.port,
    main={"minimal_backoff_time": "5s", "maximal_backoff_time": "10s",
          "queue_run_delay": "5s", "service_throttle_time": "1s",
          "virtual_mailbox_limit": "0",
          # What is killed makes a 451, of which the postmaster would be told.
          "notify_classes": ""})
server.main["virtual_alias_maps"] = "hash:%s/virtual" % server.etc
server.write("virtual", "first@bench.test u0@bench.test\n")
server.configure()
server.tool("postmap", "hash:%s/virtual" % server.etc)
server.start()
accepted, seen = {}, set()
problems = []


def client(n):
    i = 0
    pause = 4 / a.r
    while time.monotonic() < ends:
        try:
            c = rig.Client(server.port)
            for _ in range(random.randrange(1, 20)):
                mark = "s%d-%d" % (n, i)
                i += 1
                kind = random.random()
                rcpts = [random.choice(USERS) + "@bench.test"] if kind < .5 else \
                    ["x@living.test"] if kind < .8 else \
                    ["nobody-%d@bench.test" % i] if kind < .85 else \
                    ["first@bench.test", "y@living.test"]
                reply = c.send(rcpts, mark, sender="sender@bench.test",
                               size=random.choice([100, 2000, 100000]))
                accepted[mark] = reply
                time.sleep(random.random() * 2 * pause)
            c.quit()
        except (OSError, rig.Refused):
            time.sleep(.2)


def collect():
    """Marks of what is in the mailboxes, which are emptied."""
    for user in USERS + ["sender"]:
        new = "%s/%s/new" % (server.mail, user)
        try:
            names = os.listdir(new)
        except OSError:
            continue
        for name in names:
            with open("%s/%s" % (new, name), "rb") as f:
                for line in f:
                    if line.startswith(b"X-Mark: "):
                        seen.add(line[8:].strip().decode())
                        break
            os.unlink("%s/%s" % (new, name))


def every(seconds, what, until):
    def run():
        at = time.monotonic() + seconds
        while at < until:
            time.sleep(max(0, at - time.monotonic()))
            try:
                what()
            except Exception as e:      # tell at the end
                problems.append("%s: %s" % (what.__name__, e))
            at += seconds
    t = threading.Thread(target=run)
    t.start()
    return t


def reload():
    server.reload()


def change_table():
    server.write("virtual", "first@bench.test %s@bench.test\n" % random.choice(USERS))
    server.tool("postmap", "hash:%s/virtual" % server.etc)


kills = {}


def kill():
    all = [(p, n) for p, n in server.processes().items() if p != server.master]
    p, name = random.choice(all)
    try:
        os.kill(p, 9)
        kills[name] = kills.get(name, 0) + 1
    except ProcessLookupError:
        pass


samples = {}        # (pid, program): [(when, private, PSS, descriptors)...]


def sample():
    for p, name in server.processes().items():
        try:
            pss, private = server.memory(p)
            fds = len(os.listdir("/proc/%d/fd" % p))
        except (OSError, KeyError):
            continue
        samples.setdefault((p, name), []).append(
            (time.monotonic(), private, pss, fds))


threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
for t in threads:
    t.start()
threads += [
    every(min(300, a.t / 6), reload, steady),
    every(min(20, a.t / 30), change_table, steady),
    every(min(40, a.t / 20), kill, steady),
    every(min(5, a.t / 30), collect, ends),
    every(min(2, a.t / 30), sample, ends),
]
for t in threads:
    t.join()
lasted = time.monotonic() - begun


def settled():
    collect()
    server.tool("postqueue", "-f", check=False)
    return server.queued() == 0


try:
    rig.wait_until(settled, 180, 1)
except TimeoutError:
    problems.append("%d messages stay in the queue:\n%s" % (
        server.queued(), "\n".join(server.told_of_queued())))
collect()
missing = [m for m in accepted if m not in seen and m not in sink.arrived]
if missing:
    problems.append("%d accepted messages arrived nowhere: %s" % (len(missing), missing[:5]))
print("%d messages in %.0f s; killed: %s" % (
    len(accepted), lasted, " ".join("%s %d" % kv for kv in sorted(kills.items()))))

# --- growth

# Of each process that was there for the whole last third: that, in thirds again.
print("%-10s %5s %24s %20s %18s" % ("program", "n", "private KiB", "PSS KiB", "descriptors"))
worst = {}
for (pid, name), all in samples.items():
    third = [v[1:] for v in all if v[0] >= judged]
    part = len(third) // 3
    if part < 1 or all[0][0] >= judged or all[-1][0] < ends - a.t / 20:
        continue
    means = [[sum(v[i] for v in part_of) / part for i in range(3)]
             for part_of in (third[:part], third[-part:])]
    (p0, q0, f0), (p1, q1, f1) = means
    grown = p1 / p0
    n = worst.get(name, (0, 0))[0] + 1
    if name not in worst or grown > worst[name][1]:
        worst[name] = (n, grown, means)
    else:
        worst[name] = (n, *worst[name][1:])
    # A page or two is no growth.
    if p1 > p0 * (1 + a.g / 100) + 12 or f1 > f0 * (1 + a.g / 100) + 1:
        problems.append("%s[%d] has grown: private %.0f -> %.0f KiB, descriptors %.1f -> %.1f "
                        "in %d samples" % (name, pid, p0, p1, f0, f1, len(third)))
for name, (n, grown, ((p0, q0, f0), (p1, q1, f1))) in sorted(worst.items()):
    print("%-10s %5d %8.0f -> %5.0f (%+.1f %%) %7.0f -> %7.0f %8.1f -> %5.1f" % (
        name, n, p0, p1, (grown - 1) * 100, q0, q1, f0, f1))
for p in problems:
    print("PROBLEM", p)
sys.exit(bool(problems))
