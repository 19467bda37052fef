#!/usr/bin/env python3
"""Does a message cost more when there are more sessions, or more processes?

usage: grow.py [-n MESSAGES] [-s 10,100,1000,5000] [-c 1,2,4] [-w local,relay]

Processor time per message of all of Barid's processes, one connection for each
message, with that many simultaneous sessions, and with that many processes for
each service of sessions (default_service_processes).
"""
import argparse
import sys
import time

import rig

a = argparse.ArgumentParser()
a.add_argument("-n", type=int, default=10000)
a.add_argument("-s", default="10,100,1000,5000")
a.add_argument("-c", default="1,2,4")
a.add_argument("-w", default="local,relay")
a.add_argument("-r", type=int, default=3, help="runs; the median counts")
a.add_argument("-p", action="store_true", help="Postfix; -c has no meaning")
a = a.parse_args()

rig.private_network()
rig.many_descriptors()
sink_port = rig.free_port()
sink = rig.sink_process(sink_port)
print("| load | sessions | " + " | ".join("%s processes" % c for c in a.c.split(",")) + " |")
print("|---|---|" + "---|" * len(a.c.split(",")))


def run(server, what, sessions):
    n = max(a.n, 2 * sessions)
    rcpt = "user@bench.test" if what == "local" else "x@living.test"
    server.tool("postqueue", "-f")
    rig.load(server, 50, rcpt, 10, reuse=False)
    rig.wait_until(lambda: server.queued() == 0, 60)
    cpu = server.cpu()
    rig.load(server, n, rcpt, sessions, reuse=False)
    rig.wait_until(lambda: server.queued() == 0, 300)
    time.sleep(.5)
    return (server.cpu() - cpu) / n * 1e6


rows = {}
for count in a.c.split(","):
    for what in a.w.split(","):
        for _ in range(a.r):
            server = rig.Server("postfix" if a.p else "barid", main={
                "default_session_limit": "8000", "in_flow_delay": "0",
                **({} if a.p else {"default_service_processes": count})},
                transport="/@living\\.test$/ smtp:[127.0.0.1]:%d\n" % sink_port)
            server.start()
            for sessions in map(int, a.s.split(",")):
                cost = run(server, what, sessions)
                print("%s, %s processes, %d sessions: %.0f" % (what, count, sessions, cost),
                      file=sys.stderr, flush=True)
                rows.setdefault((what, sessions), {}).setdefault(count, []).append(cost)
            server.clean()
for (what, sessions), row in rows.items():
    print("| %s | %d | %s |" % (what, sessions, " | ".join(
        "%.0f µs" % rig.quantile(v, .5) for v in row.values())), flush=True)
sink.terminate()
