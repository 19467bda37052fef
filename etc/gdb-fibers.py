"""Shows the stacks of Barid's parked fibers in gdb.

    (gdb) source etc/gdb-fibers.py
    (gdb) fibers            one line for each fiber: name, state
    (gdb) fibers N          the stack of fiber N

A fiber that is parked is not on any thread's stack; its registers lie where
context_switch (lib/run/context.c) left them, at the end of its own.  For a live process its stack is shown by lending the registers
to the current frame for the time of the backtrace.
"""

import gdb


def all_fibers():
    state = gdb.parse_and_eval("fibers")
    head = state["all"].address
    kind = gdb.lookup_type("struct fiber")
    offset = [f.bitpos // 8 for f in kind.fields() if f.name == "all"][0]
    node = state["all"]["next"]
    while node != head:
        base = int(node) - offset
        yield gdb.Value(base).cast(kind.pointer()).dereference()
        node = node.dereference()["next"]


# What context_switch pushed on x86-64, in words from the stack pointer.
SAVED = {"rbx": 5, "rbp": 6, "rip": 7}
SAVED_WORDS = 8


class Fibers(gdb.Command):
    """List parked fibers, or show the stack of one."""

    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def list(self):
        for n, f in enumerate(all_fibers()):
            state = "ready" if f["queued"] else "parked"
            if f["cancelled"]:
                state += ", cancelled"
            print("%3d  %-12s %s" % (n, f["name"].string(), state))

    def show(self, wanted):
        for n, f in enumerate(all_fibers()):
            if n != wanted:
                continue
            sp = int(f["context"]["stack_pointer"])
            word = gdb.lookup_type("unsigned long")
            saved = {r: int(gdb.parse_and_eval("$" + r))
                     for r in ("rsp", "rbp", "rip", "rbx")}
            try:
                regs = {r: int(gdb.Value(sp + 8 * i).cast(
                    word.pointer()).dereference())
                    for r, i in SAVED.items()}
                regs["rsp"] = sp + 8 * SAVED_WORDS
                for r in ("rsp", "rbp", "rbx", "rip"):
                    gdb.execute("set $%s = %d" % (r, regs[r]))
                gdb.execute("backtrace")
            finally:
                for r, v in saved.items():
                    gdb.execute("set $%s = %d" % (r, v))

    def invoke(self, arg, from_tty):
        if arg:
            self.show(int(arg))
        else:
            self.list()


Fibers()
