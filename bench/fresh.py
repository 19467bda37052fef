#!/usr/bin/env python3
"""Latency of single fresh messages while something large goes on.

usage: fresh.py [-p] [-n MESSAGES] [-r RCPTS] idle|bulk|swallow|slow...
  idle      nothing else goes on
  bulk      a job with RCPTS (100,000) recipients in two domains runs
  swallow   1,000 destinations swallow packets
  slow      20,000 and more messages wait for one host that swallows packets
"""
import argparse
import os
import threading
import time

import rig

a = argparse.ArgumentParser()
a.add_argument("-p", action="store_true")
a.add_argument("-n", type=int, default=200)
a.add_argument("-r", type=int, default=100000)
a.add_argument("-f", type=int, default=30000, help="messages of slow")
a.add_argument("what", nargs="+")
a = a.parse_args()

rig.private_network()
rig.many_descriptors()
sink = rig.Sink()
hole = rig.Blackhole()
kind = "postfix" if a.p else "barid"


class BulkSink:
    """Beside us, so that it does not slow down the measuring; it takes a
    second for each message, as servers of the net do."""

    def __init__(self):
        self.port = rig.free_port()
        self.p = rig.sink_process(self.port, "-w", "1")

    def close(self):
        self.p.terminate()
        self.p.wait()


def bulk_job(server, total, per_message):
    """One message (or as few as the server takes) with that many recipients."""
    c = rig.Client(server.port, timeout=600)
    for first in range(0, total, per_message):
        c.s.sendall(b"MAIL FROM:<list@client.test>\r\n")
        c.expect("250")
        for at in range(first, min(total, first + per_message), 100):
            c.s.sendall("".join("RCPT TO:<u%d@bulk%d.test>\r\n" % (i, i % 2)
                                for i in range(at, min(at + 100, total))).encode())
            for i in range(at, min(at + 100, total)):
                c.expect("250")
        c.ask("DATA", "354")
        c.ask("X-Mark: bulk\r\nSubject: list\r\n\r\n" + ("x" * 72 + "\r\n") * 20 + ".")
    c.quit()


def run(what):
    bulk = BulkSink()
    server = rig.Server(kind, main={
        "smtpd_recipient_limit": str(a.r + 1),
        "smtpd_recipient_overshoot_limit": str(a.r + 1),
        "in_flow_delay": "0",
    }, transport=(
        "/@living\\.test$/ smtp:[127.0.0.1]:%d\n"
        "/@bulk([01])\\.test$/ smtp:[127.0.1.$1]:%d\n"
        "/@d([0-9]+)-([0-9]+)\\.swallow\\.test$/ smtp:[127.9.$1.$2]:%d\n" % (
            sink.port, bulk.port, hole.port)))
    server.start()
    try:
        rig.fresh_latency(server, sink, 5, "x@living.test", prefix="warm")
        if what == "bulk":
            t = time.monotonic()
            bulk_job(server, a.r, a.r)
            print("job accepted in %.1f s" % (time.monotonic() - t), flush=True)
        elif what == "swallow":
            for i in range(1000):
                rig.send_one(server.port, ["x%d@d%d-%d.swallow.test" % (j, i // 250, i % 250 + 1)
                                           for j in range(3)], "s%d" % i)
            # More than one message each: as many as a window takes.
            c = rig.Client(server.port)
            for i in range(5000):
                i %= 1000
                c.send(["y@d%d-%d.swallow.test" % (i // 250, i % 250 + 1)], "s%d" % i)
            c.quit()
        elif what == "slow":
            rig.load(server, a.f, "x@d0-1.swallow.test")
        t = time.monotonic()
        c0 = server.cpu()
        values = rig.fresh_latency(
            server, sink, a.n, "x@living.test", every=.01,
            prefix=what)
        rig.show("%s %s" % (kind, what), values)
        print("    in %.1f s, cpu %.1f s; queue: active %d, deferred %d" % (
            time.monotonic() - t, server.cpu() - c0, server.queued("active"),
            server.queued("deferred")), flush=True)
    finally:
        server.clean()
        bulk.close()


for what in a.what:
    run(what)
