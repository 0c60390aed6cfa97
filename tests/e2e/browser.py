"""Chromium shows daub's PipeWire camera: getUserMedia through the desktop portal, under Xvfb, in a
network of its own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import harness
from harness import run
from pipewire import Session

try:
    import websocket
except ImportError:
    print("skipped: no WebSocket for Python (python3-websocket)")
    sys.exit(harness.SKIPPED)
PORTAL = "/usr/libexec/xdg-desktop-portal"
STORE = "/usr/libexec/xdg-permission-store"
for tool in "chromium", "Xvfb", "busctl", PORTAL, STORE:
    if not harness.shutil.which(tool):
        print("skipped: no %s (chromium, xvfb, systemd, xdg-desktop-portal)" % tool)
        sys.exit(harness.SKIPPED)

COLOUR = 64, 128, 192
PERMISSIONS = "org.freedesktop.impl.portal.PermissionStore"
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


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_):
        pass


class Chromium(Session):
    def prepare(self):
        out, into = os.pipe()
        self.start(["Xvfb", "-displayfd", str(into), "-screen", "0", "1024x768x24"], pass_fds=[into])
        os.close(into)
        with os.fdopen(out) as told:
            self.environment["DISPLAY"] = ":" + told.readline().strip()
        self.environment.update(XDG_CURRENT_DESKTOP="GNOME", HOME=self.folder)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.unmount)
        self.start([STORE])
        for program in "", "chromium", "org.chromium.Chromium":
            allow = ["busctl", "--user", "call", PERMISSIONS, "/" + PERMISSIONS.replace(".", "/"),
                     PERMISSIONS, "SetPermission", "sbssas", "devices", "true", "camera", program, "1",
                     "yes"]
            self.until(lambda: run(allow, check=False, env=self.environment).returncode == 0, 10)

    def unmount(self):
        """The portal's folder of documents."""
        run(["umount", "-l", self.path("doc")], check=False)

    def serve(self):
        server = HTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return "http://127.0.0.1:%d/" % server.server_port

    def browse(self, url):
        """DevTools' connection to the page."""
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(profile.cleanup)
        self.start(["chromium", "--no-sandbox", "--disable-gpu", "--no-first-run",
                    "--user-data-dir=" + profile.name, "--use-fake-ui-for-media-stream",
                    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0",
                    "--remote-allow-origins=*", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--mute-audio",
                    "--enable-features=WebRtcPipeWireCamera", url])
        told = os.path.join(profile.name, "DevToolsActivePort")
        self.until(lambda: os.path.exists(told) and os.path.getsize(told) > 0, 60)
        with open(told) as file:
            port = file.readline().strip()
        pages = []

        def find():
            with urllib.request.urlopen("http://127.0.0.1:%s/json" % port, timeout=10) as answer:
                pages[:] = [p for p in json.load(answer) if p["type"] == "page" and p["url"] == url]
            return pages
        self.until(find, 30)
        link = websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=60)
        self.addCleanup(link.close)
        return link

    def evaluate(self, link, expression):
        link.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": {
            "expression": expression, "awaitPromise": True, "returnByValue": True}}))
        while True:
            answer = json.loads(link.recv())
            if answer.get("id") == 1:
                return answer["result"]["result"].get("value")

    def test_camera(self):
        self.paint(source="lavfi:color=c=#%02x%02x%02x:s=640x360:r=15" % COLOUR)
        self.start([PORTAL])
        self.until(lambda: "true" in run(
            ["busctl", "--user", "get-property", "org.freedesktop.portal.Desktop",
             "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Camera", "IsCameraPresent"],
            check=False, env=self.environment).stdout.decode(), 20)
        link = self.browse(self.serve())
        self.until(lambda: self.evaluate(link, "typeof look") == "function", 30)
        got = {}

        def look():
            got.update(self.evaluate(link, "look().catch(error => ({error: String(error)}))"))
            return "label" in got
        self.until(look, 30)  # cameras may be found a moment later
        print("\nChromium sees", got)
        self.assertEqual(got["label"], "daub", got)
        self.assertEqual(got["size"], [640, 360])
        for want, seen in zip(COLOUR, got["seen"][-1]):
            self.assertAlmostEqual(want, seen, delta=6)
        # It has let go: nothing is painted any more.
        self.until(lambda: self.status()["asleep"], 10)


if __name__ == "__main__":
    harness.apart()
    harness.main()
