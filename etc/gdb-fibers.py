"""Shows the stacks of Barid's parked fibers in gdb.

    (gdb) source etc/gdb-fibers.py
    (gdb) fibers            one line for each fiber: name, state
    (gdb) fibers N          the stack of fiber N

A fiber that is parked is not on any thread's stack; its registers are in its
saved context.  For a live process its stack is shown by lending the registers
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


# Indices into gregs: sys/ucontext.h of x86-64.
REG_RBX, REG_RBP, REG_RSP, REG_RIP = 11, 10, 15, 16


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
            regs = f["context"]["uc_mcontext"]["gregs"]
            saved = {r: int(gdb.parse_and_eval("$" + r))
                     for r in ("rsp", "rbp", "rip", "rbx")}
            try:
                for r, i in (("rsp", REG_RSP), ("rbp", REG_RBP),
                             ("rbx", REG_RBX), ("rip", REG_RIP)):
                    gdb.execute("set $%s = %d" % (r, int(regs[i])))
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
