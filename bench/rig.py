"""What the measuring scripts share: a server under test in a folder of its own,
load, and the accounting of its processes.  Python's standard library only.

Environment:
  BARID_PREFIX   where Barid is installed (default /usr)
  POSTFIX_ROOT   an unpacked Debian package of Postfix, to compare with
  BENCH_DIR      a folder on a journaled file system (default: the current one)
  BENCH_USER     owner of mailboxes (default nobody)
  BENCH_SMTP     folder of smtp-source and smtp-sink (default: of the PATH)
"""
import atexit
import fcntl
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PREFIX = os.environ.get("BARID_PREFIX", "/usr")
POSTFIX = os.environ.get("POSTFIX_ROOT", "")
USER = os.environ.get("BENCH_USER", "nobody")
PEER_DOMAIN = "living.test"


def private_network():
    """Start again in a network of our own, with nothing but loopback, so that
    no traffic leaves and no port is taken.  As an ordinary user: as we are."""
    if os.geteuid() != 0 or os.environ.get("BENCH_NETWORK"):
        if os.environ.get("BENCH_NETWORK"):
            with socket.socket() as s:
                fcntl.ioctl(s, 0x8914, struct.pack("16sh14s", b"lo", 0x49, b""))
        return
    os.environ["BENCH_NETWORK"] = "1"
    os.execvp("unshare", ["unshare", "-n", sys.executable] + sys.argv)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def many_descriptors():
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_until(what, limit, every=.05):
    """The first true value of what(); dies after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %d s" % limit)
        time.sleep(every)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))] if values else None


# --- the server ---------------------------------------------------------------

SERVICES = """
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


servers = []


def clean_all(signum=None, _=None):
    """Stop what was started, at the end of the script and when it is told to
    end, whatever its threads do."""
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)
    while servers:
        servers.pop().clean()
    if signum is not None:
        os._exit(128 + signum)


atexit.register(clean_all)
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, clean_all)


class Server:
    """An instance of Barid or Postfix with the same configuration."""

    def __init__(self, kind="barid", main=None, services=None, transport=None,
                 users=("user",)):
        self.kind = kind
        base = os.environ.get("BENCH_DIR", ".")
        os.makedirs(base, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix=kind + ".", dir=os.path.abspath(base))
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        self.queue = self.dir + "/spool"
        self.mail = self.dir + "/mail"
        self.log = self.dir + "/maillog"
        self.etc = self.dir + "/etc"
        self.master = None
        self.services = dict(services or {})
        owner = pwd.getpwnam(USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for d in (self.etc, self.queue, self.dir + "/data", self.mail):
            os.mkdir(d)
        for user in users:
            os.mkdir(self.mail + "/" + user)
            os.chown(self.mail + "/" + user, owner.pw_uid, owner.pw_gid)
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        self.main = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue,
            "data_directory": self.dir + "/data",
            "maillog_file": self.log,
            "maillog_file_prefixes": "/",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.bench.test",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "biff": "no",
            "append_dot_mydomain": "no",
            "disable_dns_lookups": "yes",
            "smtpd_peername_lookup": "no",
            "virtual_mailbox_domains": "bench.test",
            "virtual_mailbox_base": self.mail,
            "virtual_mailbox_maps": "hash:%s/users" % self.etc,
            "virtual_uid_maps": "static:%d" % owner.pw_uid,
            "virtual_gid_maps": "static:%d" % owner.pw_gid,
            "virtual_mailbox_limit": "0",
            "transport_maps": "regexp:%s/transport" % self.etc,
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_connection_rate_limit": "0",
        }
        if kind == "postfix":
            self.prepare_postfix()
        self.main.update(main or {})
        self.write("users", "".join("%s@bench.test %s/\n" % (u, u) for u in users))
        self.write("transport", transport or "")
        self.configure()
        servers.append(self)

    def prepare_postfix(self):
        daemons, commands = POSTFIX + "/usr/lib/postfix/sbin", POSTFIX + "/usr/sbin"
        self.main.update({
            "command_directory": commands,
            "daemon_directory": daemons,
            "shlib_directory": POSTFIX + "/usr/lib/postfix",
            "meta_directory": self.etc,
            "mail_owner": os.environ.get("POSTFIX_OWNER", "postfix"),
            "setgid_group": os.environ.get("POSTFIX_SETGID", "postdrop"),
        })
        owner = self.main["mail_owner"]
        for d in ("active bounce corrupt defer deferred flush hold incoming "
                  "private saved trace").split():
            os.mkdir("%s/%s" % (self.queue, d), 0o700)
            shutil.chown("%s/%s" % (self.queue, d), owner)
        os.mkdir(self.queue + "/pid")
        for d, mode in (("maildrop", 0o730), ("public", 0o710)):
            os.mkdir("%s/%s" % (self.queue, d))
            os.chmod("%s/%s" % (self.queue, d), mode)
            shutil.chown("%s/%s" % (self.queue, d), owner, self.main["setgid_group"])
        shutil.chown(self.dir + "/data", owner)

    def write(self, name, text):
        with open("%s/%s" % (self.etc, name), "w") as f:
            f.write(text)

    def configure(self):
        self.write("main.cf", "".join("%s = %s\n" % kv for kv in self.main.items()))
        text = "127.0.0.1:%d inet n - n - - smtpd\n" % self.port + SERVICES
        if self.kind == "postfix":
            text += "postlog unix-dgram n - n - 1 postlogd\n"
            text += "tlsmgr unix - - n 1000? 1 tlsmgr\n"
        lines = []
        for line in text.splitlines():
            f = line.split()
            if f and self.services.get(f[-1]) is not None:
                f[6] = str(self.services[f[-1]])
            lines.append(" ".join(f))
        self.write("master.cf", "\n".join(lines) + "\n")

    def program(self, name):
        if self.kind == "postfix":
            return POSTFIX + "/usr/sbin/" + name
        return PREFIX + "/sbin/" + name

    def tool(self, name, *args, check=True, **more):
        p = subprocess.run([self.program(name), "-c", self.etc, *args],
                           stdin=more.pop("stdin", subprocess.DEVNULL),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, **more)
        if check and p.returncode != 0:
            raise RuntimeError("%s: %s" % (name, p.stdout))
        return p.stdout

    def start(self):
        self.tool("postmap", "hash:%s/users" % self.etc)
        if self.kind == "postfix":
            subprocess.run([POSTFIX + "/usr/lib/postfix/sbin/master", "-c", self.etc, "-w"],
                           check=True)
        else:
            if os.geteuid() == 0:
                self.tool("barid", "set-permissions")
            self.tool("barid", "start")
        wait_until(lambda: self.answers(), 60)
        with open(self.queue + "/pid/master.pid") as f:
            self.master = int(f.read())
        return self

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(3) == b"220"
        except OSError:
            return False

    def stop(self):
        if self.master is None:
            return
        if self.kind == "postfix":
            os.kill(self.master, signal.SIGTERM)
        else:
            self.tool("barid", "stop", check=False)
        try:
            wait_until(lambda: not os.path.exists("/proc/%d" % self.master), 60)
        except TimeoutError:
            os.kill(self.master, signal.SIGKILL)
        self.master = None

    def clean(self):
        self.stop()
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def reload(self):
        if self.kind == "postfix":
            os.kill(self.master, signal.SIGHUP)
        else:
            self.tool("barid", "reload")

    # --- accounting

    def processes(self):
        """{pid: name} of master and all below it."""
        parent, name = {}, {}
        for d in os.listdir("/proc"):
            if d.isdigit():
                try:
                    with open("/proc/%s/stat" % d) as f:
                        text = f.read()
                except OSError:
                    continue
                close = text.rindex(")")
                name[int(d)] = text[text.index("(") + 1:close]
                parent[int(d)] = int(text[close + 2:].split()[1])
        ours = {self.master}
        grown = True
        while grown:
            more = {p for p, up in parent.items() if up in ours} - ours
            grown = bool(more)
            ours |= more
        return {p: name[p] for p in ours if p in name}

    def pids_of(self, program):
        return [p for p, n in self.processes().items() if n == program]

    def cpu(self, program=None):
        """Processor seconds until now, of all processes (those of this name)
        and of those that have ended and were waited for."""
        total = 0
        for p, name in self.processes().items():
            if program is not None and name != program:
                continue
            try:
                with open("/proc/%d/stat" % p) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                total += sum(int(x) for x in fields[11:15])
            except OSError:
                pass
        return total / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def memory(pid):
        """(PSS, private) in KiB."""
        d = {}
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                w = line.split()
                if w[0].endswith(":") and w[1].isdigit():
                    d[w[0][:-1]] = int(w[1])
        return d["Pss"], d["Private_Clean"] + d["Private_Dirty"]

    def memory_of(self, program):
        return sum(self.memory(p)[0] for p in self.pids_of(program))

    def all_memory(self):
        total = 0
        for p in self.processes():
            try:
                total += self.memory(p)[0]
            except OSError:
                pass
        return total

    # --- the queue

    def queue_files(self, *folders):
        """Paths of files in these folders of the queue."""
        for folder in folders or ("maildrop", "incoming", "active", "deferred"):
            for path, _, files in os.walk("%s/%s" % (self.queue, folder)):
                yield from ("%s/%s" % (path, name) for name in files)

    def queued(self, *folders):
        return sum(1 for _ in self.queue_files(*folders))

    def told_of_queued(self, most=5):
        """What is queued, and of each file what the log says at last."""
        with open(self.log, errors="replace") as f:
            log = f.readlines()
        for path in list(self.queue_files())[:most]:
            id = os.path.basename(path)
            yield path
            yield from (line.rstrip() for line in [x for x in log if id in x][-most:])

    def delivered(self, user="user"):
        try:
            return len(os.listdir("%s/%s/new" % (self.mail, user)))
        except OSError:
            return 0


# --- speaking -----------------------------------------------------------------

class Refused(Exception):
    pass


class Client:
    """A blocking SMTP client."""

    def __init__(self, port, address="127.0.0.1", source=None, timeout=120):
        self.s = socket.create_connection((address, port), timeout,
                                          (source, 0) if source else None)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.expect("220")
        self.ask("EHLO client.test")

    def reply(self):
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                if line[3:4] != b"-":
                    return line.decode(errors="replace").strip()
            more = self.s.recv(65536)
            if not more:
                raise Refused("closed")
            self.rest += more

    def expect(self, code):
        reply = self.reply()
        if not reply.startswith(code):
            raise Refused(reply)
        return reply

    def ask(self, text, code="250"):
        self.s.sendall(text.encode() + b"\r\n")
        return self.expect(code)

    def send(self, rcpts, mark, sender="load@client.test", size=1000):
        """One message; the reply to the dot."""
        self.ask("MAIL FROM:<%s>" % sender)
        for r in rcpts:
            self.ask("RCPT TO:<%s>" % r)
        self.ask("DATA", "354")
        body = ("X-Mark: %s\r\nFrom: <%s>\r\nTo: <somebody@bench.test>\r\n"
                "Subject: load\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                "Message-Id: <%s@client.test>\r\n\r\n" % (mark, sender, mark))
        body += ("x" * 72 + "\r\n") * (size // 74)
        return self.ask(body + "end of %s\r\n." % mark)

    def quit(self):
        try:
            self.ask("QUIT", "221")
        except (OSError, Refused):
            pass
        self.s.close()


def send_one(port, rcpts, mark, **more):
    c = Client(port)
    reply = c.send(rcpts if isinstance(rcpts, (list, tuple)) else [rcpts], mark, **more)
    c.quit()
    return reply


class Sink:
    """A server that accepts everything, a thread for each session, and notes
    when each mark arrived.  `answer(verb)` may return another reply, or None to
    drop the connection."""

    def __init__(self, answer=None, address="127.0.0.1"):
        self.arrived, self.times = {}, {}
        self.answer = answer
        self.lock = threading.Lock()
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind((address, 0))
        self.s.listen(1000)
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            c.settimeout(300)
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.session(c, c.makefile("rb"))
        except (OSError, ConnectionError):
            pass
        finally:
            c.close()

    def say(self, c, verb, usual):
        reply = self.answer(verb) if self.answer else usual
        if reply == "":
            reply = usual
        if reply is None:
            raise ConnectionError
        c.sendall(reply.encode() + b"\r\n")
        return reply[0] in "23"

    def session(self, c, f):
        c.sendall(b"220 sink\r\n")
        for line in f:
            verb = line[:4].upper().decode(errors="replace").strip()
            if verb == "EHLO":
                c.sendall(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == "QUIT":
                c.sendall(b"221 bye\r\n")
                return
            elif verb == "DATA":
                if not self.say(c, verb, "354 go"):
                    continue
                mark = None
                for line in f:
                    if line == b".\r\n":
                        break
                    if mark is None and line.startswith(b"X-Mark: "):
                        mark = line[8:].strip().decode()
                else:
                    return
                # Counted before the reply: what is on the way counts.
                if self.say(c, ".", "250 ok"):
                    with self.lock:
                        self.arrived[mark] = self.arrived.get(mark, 0) + 1
                        self.times.setdefault(mark, time.monotonic())
            else:
                self.say(c, verb, "250 ok")

    def wait(self, mark, limit=300):
        """When it arrived."""
        wait_until(lambda: mark in self.times, limit, .001)
        return self.times[mark]

    def close(self):
        self.s.close()


class Blackhole:
    """A port, at any address of 127.0.0.0/8, that swallows every packet: its
    queue of connections that nobody accepts is full."""

    def __init__(self):
        self.s = socket.socket()
        self.s.bind(("0.0.0.0", 0))
        self.s.listen(0)
        self.port = self.s.getsockname()[1]
        self.full = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(("127.0.0.1", self.port))
            self.full.append(c)
        time.sleep(.2)

    def close(self):
        for c in self.full:
            c.close()
        self.s.close()


def fresh_latency(server, sink, n, rcpt, every=.05, prefix="fresh"):
    """Seconds from the connection until the sink has it, of n single messages
    one after the other."""
    out = []
    for i in range(n):
        mark = "%s-%d-%d" % (prefix, os.getpid(), i)
        t = time.monotonic()
        send_one(server.port, rcpt, mark)
        out.append(sink.wait(mark) - t)
        time.sleep(every)
    return out


def show(title, values):
    print("%-40s n=%d p50 %.1f p90 %.1f p99 %.1f max %.1f ms" % (
        title, len(values), *(1000 * quantile(values, q) for q in (.5, .9, .99, 1))),
        flush=True)


def load(server, n, rcpt, sessions=20, more=(), reuse=True):
    """Postfix's smtp-source, if it is there, else ourselves; waits for it."""
    if reuse:
        more = ("-d", *more)
    program = shutil.which("smtp-source", path=os.environ.get("BENCH_SMTP"))
    if program:
        subprocess.run([program, "-s", str(sessions), "-m", str(n), "-l", "1000",
                        "-M", "client.test", "-f", "load@client.test", "-t", rcpt, *more,
                        "127.0.0.1:%d" % server.port], check=True,
                       stdout=subprocess.DEVNULL)
        return
    todo = iter(range(n))
    lock = threading.Lock()

    def one():
        c = Client(server.port)
        while True:
            with lock:
                i = next(todo, None)
            if i is None:
                return c.quit()
            c.send([rcpt], "load-%d" % i)
    threads = [threading.Thread(target=one) for _ in range(sessions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def sink_process(port, *options):
    """Postfix's smtp-sink at all addresses, in a process of its own."""
    program = shutil.which("smtp-sink", path=os.environ.get("BENCH_SMTP"))
    if program is None:
        sys.exit("smtp-sink is not there: set BENCH_SMTP")
    if os.geteuid() == 0:
        options = ("-u", USER, *options)
    p = subprocess.Popen([program, *options, "0.0.0.0:%d" % port, "1000"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def up():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    wait_until(up, 10)
    return p
