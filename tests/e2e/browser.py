"""Chromium shows daub's PipeWire camera: getUserMedia through the desktop portal, under Xvfb, in a
network of its own."""

import harness
import viewers
from harness import run
from pipewire import Session

PORTAL = "/usr/libexec/xdg-desktop-portal"
STORE = "/usr/libexec/xdg-permission-store"
viewers.need(["chromium", "Xvfb", "busctl", PORTAL, STORE], "chromium, xvfb, systemd, xdg-desktop-portal")

COLOUR = 64, 128, 192
PERMISSIONS = "org.freedesktop.impl.portal.PermissionStore"


class Portal(viewers.Chromium, Session):
    def prepare(self):
        self.environment.update(DISPLAY=harness.xvfb(self.addCleanup), XDG_CURRENT_DESKTOP="GNOME",
                                HOME=self.folder)

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

    def test_camera(self):
        self.paint(source=viewers.lavfi(COLOUR))
        self.start([PORTAL])
        self.until(lambda: "true" in run(
            ["busctl", "--user", "get-property", "org.freedesktop.portal.Desktop",
             "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Camera", "IsCameraPresent"],
            check=False, env=self.environment).stdout.decode(), 20)
        self.look(self.browse("--enable-features=WebRtcPipeWireCamera"), "daub", COLOUR)
        # The page has closed the camera: nothing is painted any more.
        self.until(lambda: self.status()["asleep"], 10)


if __name__ == "__main__":
    harness.run_in_private_network()
    harness.main()
