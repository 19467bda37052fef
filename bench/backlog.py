#!/usr/bin/env python3
"""A long queue: what N messages for a dead host cost the others.

usage: backlog.py [-p] [-i SECONDS] N
  -p  Postfix instead of Barid     -i  how long to measure idleness (60)

For each stage: memory of qmgr, processor time while idle, and the time that a
fresh message to a living host takes; then a restart, fresh messages while the
queue is read in the background; then the commands that list and flush.
"""
import argparse
import sys
import time

import rig

a = argparse.ArgumentParser()
a.add_argument("-p", action="store_true")
a.add_argument("-i", type=float, default=60)
a.add_argument("-b", default="300s", help="minimal_backoff_time")
a.add_argument("n", type=int)
a = a.parse_args()

rig.private_network()
rig.many_descriptors()
sink = rig.Sink()
refused = rig.free_port()
kind = "postfix" if a.p else "barid"
server = rig.Server(kind, transport="/@dead[0-9]*\\.test$/ smtp:[127.0.0.1]:%d\n"
                    "/@living\\.test$/ smtp:[127.0.0.1]:%d\n" % (refused, sink.port),
                    main={"minimal_backoff_time": a.b, "queue_run_delay": "300s",
                          "in_flow_delay": "0", "fast_flush_domains": "dead.test"})
server.start()


def qmgr():
    return "qmgr: PSS %.1f MiB, cpu %.2f s" % (server.memory_of("qmgr") / 1024,
                                               server.cpu("qmgr"))


def stage(name, n=100):
    rig.show("%s: fresh" % name,
             rig.fresh_latency(server, sink, n, "x@living.test", prefix=name.replace(" ", "-")))
    print("   ", qmgr(), flush=True)


def idle(name):
    c, q, t = server.cpu(), server.cpu("qmgr"), time.monotonic()
    time.sleep(a.i)
    t = time.monotonic() - t
    print("%s: idle: all %.3f %%, qmgr %.3f %% of a processor" % (
        name, (server.cpu() - c) / t * 100, (server.cpu("qmgr") - q) / t * 100), flush=True)


def timed(name, *command):
    t = time.monotonic()
    out = server.tool(command[0], *command[1:])
    print("%s: %.2f s, %d lines" % (name, time.monotonic() - t, out.count("\n")), flush=True)


def deferred():
    return server.queued("deferred")


stage("empty")
idle("empty")
c, t = server.cpu(), time.monotonic()
rig.load(server, a.n, "x@dead.test", more=("-r", "1"))
print("accepted in %.0f s" % (time.monotonic() - t), flush=True)
rig.wait_until(lambda: server.queued("active", "incoming") == 0, 600, 1)
print("%d deferred after %.0f s, cpu %.0f us a message" % (
    deferred(), time.monotonic() - t, (server.cpu() - c) / a.n * 1e6), flush=True)
stage("deferred")
idle("deferred")
t = time.monotonic()
server.stop()
print("stop: %.2f s" % (time.monotonic() - t))
t = time.monotonic()
server.start()
print("start: %.2f s until it answers" % (time.monotonic() - t), flush=True)
stage("after restart")
idle("after restart")
stage("later")
timed("mailq", "postqueue", "-p")
timed("postqueue -j", "postqueue", "-j")
one = server.tool("postqueue", "-j").splitlines()[a.n // 2]
one = one.split('"queue_id": "')[1].split('"')[0]
timed("postqueue -i", "postqueue", "-i", one)
timed("postqueue -s", "postqueue", "-s", "dead.test")
c, t = server.cpu(), time.monotonic()
timed("flush", "postqueue", "-f")
stage("after flush")
rig.wait_until(lambda: server.queued("active", "incoming") == 0, 900, 1)
time.sleep(5)
print("flushed: quiet after %.0f s, cpu %.0f us a message; %d deferred" % (
    time.monotonic() - t, (server.cpu() - c) / a.n * 1e6, deferred()), flush=True)
print(qmgr())
