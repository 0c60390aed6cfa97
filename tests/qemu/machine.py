"""A virtual machine with Debian's kernel, vivid's camera and a virtual camera of v4l2loopback: no
KVM, no modules on this machine. The host's files are its root, read-only; the folder it shares
with the host is where a script runs."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio",
         "modprobe": "kmod", "ffmpeg": "ffmpeg", "v4l2-ctl": "v4l-utils", "setpriv": "util-linux"}


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def shell(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def need(tools):
    for tool, package in tools.items():
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip("no %s (package %s)" % (tool, package))


def kernel():
    """Version of Debian's kernel whose headers are installed."""
    found = sorted(glob.glob("/usr/src/linux-headers-*-amd64"))
    if not found:
        skip("no kernel headers (linux-headers-amd64)")
    return found[-1].rsplit("headers-", 1)[1]


def fetch(version, folder):
    """The kernel, its modules and v4l2loopback in that folder."""
    if os.path.exists(os.path.join(folder, "vmlinux")):
        return
    os.makedirs(folder, exist_ok=True)
    try:
        shell(["apt-get", "download", "linux-image-" + version, "v4l2loopback-dkms"], cwd=folder)
    except subprocess.CalledProcessError:
        skip("the kernel's package cannot be fetched")
    image, = glob.glob(os.path.join(folder, "linux-image-*.deb"))
    kept = ["./boot", "./lib/modules/%s/modules.*" % version]
    kept += ["./lib/modules/%s/kernel/%s/*" % (version, part) for part in (
        "drivers/media", "drivers/virtio", "drivers/char", "net/9p", "fs/9p", "fs/netfs", "fs/fscache",
        "fs/overlayfs")]
    files = subprocess.Popen(["dpkg", "--fsys-tarfile", image], stdout=subprocess.PIPE)
    shell(["tar", "x", "--wildcards", *kept], cwd=folder, stdin=files.stdout)
    files.wait()
    shell(["/sbin/depmod", "-b", folder, version])
    loop, = glob.glob(os.path.join(folder, "v4l2loopback*.deb"))
    shell(["dpkg", "-x", loop, os.path.join(folder, "loop")])
    source, = glob.glob(os.path.join(folder, "loop/usr/src/v4l2loopback-*"))
    shell(["make", "-s", "-C", "/usr/src/linux-headers-" + version, "M=" + source, "modules"])
    unpack(os.path.join(folder, "boot/vmlinuz-" + version), os.path.join(folder, "vmlinux"))


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


def initramfs(version, folder, target):
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
            listed = shell(["/sbin/modprobe", "-d", folder, "-S", version, "--show-depends", module])
            order += [line.split()[1] for line in listed.stdout.decode().splitlines()
                      if line.startswith("insmod")]
        order += glob.glob(os.path.join(folder, "loop/usr/src/v4l2loopback-*/v4l2loopback.ko"))
        order = list(dict.fromkeys(order))
        for file in order:
            shutil.copy(file, os.path.join(root, "modules"))
        with open(os.path.join(root, "modules/order"), "w", encoding="ascii") as file:
            file.write("".join(os.path.basename(f) + "\n" for f in order))
        names = shell(["find", "."], cwd=root).stdout
        with open(target, "wb") as file:
            file.write(shell(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names).stdout)


def boot(folder, shared, script, cpu="max", limit_s=400):
    """Runs the script of this folder in the folder shared; the kernel is kept in the other one."""
    need(TOOLS)
    shutil.copy(os.path.join(HERE, script), os.path.join(shared, "guest.sh"))
    version = kernel()
    fetch(version, folder)
    ramdisk = os.path.join(shared, "initramfs")
    initramfs(version, folder, ramdisk)
    mount = "local,id=%s,path=%s,multidevs=remap,security_model=%s"
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", cpu,
               "-smp", "2", "-m", "2G", "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
               "-kernel", os.path.join(folder, "vmlinux"), "-initrd", ramdisk, "-append",
               "console=ttyS0 panic=-1 quiet mitigations=off nokaslr random.trust_cpu=on "
               # The processors' own clocks may run apart under the emulator.
               "tsc=unstable clocksource=acpi_pm",
               "-serial", "file:" + os.path.join(shared, "console.log"),
               "-fsdev", mount % ("host", "/", "passthrough") + ",readonly=on",
               "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
               "-fsdev", mount % ("shared", shared, "none"),
               "-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared"]
    try:
        subprocess.run(command, timeout=limit_s, check=True, stdin=subprocess.DEVNULL)
        done = text(shared, "done").strip()
    except subprocess.TimeoutExpired:
        done = "not within %d s" % limit_s
    if done != "0":
        logs = sorted(glob.glob(os.path.join(shared, "*.log")))
        raise AssertionError("the guest did not end well: %s\n" % done + "".join(
            "%s:\n%s\n" % (name, text(shared, name)) for name in map(os.path.basename, logs)))


def text(shared, name):
    """Of a file in the shared folder; "" where there is none."""
    try:
        with open(os.path.join(shared, name), errors="replace", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Guest(unittest.TestCase):
    """Checks what a run of a script in the machine left: self.boot(...) in setUpClass."""

    @classmethod
    def boot(cls, folder, script, daub, more=(), **options):
        """With daub and the project's folders named in more beside the script."""
        shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(shared.cleanup)
        cls.shared = shared.name
        shutil.copy(daub, cls.path("daub"))
        for part in more:
            shutil.copytree(os.path.join(HERE, "../..", part), cls.path(part))
        boot(folder, cls.shared, script, **options)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.shared, name)

    @classmethod
    def text(cls, name):
        return text(cls.shared, name)

    def ended(self, name, code, *words):
        """What NAME.code and NAME.log say; returns the log."""
        log = self.text(name + ".log")
        self.assertEqual(self.text(name + ".code").strip(), str(code), log)
        for word in words:
            self.assertIn(word, log)
        return log
