"""A film on a real Slurm of five nodes on this machine: "daub farm slurm" submits segments and the
join, and the film has the bytes of a run on one machine, also where a node dies, where a
slurmd alone dies and two tasks paint one segment, and where a segment fails and is submitted again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

import harness
from harness import ffmpeg, run

NODES = 5
DONE, INPUT = 0, 4
FRAMES, SPLIT = 48, 16
# Ports of this test; nothing else of Debian listens there.
PORT = 26800


def free(port):
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Cluster:
    """munged, slurmctld and a slurmd for each node, with files and ports of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}
        self.conf = os.path.join(folder, "slurm.conf")
        self.environment = dict(os.environ, SLURM_CONF=self.conf)
        self.port = next(p for p in range(PORT, PORT + 1000, 10)
                         if all(free(p + i) for i in range(NODES + 1)))
        os.chmod(folder, 0o711)
        with open(os.path.join(folder, "key"), "wb") as key:
            key.write(os.urandom(128))
        os.chmod(os.path.join(folder, "key"), 0o600)
        with open(self.conf, "w") as file:
            file.write(self.text())
        self.start("munged", "munged", "--foreground", "--key-file=" + self.file("key"),
                   "--socket=" + self.file("munge"), "--pid-file=" + self.file("munged.pid"),
                   "--seed-file=" + self.file("seed"), "--log-file=" + self.file("munged.log"), "--num-threads=1")
        self.wait("munge", lambda: os.path.exists(self.file("munge")))
        self.start("slurmctld", "slurmctld", "-D", "-f", self.conf)
        for i in range(NODES):
            self.start_node("n%d" % i)
        self.wait("idle nodes", lambda: self.nodes("idle") == NODES)

    def file(self, name):
        return os.path.join(self.folder, name)

    def text(self):
        host = socket.gethostname().split(".")[0]
        for name in ("state", *("spool.n%d" % i for i in range(NODES))):
            os.mkdir(self.file(name))
        settings = {
            "ClusterName": "daub", "SlurmctldHost": "%s(127.0.0.1)" % host, "SlurmctldPort": self.port,
            "SlurmUser": "root", "SlurmdUser": "root", "AuthType": "auth/munge",
            # a job of a dead node may run again after that many seconds
            "AuthInfo": "socket=%s,cred_expire=5" % self.file("munge"), "CredType": "cred/munge",
            "StateSaveLocation": self.file("state"), "SlurmdSpoolDir": self.file("spool.%n"),
            "SlurmctldPidFile": self.file("slurmctld.pid"), "SlurmdPidFile": self.file("slurmd.%n.pid"),
            "SlurmctldLogFile": self.file("slurmctld.log"), "SlurmdLogFile": self.file("slurmd.%n.log"),
            "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none", "MpiDefault": "none",
            "JobAcctGatherType": "jobacct_gather/none", "AccountingStorageType": "accounting_storage/none",
            "JobCompType": "jobcomp/none", "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_CPU",
            "SchedulerParameters": "batch_sched_delay=0,sched_min_interval=0,requeue_delay=1,defer_batch=0",
            "SlurmdTimeout": 3, "SlurmctldTimeout": 10, "MessageTimeout": 5, "KillWait": 2, "ReturnToService": 2,
            "InactiveLimit": 0, "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny", "JobRequeue": 1}
        nodes = "NodeName=n[0-%d] NodeHostname=%s NodeAddr=127.0.0.1 Port=%d-%d CPUs=1 RealMemory=500 State=UNKNOWN" % (
            NODES - 1, host, self.port + 1, self.port + NODES)
        return "\n".join(["%s=%s" % pair for pair in settings.items()] + [
            nodes, "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP", ""])

    def start(self, name, *command):
        self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL, env=self.environment)

    def start_node(self, node):
        self.start(node, "slurmd", "-D", "-f", self.conf, "-N", node)

    def wait(self, what, true):
        end = time.monotonic() + 120 * harness.PATIENCE
        while not true():
            if time.monotonic() > end:
                raise AssertionError("it did not come in time: " + what)
            time.sleep(0.1)

    def ask(self, *command):
        return run(list(command), check=False, env=self.environment).stdout.decode()

    def nodes(self, state):
        return int(self.ask("sinfo", "-h", "-t", state, "-o", "%D").strip() or 0)

    def drained(self):
        return not self.ask("squeue", "-h").strip()

    def of_node(self, node):
        """Step daemons and jobs of a node, by the environment they were started with."""
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % number, "rb") as file:
                    values = file.read().split(b"\0")
                with open("/proc/%s/cmdline" % number, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"SLURM_CONF=" + self.conf.encode() not in values:
                continue
            if b"SLURMD_NODENAME=" + node.encode() in values or words.startswith(b"slurmstepd"):
                yield int(number)

    def kill(self, node, everything):
        """Power failure of a node, or the end of its slurmd alone."""
        victims = list(self.of_node(node)) if everything else []
        self.processes[node].kill()
        self.processes[node].wait()
        for victim in victims:
            try:
                os.kill(victim, signal.SIGKILL)
            except OSError:
                pass

    def close(self):
        for process in reversed(list(self.processes.values())):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for i in range(NODES):
            for victim in self.of_node("n%d" % i):
                try:
                    os.kill(victim, signal.SIGKILL)
                except OSError:
                    pass


class Slurm(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.home = harness.tempfile.mkdtemp(prefix="daub-slurm-")
        try:
            cls.cluster = Cluster(cls.home)
        except BaseException:
            shutil.rmtree(cls.home, True)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        shutil.rmtree(cls.home, True)

    def setUp(self):
        super().setUp()
        self.film = self.path("film.mkv")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25", "-f", "lavfi", "-i", "sine", "-frames:v", FRAMES,
               "-shortest", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", self.film)
        options = ["--split", SPLIT, "--warm-up", "2", "-c:v", "ffv1"]
        self.one, self.out = self.path("one.mkv"), self.path("out.mkv")
        self.daub(self.film, "-o", self.one, "--segments", *options)
        self.daub("plan", self.film, "-o", self.path("film.plan"), *options, "-f", "matroska")

    def submit(self, delay_ms):
        environment = dict(self.cluster.environment, DAUB_FAKE_DELAY_MS=str(delay_ms))
        told = self.daub("farm", "slurm", self.path("film.plan"), "-o", self.out, env=environment)[1].decode()
        self.assertRegex(told, r"segments: job \d+, %d tasks\njoin: job \d+\n" % (FRAMES // SPLIT))
        return told

    def finish(self):
        self.cluster.wait("the end of the jobs", self.cluster.drained)
        logs = ""
        for name in sorted(n for n in os.listdir(self.folder) if n.endswith(".log")):
            with open(self.path(name)) as file:
                logs += file.read()
        self.assertTrue(os.path.exists(self.out), logs)
        with open(self.one, "rb") as one, open(self.out, "rb") as out:
            self.assertTrue(one.read() == out.read(), "the film of the cluster differs")

    def begun(self):
        """A segment's unfinished file of each node that paints."""
        parts = self.path("film.plan.parts")
        return {n.split(".")[2]: n for n in (os.listdir(parts) if os.path.isdir(parts) else []) if ".partial" in n}

    def test_array_and_join(self):
        self.submit(1)
        self.finish()

    def test_dead_nodes(self):
        """One node dies; of another one the slurmd alone, whose task goes on while Slurm starts it
        anew elsewhere, so that two write one segment. Slurm needs half a minute for that."""
        self.submit(2500)
        self.cluster.wait("painting on two nodes", lambda: len(self.begun()) >= 2)
        dead, orphaned = list(self.begun())[:2]
        number = self.begun()[orphaned][:5]
        self.cluster.kill(dead, True)
        self.cluster.kill(orphaned, False)
        parts = self.path("film.plan.parts")
        two = lambda: len([n for n in os.listdir(parts) if n.startswith(number) and ".partial" in n]) == 2
        self.cluster.wait("a second painter of the segment", two)
        self.finish()
        for node in dead, orphaned:
            self.cluster.start_node(node)
        self.cluster.wait("idle nodes", lambda: self.cluster.nodes("idle") == NODES)

    def test_failed_segment(self):
        """The join does not run; submitting again paints what is missing."""
        away = self.film + ".away"
        os.rename(self.film, away)
        self.submit(1)
        self.cluster.wait("the end of the jobs", self.cluster.drained)
        self.assertFalse(os.path.exists(self.out))
        os.rename(away, self.film)
        self.daub("segment", self.path("film.plan"), "0", "2")
        first = os.stat(self.path("film.plan.parts/00002.nut")).st_mtime_ns
        self.submit(1)
        self.finish()
        self.assertEqual(first, os.stat(self.path("film.plan.parts/00002.nut")).st_mtime_ns)


if __name__ == "__main__":
    for tool in "munged", "slurmctld", "slurmd", "sbatch":
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            print("skipped: %s is not installed" % tool)
            sys.exit(harness.SKIPPED)
    if os.geteuid() != 0:
        print("skipped: a Slurm that runs jobs needs root")
        sys.exit(harness.SKIPPED)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    harness.main()
