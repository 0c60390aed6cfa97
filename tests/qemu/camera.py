"""camera.py DAUB FOLDER: daub's camera source against a real driver (vivid) and a virtual camera
that sends MJPEG (v4l2loopback), in a virtual machine with Debian's kernel; no KVM, no modules
on this machine. FOLDER keeps the kernel. DAUB is linked with the fake painter, which inverts
every sample."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DAUB, FOLDER = sys.argv[1:3]
SKIPPED, LIMIT_S = 77, 400
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio",
         "modprobe": "kmod", "ffmpeg": "ffmpeg", "v4l2-ctl": "v4l-utils", "setpriv": "util-linux"}
# Bars of 75 % as R G B: vivid's, without the last SMPTE's.
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0),
        (0, 0, 191), (0, 0, 0)]


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def shell(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def kernel():
    """Version of Debian's kernel whose headers are installed."""
    found = sorted(glob.glob("/usr/src/linux-headers-*-amd64"))
    if not found:
        skip("no kernel headers (linux-headers-amd64)")
    return found[-1].rsplit("headers-", 1)[1]


def fetch(version):
    """The kernel, its modules and v4l2loopback in FOLDER."""
    if os.path.exists(os.path.join(FOLDER, "vmlinux")):
        return
    os.makedirs(FOLDER, exist_ok=True)
    try:
        shell(["apt-get", "download", "linux-image-" + version, "v4l2loopback-dkms"], cwd=FOLDER)
    except subprocess.CalledProcessError:
        skip("the kernel's package cannot be fetched")
    image, = glob.glob(os.path.join(FOLDER, "linux-image-*.deb"))
    kept = ["./boot", "./lib/modules/%s/modules.*" % version]
    kept += ["./lib/modules/%s/kernel/%s/*" % (version, part) for part in (
        "drivers/media", "drivers/virtio", "drivers/char", "net/9p", "fs/9p", "fs/netfs", "fs/fscache",
        "fs/overlayfs")]
    files = subprocess.Popen(["dpkg", "--fsys-tarfile", image], stdout=subprocess.PIPE)
    shell(["tar", "x", "--wildcards", *kept], cwd=FOLDER, stdin=files.stdout)
    files.wait()
    shell(["/sbin/depmod", "-b", FOLDER, version])
    loop, = glob.glob(os.path.join(FOLDER, "v4l2loopback*.deb"))
    shell(["dpkg", "-x", loop, os.path.join(FOLDER, "loop")])
    source, = glob.glob(os.path.join(FOLDER, "loop/usr/src/v4l2loopback-*"))
    shell(["make", "-s", "-C", "/usr/src/linux-headers-" + version, "M=" + source, "modules"])
    unpack(os.path.join(FOLDER, "boot/vmlinuz-" + version), os.path.join(FOLDER, "vmlinux"))


def unpack(image, target):
    """The kernel itself, which boots faster than what unpacks it; offsets by the boot protocol
    of Linux on x86."""
    import lzma
    import struct
    with open(image, "rb") as file:
        data = file.read()
    offset, length = struct.unpack("<II", data[0x248:0x250])
    begin = (data[0x1f1] + 1) * 512 + offset
    kernel_bytes = lzma.LZMADecompressor().decompress(data[begin:begin + length])
    with open(target + ".part", "wb") as file:
        file.write(kernel_bytes)
    os.replace(target + ".part", target)


def initramfs(version, target):
    """busybox, init and the modules in the order in which they depend on each other."""
    with tempfile.TemporaryDirectory() as root:
        for name in "bin", "modules", "proc", "sys", "dev":
            os.mkdir(os.path.join(root, name))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
        for name in "sh mount insmod mkdir chroot poweroff echo".split():
            os.symlink("busybox", os.path.join(root, "bin", name))
        shutil.copy(os.path.join(HERE, "init"), os.path.join(root, "init"))
        os.chmod(os.path.join(root, "init"), 0o755)
        order = []
        for module in "virtio_pci", "9pnet_virtio", "9p", "overlay", "videodev", "vivid":
            listed = shell(["/sbin/modprobe", "-d", FOLDER, "-S", version, "--show-depends", module])
            order += [line.split()[1] for line in listed.stdout.decode().splitlines()
                      if line.startswith("insmod")]
        order += glob.glob(os.path.join(FOLDER, "loop/usr/src/v4l2loopback-*/v4l2loopback.ko"))
        order = list(dict.fromkeys(order))
        for file in order:
            shutil.copy(file, os.path.join(root, "modules"))
        with open(os.path.join(root, "modules/order"), "w", encoding="ascii") as file:
            file.write("".join(os.path.basename(f) + "\n" for f in order))
        names = shell(["find", "."], cwd=root).stdout
        with open(target, "wb") as file:
            file.write(shell(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names).stdout)


def boot(shared):
    version = kernel()
    fetch(version)
    ramdisk = os.path.join(shared, "initramfs")
    initramfs(version, ramdisk)
    mount = "local,id=%s,path=%s,multidevs=remap,security_model=%s"
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max",
               "-smp", "2", "-m", "2G", "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
               "-kernel", os.path.join(FOLDER, "vmlinux"), "-initrd", ramdisk, "-append",
               "console=ttyS0 panic=-1 quiet mitigations=off nokaslr random.trust_cpu=on "
               # The processors' own clocks may run apart under the emulator.
               "tsc=unstable clocksource=acpi_pm",
               "-serial", "file:" + os.path.join(shared, "console.log"),
               "-fsdev", mount % ("host", "/", "passthrough") + ",readonly=on",
               "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
               "-fsdev", mount % ("shared", shared, "none"),
               "-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared"]
    subprocess.run(command, timeout=LIMIT_S, check=True, stdin=subprocess.DEVNULL)


class Camera(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = folder.name
        shutil.copy(DAUB, os.path.join(cls.shared, "daub"))
        shutil.copy(os.path.join(HERE, "guest.sh"), cls.shared)
        boot(cls.shared)
        if cls.text("done").strip() != "0":
            raise AssertionError("the guest failed:\n" + cls.text("console.log") + cls.text("guest.log"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.shared, name)

    @classmethod
    def text(cls, name):
        try:
            with open(cls.path(name), errors="replace", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def ended(self, name, code, *words):
        log = self.text(name + ".log")
        self.assertEqual(self.text(name + ".code").strip(), str(code), log)
        for word in words:
            self.assertIn(word, log)

    def frames(self, name, bars=8, top=0.7):
        """[[R, G, B of each bar] of each frame] in a strip from top on, the right way round
        again."""
        width, height = 10 * bars, 8
        raw = shell(["ffmpeg", "-v", "error", "-i", self.path(name + ".mkv"), "-vf",
                     "negate,crop=iw:ih/8:0:ih*%g,scale=%d:%d:flags=area" % (top, width, height),
                     "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]).stdout
        size = width * height * 3
        return [[tuple(f[(4 * width + x) * 3:(4 * width + x) * 3 + 3]) for x in range(5, width, 10)]
                for f in (raw[i:i + size] for i in range(0, len(raw), size))]

    def assert_bars(self, got, want, name):
        for a, b in zip(got, want):
            self.assertLessEqual(max(abs(x - y) for x, y in zip(a, b)), 6, (name, got))

    def painted(self, name):
        """(painted, dropped) frames by daub's last words."""
        found = re.search(r"(\d+) frames painted in real time, (\d+) dropped", self.text(name + ".log"))
        return tuple(map(int, found.groups()))

    def gap(self, name):
        """Longest time in seconds between two frames that were recorded."""
        listed = shell(["ffprobe", "-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0",
                        self.path(name + ".mkv")]).stdout.decode().replace(",", "").split()
        times = list(map(float, listed))
        return max(b - a for a, b in zip(times, times[1:]))

    def test_formats(self):
        for name in "yuyv", "uyvy", "nv12", "yu12", "rgb3", "grey":
            self.ended(name, 0)
            frames = self.frames(name)
            self.assertEqual(sum(self.painted(name)), 12, name)
            self.assertEqual(len(frames), self.painted(name)[0], name)
            if name == "grey":
                luma = [bar[0] for bar in frames[-1]]
                self.assertEqual(luma, sorted(luma, reverse=True))
            else:
                self.assert_bars(frames[-1], BARS, name)

    def test_devices(self):
        lines = self.text("devices.log")
        self.assertRegex(lines, r"cam:0  vivid.* \(/dev/video0, platform:vivid-000\)")
        self.assertRegex(lines, r"yuyv .*640x360@[2-6]")

    def test_choice(self):
        self.ended("auto", 0, "1280x720")

    def test_mjpeg(self):
        self.ended("mjpg", 0)
        self.assert_bars(self.frames("mjpg", bars=7, top=0.2)[-1], BARS[:7], "mjpg")

    def test_words(self):
        self.ended("missing", 4, "there is no camera /dev/video7")
        self.ended("unknown", 4, 'there is no camera with "nobody"')
        self.ended("output", 4, "is no camera")
        self.ended("wrong", 2, "has not the format asked for")
        self.ended("forbidden", 4, "no permission", "group video")
        self.ended("busy", 4, "in use by another program", "fuser")

    def test_virtual_camera(self):
        """ffmpeg sees the bars in its own way of reading YUYV, which is BT.601."""
        self.assertNotIn("Video Output\n", self.text("before.log").split("Device Caps")[-1])
        self.assertIn('painting into the camera "Loop" (/dev/video10)', self.text("vcam.log"))
        frames = self.frames("vcam", bars=7, top=0.2)
        self.assertEqual(len(frames), 10, self.text("vcam.ffmpeg"))
        self.assert_bars(frames[-1], BARS[:7], "vcam")
        self.ended("again", 130)
        other = self.frames("again", bars=7, top=0.2)
        self.assertEqual(len(other), 10, self.text("again.ffmpeg"))
        self.assert_bars(other[-1], BARS[:7], "again")
        self.assertIn("Video Output\n", self.text("after.log").split("Device Caps")[-1])

    def test_virtual_camera_words(self):
        self.ended("second", 5, "another program is writing to /dev/video10 (Loop)")
        self.ended("real", 5, "is a real camera", "v4l2loopback")
        self.ended("absent", 5, "there is no free virtual camera /dev/video7")
        self.ended("locked", 5, "no permission", "group video")

    def test_replug(self):
        self.ended("replug", 130, "is gone; waiting for it to come back", "is back as /dev/video")
        self.assertGreater(self.gap("replug"), 1.5)

    def test_fault(self):
        self.ended("fault", 130, "starting it anew", "is back")
        self.assertLess(self.gap("fault"), 3)

    def test_stop_while_away(self):
        self.ended("away", 130)
        self.assertLess(int(self.text("away.ms")), 2000)
        self.assertGreater(len(self.frames("away")), 5)


if __name__ == "__main__":
    for tool, package in TOOLS.items():
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip("no %s (package %s)" % (tool, package))
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, warnings="ignore")
