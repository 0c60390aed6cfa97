"""OBS Studio shows daub's streams: UDP and SRT in a Media Source, under Xvfb, in a network of
its own."""

import signal
import time

import harness
import viewers
from stream import free_port, socket

viewers.need(["obs", "Xvfb", "dbus-run-session"], "obs-studio, xvfb, dbus")
COLOUR = 64, 128, 192


class Streams(viewers.Obs, harness.Desk):
    def check(self, ours, theirs):
        self.environment["DISPLAY"] = harness.xvfb(self.addCleanup)
        link = self.run_obs("ffmpeg_source", {
            "is_local_file": False, "input": theirs, "input_format": "mpegts",
            "reconnect_delay_sec": 1, "hw_decode": False, "buffering_mb": 1})
        daub = self.start([harness.DAUB, viewers.lavfi(COLOUR), "--strength", "0", "--temporal", "off",
                           "-o", ours, "-f", "mpegts"])
        self.shows(link, COLOUR)
        daub.send_signal(signal.SIGTERM)
        start = time.monotonic()
        self.assertEqual(daub.wait(timeout=20), 130)
        self.assertLess(time.monotonic() - start, 2)

    def test_udp(self):
        url = "udp://127.0.0.1:%d" % free_port(socket.SOCK_DGRAM)
        self.check(url, url)

    def test_srt(self):
        url = "srt://127.0.0.1:%d" % free_port(socket.SOCK_DGRAM)
        self.check(url, url + "?mode=listener")


if __name__ == "__main__":
    harness.run_in_private_network()
    harness.main()
