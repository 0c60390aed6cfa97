"""Programs that show a camera or a stream, and what they see of it: Chromium by DevTools, OBS
Studio by obs-websocket's screenshots, both under Xvfb."""

import base64
import io
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import harness
from harness import PATIENCE

try:
    import numpy as np
    import websocket
    from PIL import Image
except ImportError:
    print("skipped: no NumPy, Pillow or WebSocket for Python (python3-websocket)")
    sys.exit(harness.SKIPPED)

SIZE = 640, 360
PAGE = """<!doctype html><title>camera</title><video id=v autoplay playsinline muted></video><script>
async function look() {
  const stream = await navigator.mediaDevices.getUserMedia({video: true});
  const v = document.getElementById('v');
  v.srcObject = stream;
  await v.play();
  const canvas = document.createElement('canvas');
  const seen = [];
  for (let i = 0; i < 8; i++) {
    await new Promise(done => v.requestVideoFrameCallback(done));
    canvas.width = v.videoWidth;
    canvas.height = v.videoHeight;
    const context = canvas.getContext('2d');
    context.drawImage(v, 0, 0);
    seen.push([...context.getImageData(canvas.width / 3, canvas.height / 2, 1, 1).data]);
  }
  const label = stream.getVideoTracks()[0].label;
  stream.getTracks().forEach(track => track.stop());
  return {label: label, size: [v.videoWidth, v.videoHeight], seen: seen};
}</script>"""
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


def need(programs, packages):
    for tool in programs:
        if not harness.shutil.which(tool):
            print("skipped: no %s (%s)" % (tool, packages))
            sys.exit(harness.SKIPPED)


def lavfi(colour):
    return "lavfi:color=c=#%02x%02x%02x:s=%dx%d:r=15" % (*colour, *SIZE)


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_):
        pass


class Chromium:
    """Of a harness.Desk."""

    def serve(self):
        server = HTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return "http://127.0.0.1:%d/" % server.server_port

    def browse(self, *words):
        """DevTools' connection to a page that can open the camera."""
        url = self.serve()
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(profile.cleanup)
        self.start(["chromium", "--no-sandbox", "--disable-gpu", "--no-first-run",
                    "--user-data-dir=" + profile.name, "--use-fake-ui-for-media-stream",
                    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0",
                    "--remote-allow-origins=*", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--mute-audio", *words, url])
        told = os.path.join(profile.name, "DevToolsActivePort")
        self.until(lambda: os.path.exists(told) and os.path.getsize(told) > 0, 60)
        with open(told) as file:
            port = file.readline().strip()

        def find():
            with urllib.request.urlopen("http://127.0.0.1:%s/json" % port,
                                        timeout=10 * PATIENCE) as answer:
                return [p for p in json.load(answer) if p["type"] == "page" and p["url"] == url]
        page = self.until(find, 30)[0]
        link = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60 * PATIENCE)
        self.addCleanup(link.close)
        self.until(lambda: self.evaluate(link, "typeof look") == "function", 30)
        return link

    @staticmethod
    def evaluate(link, expression):
        link.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": {
            "expression": expression, "awaitPromise": True, "returnByValue": True}}))
        while True:
            answer = json.loads(link.recv())
            if answer.get("id") == 1:
                return answer["result"]["result"].get("value")

    def look(self, link, label, colour):
        """Asserts that the page sees that colour from a camera of that name."""
        def look():
            self.seen = self.evaluate(link, "look().catch(error => ({error: String(error)}))")
            return self.seen if "label" in self.seen else None
        got = self.until(look, 30)  # cameras may be found a moment later
        print("\nChromium sees", got)
        self.assertIn(label, got["label"])
        self.assertEqual(got["size"], list(SIZE))
        for want, seen in zip(colour, got["seen"][-1]):
            self.assertAlmostEqual(want, seen, delta=6)


class Obs:
    """Of a harness.Desk."""

    @staticmethod
    def scenes(kind, settings):
        """A collection whose only scene shows one source."""
        common = {"flags": 0, "enabled": True, "muted": True, "mixers": 0, "volume": 1.0,
                  "hotkeys": {}, "private_settings": {}, "prev_ver": 486539266}
        source = dict(common, id=kind, versioned_id=kind, name="daub", settings=settings)
        item = {"name": "daub", "visible": True, "id": 1, "pos": {"x": 0.0, "y": 0.0},
                "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0, "align": 5}
        scene = dict(common, id="scene", versioned_id="scene", name="Scene",
                     settings={"id_counter": 1, "custom_size": False, "items": [item]})
        return {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
                "scene_order": [{"name": "Scene"}], "sources": [source, scene], "groups": [],
                "transitions": [], "modules": {}}

    def write(self, name, text):
        path = os.path.join(self.folder, "obs-studio", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def run_obs(self, kind, settings):
        """obs-websocket's connection."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.write("global.ini", SETTINGS % port)
        self.write("basic/profiles/Test/basic.ini", PROFILE)
        self.write("basic/scenes/Test.json", json.dumps(self.scenes(kind, settings)))
        self.environment.update(XDG_CONFIG_HOME=self.folder, LIBGL_ALWAYS_SOFTWARE="1",
                                QT_QPA_PLATFORM="xcb")
        obs = self.start(["dbus-run-session", "--", "obs", "--multi", "--minimize-to-tray", "--collection",
                          "Test", "--profile", "Test", "--scene", "Scene"], start_new_session=True)
        self.addCleanup(lambda: os.killpg(obs.pid, signal.SIGKILL))
        self.until(lambda: self.listens(port), 60)
        link = websocket.create_connection("ws://127.0.0.1:%d" % port, timeout=30 * PATIENCE)
        self.addCleanup(link.close)
        link.recv()
        link.send(json.dumps({"op": 1, "d": {"rpcVersion": 1, "eventSubscriptions": 0}}))
        link.recv()
        return link

    def shot(self, link, colour):
        """Whether OBS shows that colour in the complete picture."""
        link.send(json.dumps({"op": 6, "d": {
            "requestType": "GetSourceScreenshot", "requestId": "1",
            "requestData": {"sourceName": "daub", "imageFormat": "png"}}}))
        answer = json.loads(link.recv())["d"]
        if not answer.get("requestStatus", {}).get("result"):
            self.seen = answer
            return False
        data = base64.b64decode(answer["responseData"]["imageData"].split(",", 1)[1])
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        pixel = picture[picture.shape[0] // 2, picture.shape[1] // 3]
        self.seen = (*pixel, *picture.shape)
        return picture.shape == (SIZE[1], SIZE[0], 3) and abs(pixel - colour).max() <= 4

    def shows(self, link, colour):
        self.until(lambda: self.shot(link, colour), 60)
        print("\nOBS sees", *self.seen[:3], "for", colour)
