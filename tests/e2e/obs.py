"""OBS Studio shows daub's streams: UDP and SRT in a Media Source, seen by obs-websocket's
screenshots, under Xvfb, in a network of its own."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from stream import free_port, socket

try:
    import numpy as np
    import websocket
    from PIL import Image
except ImportError:
    print("skipped: no NumPy, Pillow or WebSocket for Python (python3-websocket)")
    sys.exit(harness.SKIPPED)
for tool in "obs", "Xvfb", "dbus-run-session":
    if not harness.shutil.which(tool):
        print("skipped: no %s (obs-studio, xvfb, dbus)" % tool)
        sys.exit(harness.SKIPPED)

COLOUR = 64, 128, 192
SIZE = 640, 360
SETTINGS = """[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
ConfirmOnExit=false

[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort=%d
AlertsEnabled=false
AuthRequired=false
"""
PROFILE = """[General]
Name=Test

[Video]
BaseCX=640
BaseCY=360
OutputCX=640
OutputCY=360
FPSCommon=30
"""


def scenes(url):
    """A collection whose only scene shows what comes from url."""
    common = {"flags": 0, "enabled": True, "muted": True, "mixers": 0, "volume": 1.0, "hotkeys": {},
              "private_settings": {}, "prev_ver": 486539266}
    source = dict(common, id="ffmpeg_source", versioned_id="ffmpeg_source", name="daub", settings={
        "is_local_file": False, "input": url, "input_format": "mpegts", "reconnect_delay_sec": 1,
        "hw_decode": False, "buffering_mb": 1})
    item = {"name": "daub", "visible": True, "id": 1, "pos": {"x": 0.0, "y": 0.0},
            "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0, "align": 5}
    scene = dict(common, id="scene", versioned_id="scene", name="Scene",
                 settings={"id_counter": 1, "custom_size": False, "items": [item]})
    return {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
            "scene_order": [{"name": "Scene"}], "sources": [source, scene], "groups": [],
            "transitions": [], "modules": {}}


class Obs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="daub-obs-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o700)
        self.environment = dict(
            os.environ, HOME=self.folder, XDG_RUNTIME_DIR=self.folder, LIBGL_ALWAYS_SOFTWARE="1",
            XDG_CONFIG_HOME=os.path.join(self.folder, ".config"), QT_QPA_PLATFORM="xcb")
        out, into = os.pipe()
        self.start(["Xvfb", "-displayfd", str(into), "-screen", "0", "1024x768x24"], pass_fds=[into])
        os.close(into)
        with os.fdopen(out) as told:
            self.environment["DISPLAY"] = ":" + told.readline().strip()

    def start(self, command, **more):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=self.environment, **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def write(self, name, text):
        path = os.path.join(self.folder, ".config/obs-studio", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def until(self, what, seconds):
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            last = what()
            if last[0]:
                return last[0]
            time.sleep(0.25)
        self.fail("waited %g s in vain: %s" % (seconds, last))

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def run_obs(self, url):
        """obs-websocket's connection."""
        port = free_port()
        self.write("global.ini", SETTINGS % port)
        self.write("basic/profiles/Test/basic.ini", PROFILE)
        self.write("basic/scenes/Test.json", json.dumps(scenes(url)))
        obs = self.start(["dbus-run-session", "--", "obs", "--multi", "--minimize-to-tray", "--collection",
                          "Test", "--profile", "Test", "--scene", "Scene"], start_new_session=True)
        self.addCleanup(lambda: os.killpg(obs.pid, signal.SIGKILL))
        self.until(lambda: (self.listens(port),), 60)
        link = websocket.create_connection("ws://127.0.0.1:%d" % port, timeout=30)
        self.addCleanup(link.close)
        link.recv()
        link.send(json.dumps({"op": 1, "d": {"rpcVersion": 1, "eventSubscriptions": 0}}))
        link.recv()
        return link

    def shot(self, link):
        """(whether it is the picture, what else was seen)."""
        link.send(json.dumps({"op": 6, "d": {
            "requestType": "GetSourceScreenshot", "requestId": "1",
            "requestData": {"sourceName": "daub", "imageFormat": "png"}}}))
        answer = json.loads(link.recv())["d"]
        if not answer.get("requestStatus", {}).get("result"):
            return None, answer
        data = base64.b64decode(answer["responseData"]["imageData"].split(",", 1)[1])
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        seen = picture[picture.shape[0] // 2, picture.shape[1] // 3]
        right = picture.shape == (SIZE[1], SIZE[0], 3) and abs(seen - COLOUR).max() <= 4
        return (tuple(seen),) if right else (None, picture.shape, seen)

    def check(self, ours, theirs):
        link = self.run_obs(theirs)
        daub = self.start([harness.DAUB, "lavfi:color=c=#%02x%02x%02x:s=%dx%d:r=15" % (*COLOUR, *SIZE),
                           "--strength", "0", "--temporal", "off", "-o", ours, "-f", "mpegts"])
        seen = self.until(lambda: self.shot(link), 60)
        print("\nOBS sees", *seen, "for", COLOUR)
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
    harness.apart()
    harness.main()
