"""A file in the window: its sound against its picture, as a listener and a viewer have them;
seeking and stepping to exact frames; recording by key."""

import os
import subprocess
import time

import harness
from harness import ffmpeg, frames
from window import Display, np, run

RATE, SECONDS, BITS = 25, 40, 11
SOUND_RATE, BYTES = 48000, 4  # of what SDL's disk driver writes
LISTEN, CLOSE = 8, 0.04  # seconds
LISTENS = 3


class Player(Display):
    @classmethod
    def setUpClass(cls):
        """A clip with a flash and a beep each second above bars that show the frame's number."""
        super().setUpClass()
        ffmpeg("-f", "lavfi", "-i",
               "color=black:s=320x180:r=%d:d=%d,format=gray,geq=lum='if(lt(Y,90),"
               "if(lt(mod(N,25),3),235,16),if(gte(mod(floor(N/pow(2,%d-floor(X*%d/W))),2),1),235,16))',"
               "format=yuv420p" % (RATE, SECONDS, BITS - 1, BITS), "-f", "lavfi", "-i",
               "aevalsrc='if(lt(mod(t,1),0.12),0.8*sin(2*PI*1000*t),0)':s=44100:d=%d" % SECONDS,
               "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-c:a", "aac", cls.path("clip.mp4"))
        os.environ.update(SDL_AUDIODRIVER="disk", SDL_DISKAUDIOFILE=cls.path("heard.raw"))
        cls.addClassCleanup(lambda: [os.environ.pop(k) for k in ("SDL_AUDIODRIVER", "SDL_DISKAUDIOFILE")])

    def play(self, *words):
        self.start("clip.mp4", "--strength", "0", "--temporal", "off", "--size", "160x90", *words)
        self.until(lambda: self.shot().shape[:2] == (180, 320))

    def number(self):
        row = self.shot()[110, :, 1].astype(int)
        columns = ((np.arange(BITS) + 0.5) * 320 / BITS).astype(int)
        return int("".join(str(int(v > 128)) for v in row[columns]), 2)

    def beeps(self, seconds):
        """Clock when each beep begins to be heard in that time: SDL writes what is due now."""
        written, size, path = [], 0, self.path("heard.raw")
        end = time.time() + seconds
        while time.time() < end:
            now = os.path.getsize(path) if os.path.exists(path) else 0
            if now > size:
                written.append((time.time(), size, now))
                size = now
            time.sleep(0.002)
        sound = np.abs(np.fromfile(path, np.int16)[::2].astype(int))
        loud = np.flatnonzero(sound > 8000)
        begins = [i for i, before in zip(loud, np.r_[-SOUND_RATE, loud]) if i - before > SOUND_RATE // 4]
        found = []
        for at, first, last in written[1:]:
            found += [at + (i * BYTES - first) / BYTES / SOUND_RATE for i in begins
                      if first <= i * BYTES < last]
        return found

    def offsets(self):
        """Delays of the sound after the picture, in seconds, for some flashes."""
        log = self.path("flashes")
        grab = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", "-f", "x11grab", "-framerate", "60",
             "-use_wallclock_as_timestamps", "1", "-window_id", self.window, "-i",
             os.environ["DISPLAY"], "-frames:v", str(60 * (LISTEN + 1)), "-copyts", "-vf",
             "crop=iw:ih/3:0:0,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=" + log,
             "-f", "null", "-"], stdin=subprocess.DEVNULL)
        self.addCleanup(grab.wait)
        self.addCleanup(grab.kill)
        beeps = self.beeps(LISTEN)
        grab.wait()
        flashes, bright, at = [], True, 0
        with open(log) as lines:
            for line in lines:
                if line.startswith("frame:"):
                    at = int(line.split("pts:")[1].split()[0]) / 1e6
                else:
                    now = float(line.split("=")[1]) > 100
                    flashes += [at] if now and not bright else []
                    bright = now
        self.assertGreater(len(flashes), LISTEN // 2)
        apart = [min((b - f for b in beeps), key=abs) for f in flashes]
        apart = [a for a in apart if abs(a) < 0.5]  # the last ones may lie outside
        self.assertGreater(len(apart), LISTEN // 2)
        print("\nsound behind the picture by", ["%.0f ms" % (1000 * a) for a in apart])
        return apart

    def assert_comes_close(self):
        """The sound must reach the picture. SDL's disk driver waits after each piece, longer on a
        busy machine, so its clock is worse than that of any device and takes time to estimate."""
        apart = []
        for _ in range(LISTENS):
            apart.append(abs(np.median(self.offsets())))
            if apart[-1] < CLOSE:
                return
            self.key("Down")  # the clip would end
            time.sleep(2)
        self.fail("the sound never came close: %s" % apart)

    def test_sound(self):
        self.play()
        time.sleep(5)
        self.assert_comes_close()
        self.key("Right")
        time.sleep(2)
        self.assert_comes_close()
        self.key("m")
        time.sleep(0.5)
        heard = os.path.getsize(self.path("heard.raw"))
        time.sleep(2)
        mute = np.fromfile(self.path("heard.raw"), np.int16)[heard // 2:]
        self.assertGreater(len(mute), SOUND_RATE)
        self.assertEqual(abs(mute).max(), 0)
        self.key("q")
        self.ends(0)

    def settled(self):
        """The number of the frame that is shown, once it stays."""
        last = []

        def same():
            last.append(self.number())
            time.sleep(0.2)
            return len(last) > 4 and len(set(last[-4:])) == 1
        self.until(same)
        return last[-1]

    def test_seek_and_step(self):
        self.play()
        self.until(lambda: self.number() > 10)
        self.key("space")
        at = self.settled()
        for key, by in (("period", 1), ("period", 1), ("comma", -1), ("comma", -1), ("comma", -1),
                        ("Right", 5 * RATE), ("Right", 5 * RATE), ("Left", -5 * RATE)):
            self.key(key)
            at += by
            self.assertEqual(self.settled(), at, key)
        self.key("comma", "comma", "comma")
        at -= 3
        self.assertEqual(self.settled(), at)
        self.key("Right", "Right")
        at += 10 * RATE
        self.assertEqual(self.settled(), at)
        self.key("Up")
        self.assertAlmostEqual(self.settled(), SECONDS * RATE - 5, delta=1)
        self.key("Down")
        self.assertEqual(self.settled(), 0)
        self.key("space")
        self.until(lambda: self.number() > 5)
        self.key("Up")
        self.ends(0)

    def test_record(self):
        self.play()
        self.key("r")
        time.sleep(2)
        self.key("r")
        time.sleep(0.5)
        self.key("r")
        time.sleep(1)
        self.key("q")
        errors = self.ends(0)
        names = sorted(n for n in os.listdir(self.folder.name) if n.endswith(".mp4") and n != "clip.mp4")
        self.assertEqual([n.startswith("daub-") for n in names], [True, True], errors)
        lengths = [len(frames(self.path(name))) for name in names]
        self.assertGreater(min(lengths), 10, errors)

    def test_no_seek_beside_a_file(self):
        """While a file is written, the keys for seeking do nothing."""
        self.play("--window", "-o", "out.mkv", "-y")
        self.until(lambda: self.number() > 10)
        self.key("Right")
        time.sleep(1)
        self.assertLess(self.number(), 5 * RATE)
        self.key("q")
        self.ends(0)


if __name__ == "__main__":
    harness.main()
