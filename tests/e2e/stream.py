"""Streams over the network beside a recording: received by ffmpeg, with right colours and
tags; a reader that stalls or leaves disturbs nothing."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import harness
from harness import frames, run, stream

SOURCE = "lavfi:testsrc2=size=160x90:rate=30"
NOISE = "lavfi:color=gray:s=640x360:r=30,noise=alls=80:allf=t"  # too much for any socket's buffer


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.record = self.path("record.mkv")

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def paint(self, source, *words):
        return self.start([harness.DAUB, source, *words, "--strength", "0"])

    def ends(self, process, code, within):
        start = time.monotonic()
        errors = process.stderr.read().decode()
        self.assertEqual(process.wait(timeout=60), code, errors)
        self.assertLess(time.monotonic() - start, within)
        return errors

    def receive(self, url, options=()):
        """Receives one second of the stream at url, without decoding it."""
        target = self.path("received.mkv")
        receiver = self.start(["ffmpeg", "-v", "error", "-y", *options, "-i", url, "-frames:v",
                               "30", "-c", "copy", target])
        return receiver, target


class Streams(Peers):
    def check(self, to, listen, options=()):
        receiver, target = self.receive(listen, options)
        time.sleep(1)
        daub = self.paint(SOURCE, "-o", to, "-o", self.record)
        self.ends(receiver, 0, within=30)
        daub.send_signal(signal.SIGTERM)
        errors = self.ends(daub, daub.wait(timeout=10), within=3)
        painted = int(errors.split(" frames painted in real time")[0].split()[-1])
        self.assertEqual(len(frames(self.record)), painted, errors)
        got = stream(target)
        self.assertEqual([got[k] for k in ("codec_name", "width", "height", "color_range")],
                         ["h264", 160, 90, "tv"])
        self.assertEqual({got["color_" + k] for k in ("space", "primaries", "transfer")}, {"bt709"})
        self.assertEqual(got["has_b_frames"], 0)

    def test_udp(self):
        port = free_port(socket.SOCK_DGRAM)
        self.check("udp://127.0.0.1:%d" % port, "udp://127.0.0.1:%d?timeout=30000000" % port)

    def test_srt(self):
        port = free_port(socket.SOCK_DGRAM)
        self.check("srt://127.0.0.1:%d" % port, "srt://127.0.0.1:%d?mode=listener" % port)

    def test_rtmp(self):
        url = "rtmp://127.0.0.1:%d/live/x" % free_port()
        self.check(url, url, ["-listen", "1"])

    def test_stalled_reader(self):
        """A reader that connects and never reads: the recording is complete, the end comes soon."""
        server, url = harness.small_server(self.addCleanup)
        daub = self.paint(NOISE, "-o", url, "-o", self.record, "-t", "6")
        peer, _ = server.accept()
        self.addCleanup(peer.close)
        errors = self.ends(daub, 5, within=12)
        self.assertIn("tcp:", errors)
        self.assertGreater(len(frames(self.record)), 10)  # a busy machine drops most
        self.assertGreater(float(harness.times(self.record)[-1]), 5.5)

    def test_reader_leaves(self):
        server, url = harness.small_server(self.addCleanup)
        daub = self.paint(SOURCE, "-o", url, "-o", self.record, "-t", "4")
        peer, _ = server.accept()
        peer.recv(1000)
        peer.close()
        server.close()
        errors = self.ends(daub, 5, within=10)
        self.assertIn("the other outputs go on", errors)
        self.assertGreater(float(harness.times(self.record)[-1]), 3.5)

    def test_nobody_there(self):
        done = run([harness.DAUB, SOURCE, "-o", "tcp://127.0.0.1:%d" % free_port()], check=False)
        self.assertEqual(done.returncode, 5)
        self.assertIn("Connection refused", done.stderr.decode())


class Colors(Peers):
    def test_colors(self):
        """Red by BT.601 arrives as that red by BT.709."""
        url = "tcp://127.0.0.1:%d" % free_port()
        receiver, target = self.receive(url + "?listen=1")
        time.sleep(1)
        red = "color=c=0xC01020:s=160x90:r=30,scale=out_color_matrix=bt601,format=yuv420p"
        daub = self.paint("lavfi:" + red, "-o", url)
        self.ends(receiver, 0, within=30)
        daub.kill()
        raw = run(["ffmpeg", "-v", "error", "-i", target, "-frames:v", "1", "-vf",
                   "scale=in_color_matrix=bt709:out_range=pc", "-f", "rawvideo", "-pix_fmt", "rgb24",
                   "-"]).stdout
        for got, want in zip(raw[:3], (0xC0, 0x10, 0x20)):
            self.assertLessEqual(abs(got - want), 4, list(raw[:3]))


if __name__ == "__main__":
    harness.main()
