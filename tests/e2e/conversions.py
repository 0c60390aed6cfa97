"""What is stored equals what was there: many inputs are converted and compared with ffprobe.

python3 conversions.py DAUB [--all] [--table] [NAME...]: DAUB is the program with the fake painter. --all: also
every codec and container that this ffmpeg writes; --table prints the Markdown table of docs/measured.md; NAME
chooses the rows whose name begins with it. Inputs are made on the spot. Exit code 1: a row failed."""

import concurrent.futures
import http.server
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import harness
from harness import ffmpeg, run

DONE, FAILED, OUTPUT = 0, 1, 5
SIZE = "96x64"
VIDEO = ["-f", "lavfi", "-i", "testsrc2=s=%s:r=25:d=1" % SIZE]
SOUND = ["-f", "lavfi", "-i", "sine=d=1:r=48000"]
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
DATA = os.environ.get("DAUB_DATA", "")
ROWS, MORE = [], []
SERVER = None


class Row:
    """make(folder) returns the input's path. The columns that are compared: frames and their times, sound,
    subtitles, tags, the size as it is shown."""

    def __init__(self, name, make, out="out.mkv", options=(), code=DONE, says=(), frames=None, tick=0.0011, sound=None,
                 text=None, shown=None, check=None, picture=0, group="", stream=0, thinned=False, tags=()):
        self.__dict__.update(locals())
        del self.__dict__["self"]


def row(*arguments, **more):
    ROWS.append(Row(*arguments, **more))
    return ROWS[-1]


def made(name, *words, inputs=(*VIDEO, *SOUND)):
    """An input that ffmpeg makes."""
    def make(folder):
        path = os.path.join(folder, name)
        ffmpeg(*inputs, *words, path)
        return path
    return make


# ---- looking at a file ----

class Film:
    def __init__(self, path, stream=0):
        done = run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_packets",
                    "-show_frames", "-show_entries",
                    "packet=stream_index,pts_time,duration_time,size,flags:frame=media_type,stream_index,pts_time,"
                    "best_effort_timestamp_time,width,height,interlaced_frame,nb_samples:stream:format:stream_tags:format_tags:"
                    "stream_disposition:stream_side_data", path], check=False)
        try:
            told = json.loads(done.stdout or b"{}")
        except ValueError:  # ffprobe ended early
            told = {}
        self.format = told.get("format", {})
        self.streams = told.get("streams", [])
        pictures = [s for s in self.streams if s.get("codec_type") == "video" and
                    not s["disposition"]["attached_pic"]]
        both = told.get("packets_and_frames", [])
        self.video = pictures[stream] if len(pictures) > stream else None
        index = self.video["index"] if self.video else -1
        self.frames = [b for b in both if b["type"] == "frame" and b["stream_index"] == index]
        self.packets = [b for b in both if b["type"] == "packet"]
        self.samples = [b for b in both if b["type"] == "frame" and b.get("media_type") == "audio"]

    def times(self):
        return [float(f.get("best_effort_timestamp_time", "nan")) for f in self.frames]

    def kinds(self, kind):
        return [s for s in self.streams if s.get("codec_type") == kind]

    def packets_of(self, stream):
        return [p for p in self.packets if p["stream_index"] == stream["index"]]

    def seconds_of(self, stream):
        """Of decoded sound."""
        count = sum(int(s["nb_samples"]) for s in self.samples if s["stream_index"] == stream["index"])
        return count / float(stream.get("sample_rate") or 1)

    def start_of(self, stream):
        starts = [float(s["pts_time"]) for s in self.samples
                  if s["stream_index"] == stream["index"] and "pts_time" in s]
        return starts[0] if starts else None

    def turned(self):
        """Degrees of the display matrix."""
        for data in (self.video or {}).get("side_data_list", []):
            if "rotation" in data:
                return int(data["rotation"])
        return 0

    def shown(self):
        """Width and height as a player shows them, with square pixels."""
        if not self.video:
            return None
        w, h = self.video["width"], self.video["height"]
        aspect = self.video.get("sample_aspect_ratio", "1:1").split(":")
        if aspect[0] != "0" and aspect[1] != "0":
            w = w * int(aspect[0]) / int(aspect[1])
        return (h, w) if self.turned() % 180 else (w, h)

    def tags(self):
        tags = dict(self.format.get("tags", {}))
        for s in self.kinds("audio") + self.kinds("subtitle"):
            language = s.get("tags", {}).get("language", "und")
            if language != "und":
                tags["language"] = {"ger": "deu"}.get(language, language)
        return {k.lower(): v for k, v in tags.items()}


def texts(path):
    """The subtitles of the first such stream as (start, end, words)."""
    done = ffmpeg("-i", path, "-map", "s:0", "-f", "srt", "-", check=False).stdout.decode(errors="replace")
    found = []
    for block in done.strip().split("\n\n"):
        lines = block.strip().split("\n")
        if len(lines) >= 3:
            words = re.sub(r"<[^>]*>|\{[^}]*\}", "", " ".join(lines[2:])).strip()
            if words:
                found.append((*[sum(float(x) * m for x, m in zip(t.replace(",", ".").split(":"), (3600, 60, 1)))
                                for t in lines[1].split(" --> ")], words))
    return found


class Server:
    """Sends files over HTTP, and ignores ranges."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server.server_address[1], path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        with open(self.path, "rb") as f:
            data = f.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass


# ---- one row ----

class Result:
    def __init__(self, a_row):
        self.row = a_row
        self.problems = []
        self.frames = self.pts = self.sound = self.text = self.shown = self.said = ""
        self.skipped = ""

    def need(self, condition, words):
        if not condition:
            self.problems.append(words)


def compare_times(result, a, b):
    ta, tb = a.times(), b.times()
    known = len(ta) == len(tb) and ta and not any(t != t for t in ta + tb)
    if not known:
        result.pts = "not stored"
        return
    worst = max(abs((x - ta[0]) - (y - tb[0])) for x, y in zip(ta, tb))
    result.pts = "%.1f" % (worst * 1e3)
    result.need(worst <= result.row.tick, "times are off by %.1f ms" % (worst * 1e3))


def compare_sound(result, a, b):
    r = result.row
    sounds, got = a.kinds("audio"), b.kinds("audio")
    if r.sound == "none":
        result.need(not got, "there is sound")
        result.sound = "%d left out" % len(sounds) if sounds else "-"
        return
    wanted = len(sounds) if r.sound is None or isinstance(r.sound, str) else r.sound
    result.need(len(got) == wanted, "%d sound streams instead of %d" % (len(got), wanted))
    if not sounds or not got:
        result.sound = "-"
        return
    x, y = sounds[0], got[0]
    px, py = a.packets_of(x), b.packets_of(y)
    dx, dy = a.seconds_of(x), b.seconds_of(y)
    if isinstance(r.sound, str):
        result.need(y["codec_name"] == r.sound, "the sound is %s" % y["codec_name"])
    if x["codec_name"] == y["codec_name"] and not x["codec_name"].startswith("pcm") and not r.sound:
        result.sound = "%s, %d of %d packets" % (x["codec_name"], len(py), len(px))
        result.need(abs(len(px) - len(py)) <= (0 if not r.options else 9999), "sound packets: %s" % result.sound)
    else:
        result.sound = "%s to %s, %.2f of %.2f s" % (x["codec_name"], y["codec_name"], dy, dx)
        if not r.options:
            result.need(abs(dx - dy) < 0.1, "sound: " + result.sound)
    offset = [None, None]
    for i, (film, s) in enumerate(((a, x), (b, y))):
        start, times = film.start_of(s), film.times()
        if start is not None and times and times[0] == times[0]:
            offset[i] = start - times[0]
    if None not in offset and not r.options:
        result.need(abs(offset[0] - offset[1]) < 0.05, "the sound moved by %.3f s" % (offset[1] - offset[0]))


def compare_text(result, source, target, a, b):
    r = result.row
    if not a.kinds("subtitle"):
        return
    got = [s.get("codec_name", "unknown") for s in b.kinds("subtitle")]
    if r.text is False:
        result.need(not got, "there are subtitles: %s" % got)
        result.text = "left out"
        return
    was, now = texts(source), texts(target)
    result.text = "%s to %s, %d of %d" % (a.kinds("subtitle")[0]["codec_name"], got[0] if got else "none",
                                          len(now), len(was))
    if isinstance(r.text, str):
        result.need(got and got[0] == r.text, "subtitles are %s" % got)
    shift = (now[0][0] - was[0][0]) if now and was else 0
    same = len(was) == len(now) and len(was) > 0 and all(
        x[2] == y[2] and abs(x[0] + shift - y[0]) < 0.011 and abs(x[1] + shift - y[1]) < 0.011
        for x, y in zip(was, now))
    result.need(same and abs(shift) < 0.05, "subtitles differ: %s became %s" % (was, now))


def psnr(source, target, filters="null"):
    done = run(["ffmpeg", "-v", "info", "-nostdin", "-i", source, "-i", target, "-lavfi",
                "[0:v]settb=1/25,setpts=N,%s,format=yuv444p[a];[1:v]settb=1/25,setpts=N,format=yuv444p[b];[a][b]psnr"
                % filters, "-f", "null", "-"], check=False)
    found = re.findall(r"average:([0-9.inf]+)", done.stderr.decode())
    return float(found[-1]) if found else 0.0


def convert(a_row, folder):
    r, result = a_row, Result(a_row)
    os.makedirs(folder)
    try:
        source = r.make(folder)
    except (AssertionError, subprocess.TimeoutExpired, FileNotFoundError) as problem:
        result.skipped = str(problem).strip().split("\n")[-1][:100]
        return result
    target = os.path.join(folder, r.out)
    if getattr(r, "piped", False):
        with open(source, "rb") as f:
            done = run([harness.DAUB, "-", "-o", target, "-y", *r.options], check=False, cwd=folder, stdin=f)
    else:
        url = SERVER.url(source) if getattr(r, "served", False) else source
        done = run([harness.DAUB, url, "-o", target, "-y", *r.options], check=False, cwd=folder)
    said = [line[6:] for line in done.stderr.decode(errors="replace").splitlines()
            if line.startswith("daub: ") and "frames in," not in line]
    result.said = "; ".join(said).replace(folder + "/", "")
    result.need(done.returncode == r.code, "exit code %d: %s" % (done.returncode, result.said))
    for words in r.says:
        result.need(words in result.said, "does not say \"%s\" but: %s" % (words, result.said))
    if r.code != DONE:
        result.need(not os.path.exists(target), "there is an output")
        result.frames = "0 painted"
    elif not result.problems:
        try:
            (r.check or compare)(result, source, target)
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as problem:
            result.problems.append(repr(problem))
    if not r.says and result.said and r.code == DONE and not r.group:
        result.need(False, "says: " + result.said)
    return result


def compare(result, source, target):
    r = result.row
    a, b = Film(source, r.stream), Film(target)
    wanted = r.frames if r.frames is not None else len(a.frames)
    result.frames = "%d of %d" % (len(b.frames), wanted)
    result.need(len(b.frames) == wanted and wanted > 0, "frames: " + result.frames)
    if r.frames is None:
        compare_times(result, a, b)
    compare_sound(result, a, b)
    compare_text(result, source, target, a, b)
    if b.video and a.video:
        shown = r.shown or a.shown()
        result.shown = "%dx%d" % tuple(map(round, b.shown()))
        result.need(abs(b.shown()[0] / b.shown()[1] / (shown[0] / shown[1]) - 1) < 0.02 and
                    (not r.shown or (round(b.shown()[0]), round(b.shown()[1])) == tuple(r.shown)),
                    "is shown as %s instead of %s" % (result.shown, shown))
    for tag in r.tags:
        result.need(b.tags().get(tag) == a.tags().get(tag) and a.tags().get(tag),
                    "%s: %s became %s" % (tag, a.tags().get(tag), b.tags().get(tag)))
    if r.picture:
        value = psnr(source, target)
        result.need(value > r.picture, "PSNR %.1f dB" % value)


# ---- inputs of special kinds ----

TEXT = "1\n00:00:00,100 --> 00:00:00,400\nHello <i>world</i>\n\n2\n00:00:00,500 --> 00:00:00,900\nSecond\n"


def with_text(name, codec, *words):
    def make(folder):
        text = os.path.join(folder, "text.srt")
        with open(text, "w") as f:
            f.write(TEXT)
        return made(name, "-map", 0, "-map", 1, "-map", 2, *H264, "-c:s", codec, *(words or ("-c:a", "aac")),
                    "-metadata:s:s:0", "language=deu", inputs=(*VIDEO, *SOUND, "-i", text))(folder)
    return make


def images(missing=(), empty=(), ending="png"):
    def make(folder):
        pattern = os.path.join(folder, "in%03d." + ending)
        ffmpeg(*VIDEO, pattern)
        for i in missing:
            os.remove(pattern % i)
        for i in empty:
            open(pattern % i, "w").close()
        return pattern
    return make


def check_images(times, count):
    def check(result, _, target):
        film = Film(target)
        result.frames = "%d of %d" % (len(film.frames), count)
        got = [round(t * 25) for t in film.times()]
        result.need(got == times, "times are %s" % got)
    return check


def joined(name, *parts):
    """Transport streams one after the other."""
    def make(folder):
        path = os.path.join(folder, name)
        with open(path, "wb") as whole:
            for i, words in enumerate(parts):
                part = os.path.join(folder, "part%d.ts" % i)
                ffmpeg(*words, part)
                with open(part, "rb") as f:
                    whole.write(f.read())
        return path
    return make


def two_programs(folder):
    path = os.path.join(folder, "in.ts")
    ffmpeg(*VIDEO, "-f", "lavfi", "-i", "testsrc2=s=48x32:r=25:d=1", *SOUND, "-f", "lavfi", "-i", "sine=f=880:d=1",
           "-map", 0, "-map", 2, "-map", 1, "-map", 3, "-c:v", "mpeg2video", "-c:a", "mp2", "-program",
           "title=a:st=0:st=1", "-program", "title=b:st=2:st=3", path)
    return path


def master_playlist(folder):
    ffmpeg(*VIDEO, "-f", "lavfi", "-i", "testsrc2=s=48x32:r=25:d=1", *SOUND, "-map", 0, "-map", 2, "-map", 1, "-map", 2,
           *H264, "-c:a", "aac", "-f", "hls", "-var_stream_map", "v:0,a:0 v:1,a:1", "-master_pl_name", "master.m3u8",
           os.path.join(folder, "v%v.m3u8"))
    return os.path.join(folder, "master.m3u8")


def late_sound(seconds):
    def make(folder):
        """Sound is announced at the start and begins later."""
        path = os.path.join(folder, "in.ts")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=%s:r=25:d=%d" % (SIZE, seconds + 2), "-itsoffset", seconds, "-f", "lavfi", "-i",
               "sine=d=2", "-c:v", "mpeg2video", "-b:v", "8M", "-c:a", "mp2", "-max_interleave_delta", 0, path)
        return path
    return make


def exif(orientation):
    """A TIFF structure with one entry."""
    return b"MM\0\x2a" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def still(ending, orientation):
    """A picture with EXIF data, whose stored form is 96x64."""
    def make(folder):
        path = os.path.join(folder, "in." + ending)
        ffmpeg(*VIDEO, "-frames:v", 1, *(["-lossless", 1] if ending == "webp" else []), path)
        with open(path, "rb") as f:
            data = f.read()
        block = exif(orientation)
        if ending == "png":
            chunk = b"eXIf" + block
            chunk = struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk))
            data = data[:33] + chunk + data[33:]  # after IHDR
        elif ending == "jpg":
            data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + data[2:]
        else:  # WebP: an extended header, then the picture, then EXIF
            extended = b"VP8X" + struct.pack("<I", 10) + bytes([8, 0, 0, 0]) + struct.pack("<I", 95)[:3] + struct.pack("<I", 63)[:3]
            tail = b"EXIF" + struct.pack("<I", len(block)) + block
            body = b"WEBP" + extended + data[12:] + tail
            data = b"RIFF" + struct.pack("<I", len(body)) + body
        with open(path, "wb") as f:
            f.write(data)
        return path
    return make


def check_turned(filters):
    """The output, a picture, equals the stored input after these filters."""
    def check(result, source, target):
        plain = os.path.join(os.path.dirname(source), "plain.png")
        ffmpeg(*VIDEO, "-frames:v", 1, "-vf", filters, plain)
        film = Film(target)
        result.frames, result.shown = "%d of 1" % len(film.frames), "%dx%d" % tuple(map(round, film.shown()))
        value = psnr(plain, target)
        result.need(value > 28, "PSNR %.1f dB: it is not upright" % value)
    return check


def rotated(name="in.mp4", codec=H264):
    def make(folder):
        plain, path = os.path.join(folder, "plain.mp4"), os.path.join(folder, name)
        ffmpeg(*VIDEO, *SOUND, *codec, "-c:a", "aac", plain)
        harness.turn(plain, path)
        return path
    return make


def interlaced(name, first, *codec):
    def make(folder):
        path = os.path.join(folder, name)
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=%s:r=50:d=1" % SIZE, "-vf",
               "tinterlace=interleave_%s,fieldorder=%s" % (first, "tff" if first == "top" else "bff"),
               "-flags", "+ilme+ildct", *codec, path)
        return path
    return make


def check_progressive(flag):
    def check(result, source, target):
        a, b = Film(source), Film(target)
        result.frames = "%d of %d" % (len(b.frames), len(a.frames))
        result.need(len(a.frames) == len(b.frames), "frames: " + result.frames)
        compare_times(result, a, b)
        flags = {int(f["interlaced_frame"]) for f in b.frames}
        result.need({int(f["interlaced_frame"]) for f in a.frames} == {1}, "the input is not interlaced")
        result.need(flags == {flag}, "interlaced flags: %s" % flags)
    return check


def cut_by_edit_list(folder):
    whole, path = os.path.join(folder, "whole.mp4"), os.path.join(folder, "in.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=%s:r=25:d=3" % SIZE, "-f", "lavfi", "-i", "sine=d=3", *H264, "-g", 75,
           "-c:a", "aac", whole)
    ffmpeg("-ss", 1.5, "-i", whole, "-c", "copy", path)
    return path


def check_cut(result, source, target):
    a, b = Film(source), Film(target)
    result.frames = "%d of %d" % (len(b.frames), len(a.frames))
    result.need(abs(len(b.frames) - 37) <= 1, "frames: " + result.frames)
    seconds = b.seconds_of(b.kinds("audio")[0])
    result.sound = "%.2f of 1.50 s" % seconds
    result.need(abs(seconds - 1.5) < 0.12, "sound of %.2f s" % seconds)
    start = b.start_of(b.kinds("audio")[0]) - (b.times()[0] if b.times()[0] == b.times()[0] else 0)
    result.need(abs(start) < 0.09, "sound begins %.3f s after the picture" % start)


def starts_late(folder):
    path = os.path.join(folder, "in.mkv")
    ffmpeg("-itsoffset", 3600, *VIDEO, "-itsoffset", 3600, *SOUND, "-copyts", *H264, "-c:a", "flac", path)
    return path


def check_start(seconds):
    def check(result, source, target):
        a, b = Film(source), Film(target)
        result.frames = "%d of %d" % (len(b.frames), len(a.frames))
        result.need(len(a.frames) == len(b.frames), "frames: " + result.frames)
        compare_times(result, a, b)
        compare_sound(result, a, b)
        result.need(abs(b.times()[0] - seconds) < 0.05, "begins at %.2f s" % b.times()[0])
    return check


def chapters(folder):
    path = os.path.join(folder, "chapters.txt")
    with open(path, "w") as f:
        f.write(";FFMETADATA1\n" + "".join("[CHAPTER]\nTIMEBASE=1/1000\nSTART=%d\nEND=%d\ntitle=Part %d\n" %
                                           (i * 500, i * 500 + 500, i) for i in range(2)))
    return made("in.mkv", "-map_metadata", 1, "-map_chapters", 1, *H264, inputs=(*VIDEO, "-i", path))(folder)


def check_chapters(result, source, target):
    told = [[(round(float(c["start_time"]), 2), c["tags"]["title"]) for c in
             harness.probe(path, "-show_chapters")["chapters"]] for path in (source, target)]
    result.need(told[0] == told[1] and len(told[0]) == 2, "chapters: %s" % told)
    compare(result, source, target)


def motion_photo(name):
    return made(name, "-map", 0, "-map", 1, "-c:v", "mpeg4",
                inputs=("-f", "lavfi", "-i", "testsrc2=s=192x128:r=25:d=0.04", *VIDEO))


def check_thinned(least, rate, seconds):
    """Frames of a GIF are at least so many seconds apart, and it is as long as the input."""
    def check(result, source, target):
        a, b = Film(source), Film(target)
        t = b.times()
        result.frames = "%d of %d" % (len(b.frames), len(a.frames))
        result.need(len(b.frames) >= min(len(a.frames), 0.6 * seconds / least) and
                    all(y - x > least - 0.001 for x, y in zip(t, t[1:])), "times: %s" % t[:8])
        durations = [float(p.get("duration_time", 0)) for p in b.packets]
        length = t[-1] - t[0] + durations[-1] if durations[-1] else float(b.video["duration"])
        result.pts = "length %.2f of %.2f s" % (length, seconds)
        result.need(abs(length - seconds) < 0.03, "the last frame ends at %.2f s" % length)
    return check


# ---- the rows of the contract ----

def rate(fps, seconds=1):
    return ("-f", "lavfi", "-i", "testsrc2=s=%s:r=%s:d=%s" % (SIZE, fps, seconds))


def places():
    for name, ending, codec in (("Matroska", "mkv", H264), ("MPEG-TS", "ts", H264), ("y4m", "y4m", ["-an"]),
                                ("H.264", "h264", [*H264, "-an"])):
        row("-ss, %s through a pipe" % name, made("in." + ending, *codec), options=["-ss", "0.4"], frames=15,
            says=["timed by the frame rate"] if ending == "h264" else []).piped = True
    for name, ending, codec in (("H.264", "h264", H264), ("HEVC", "hevc", ["-c:v", "libx265", "-x265-params", "log-level=none"]),
                                ("MJPEG", "mjpeg", ["-c:v", "mjpeg"]), ("MPEG-4", "m4v", ["-c:v", "mpeg4"])):
        row("-ss, raw %s" % name, made("in." + ending, *codec, "-an"), options=["-ss", "0.4"], frames=15,
            says=["timed by the frame rate"] if ending in ("h264", "hevc") else [])
    row("-ss, http without ranges", made("in.mp4", *H264, "-movflags", "+faststart"), options=["-ss", "0.4"], frames=15).served = True
    row("-ss, MP4", made("in.mp4", *H264), options=["-ss", "0.4"], frames=15)
    row("images with a gap", images([10, 11]), check=check_images([*range(9), *range(11, 25)], 23), says=["2 images"])
    row("images with an empty file", images([], [10]), check=check_images([*range(9), *range(10, 25)], 24), says=["1 images"])
    row("images with a gap, --gaps skip", images([10, 11]), options=["--gaps", "skip"],
        check=check_images(list(range(23)), 23), says=["the gaps are closed"])
    row("images with a gap, --strict", images([10]), options=["--strict"], code=OUTPUT, says=["1 images"])
    row("images with a gap, -ss", images([10]), options=["-ss", "0.6"], check=check_images(list(range(10)), 10), says=["1 images"])
    row("a larger still beside the film, MOV", motion_photo("in.mov"), stream=1, says=["video stream 0 is left out"])
    row("a larger still beside the film, Matroska", motion_photo("in.mkv"), stream=1, says=["video stream 0 is left out"])
    for ending in "mkv", "ts", "avi", "mp4":
        row("MP4 cut by an edit list to %s" % ending, cut_by_edit_list, out="out." + ending, check=check_cut)
    row("Matroska that begins at 1:00:00 to MP4", starts_late, out="out.mp4", check=check_start(0))
    row("the same with -copyts", starts_late, out="out.mp4", options=["-copyts"], check=check_start(3600))


def rates():
    for fps in "24000/1001", "24", "30", "60":
        row("%s fps to APNG" % fps, made("in.mp4", *H264, inputs=rate(fps)), out="out.apng", tick=0.0005)
    for fps in "24", "50":
        row("%s fps to GIF" % fps, made("in.mp4", *H264, inputs=rate(fps)), out="out.gif", tick=0.0101)
    for fps in "60", "120":
        row("%s fps to GIF" % fps, made("in.mp4", *H264, inputs=rate(fps)), out="out.gif", check=check_thinned(0.02, int(fps), 1),
            says=["20 ms"])
    row("60 fps to GIF, --strict", made("in.mp4", *H264, inputs=rate("60")), out="out.gif", options=["--strict"], code=OUTPUT,
        says=["20 ms"])
    for ending in "gif", "mp4", "apng":
        row("a frame every 3 s to %s" % ending, made("in.mp4", *H264, inputs=rate("1/3", 9)), out="out." + ending,
            check=check_thinned(0.02, 1 / 3, 9))


def sounds():
    for codec, ending, becomes in (
            ("pcm_s16le", "mp4", "aac"), ("pcm_s24le", "mp4", "aac"), ("aac", "webm", "opus"), ("pcm_s16le", "ogv", "vorbis"),
            ("aac", "mpg", "mp2"), ("libopus", "mov", "aac"), ("flac", "ts", "aac"), ("pcm_s16le", "ts", "aac"),
            ("libvorbis", "flv", "aac"), ("flac", "avi", "ac3"), ("flac", "mxf", "pcm_s16le"), ("libopus", "wmv", "wmav2"),
            ("flac", "3gp", "aac"), ("pcm_s16le", "m3u8", "aac")):
        name = codec.replace("lib", "")
        row("%s to %s" % (name, ending), made("in.mkv" if codec != "pcm_s16le" else "in.mov", *H264, "-c:a", codec),
            out="out." + ending, sound=becomes, says=["(%s) cannot be stored" % name] if codec != "flac" or ending != "mxf" else
            ["is stored as pcm_s16le"], tick=0.02)
    row("5.1 PCM to MP4", made("in.mkv", *H264, "-c:a", "pcm_s16le", "-ac", 6), out="out.mp4", sound="aac", says=["encoded as aac"])
    row("two sounds in PCM to MP4", made("in.mov", "-map", 0, "-map", 1, "-map", 1, *H264, "-c:a", "pcm_s16le"), out="out.mp4",
        sound="aac", says=["stream 1", "stream 2"])
    row("PCM to MP4, --strict", made("in.mov", *H264, "-c:a", "pcm_s16le"), out="out.mp4", options=["--strict"], code=OUTPUT,
        says=["stream 1 (pcm_s16le)"])
    row("PCM to MP4, -ss", made("in.mov", *H264, "-c:a", "pcm_s16le"), out="out.mp4", options=["-ss", "0.4"], frames=15,
        says=["encoded as aac"])
    for codec, ending, becomes in (("subrip", "mp4", "mov_text"), ("ass", "mp4", "mov_text"), ("ass", "mov", "mov_text"),
                                   ("subrip", "webm", "webvtt"), ("webvtt", "mp4", "mov_text")):
        row("%s to %s" % (codec, ending), with_text("in.mkv", codec, "-c:a", "libopus" if ending == "webm" else "aac"),
            out="out." + ending, text=becomes, says=["(%s) cannot be stored" % codec], tags=["language"])
    row("mov_text to Matroska", with_text("in.mp4", "mov_text"), text="subrip", says=["(mov_text) cannot be stored"],
        tags=["language"])
    row("mov_text to MP4", with_text("in.mp4", "mov_text"), out="out.mp4", text="mov_text", tags=["language"])
    row("ass to Matroska", with_text("in.mkv", "ass"), text="ass", tags=["language"])
    for ending in "ts", "avi", "flv":
        row("subrip to %s" % ending, with_text("in.mkv", "subrip", "-c:a", "mp3"), out="out." + ending, text=False,
            says=["(subrip) cannot be stored in", ".mkv"], tick=0.0411)
    row("MPEG-TS with two programs", two_programs, sound=1, says=["2 programs"])
    row("HLS master playlist", master_playlist, sound=1, says=["2 programs"])
    row("sound that begins at 12 s in MPEG-TS", late_sound(12))


def pictures():
    row("another shape in mid-stream", joined("in.ts", [*VIDEO, "-c:v", "mpeg2video"], ["-f", "lavfi", "-i", "testsrc2=s=64x96:r=25:d=1",
        "-c:v", "mpeg2video", "-output_ts_offset", 1]), says=["shape of the picture changes"], frames=49, shown=(96, 64))
    row("another pixel shape in mid-stream", joined("in.ts", [*VIDEO, "-c:v", "mpeg2video", "-aspect", "4:3"], [
        *VIDEO, "-c:v", "mpeg2video", "-aspect", "16:9", "-output_ts_offset", 1]), says=["shape of the picture changes"],
        frames=49)
    row("another size of the same shape", joined("in.ts", [*VIDEO, "-c:v", "mpeg2video"], ["-f", "lavfi", "-i", "testsrc2=s=192x128:r=25:d=1",
        "-c:v", "mpeg2video", "-output_ts_offset", 1]), says=["the input changes"], frames=49, shown=(96, 64))
    row("turned, MP4 to MP4", rotated(), out="out.mp4", shown=(64, 96))
    row("turned, MP4 to Matroska", rotated(), shown=(64, 96))
    row("turned, --out-size 128x192", rotated(), out="out.mp4", options=["--out-size", "128x192"], shown=(128, 192))
    row("turned, --out-size 50%", rotated(), out="out.mp4", options=["--out-size", "50%"], shown=(32, 48))
    row("turned, 4:2:2, to Matroska", rotated("in.mov", ["-c:v", "mjpeg", "-pix_fmt", "yuvj422p"]), shown=(64, 96))
    row("turned, to y4m", rotated(), out="out.y4m", shown=(64, 96), sound="none", picture=0)
    row("turned, to MP4 and Matroska", rotated(), options=["-o", "second.mp4"], shown=(64, 96))
    for ending in "jpg", "png", "webp":
        for number, filters in ((6, "transpose=clock"), (3, "hflip,vflip"), (7, "transpose=clock_flip"), (2, "hflip")):
            row("EXIF orientation %d in %s" % (number, ending), still(ending, number), out="out.png", options=["--strength", "0"],
                check=check_turned(filters))
    row("VP9 with transparency", made("in.webm", "-vf", "format=yuva420p,colorchannelmixer=aa=0.5", "-c:v", "libvpx-vp9",
        inputs=VIDEO), says=["transparency"])
    row("GIF with transparency", made("in.gif", "-lavfi", "format=rgba,geq=r='r(X,Y)':a='if(lt(X,40),0,255)',split[a][b];[a]palettegen[p];[b][p]paletteuse",
        inputs=VIDEO), says=["transparency"], tick=0.0101)
    row("PNG palette with transparency", made("in.png", "-frames:v", 1, "-lavfi", "format=rgba,geq=r='r(X,Y)':a='if(lt(X,40),0,255)',split[a][b];[a]palettegen[p];[b][p]paletteuse",
        "-pix_fmt", "pal8", inputs=VIDEO), out="out.png", says=["transparency"])
    row("PNG with transparency, --strict", made("in.png", "-frames:v", 1, "-vf", "format=rgba,colorchannelmixer=aa=0.5", inputs=VIDEO),
        out="out.png", options=["--strict"], code=OUTPUT, says=["transparency"])
    apple = ["-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.location.ISO6709=+48.1-011.5/", "-metadata",
             "com.apple.quicktime.creationdate=2024-05-01T10:00:00+0200", "-metadata", "com.apple.quicktime.make=Apple"]
    for ending in "mp4", "mov", "mkv":
        row("iPhone tags to %s" % ending, made("in.mov", *H264, "-c:a", "aac", *apple), out="out." + ending,
            tags=["com.apple.quicktime.location.iso6709", "com.apple.quicktime.creationdate", "com.apple.quicktime.make"])
    for ending in "mp4", "mkv", "mov":
        row("title, date and language to %s" % ending, made("in.mp4", *H264, "-c:a", "aac", "-metadata", "title=A title", "-metadata",
            "artist=Somebody", "-metadata", "creation_time=2024-05-01T10:00:00Z", "-metadata:s:a:0", "language=fra"),
            out="out." + ending, tags=["title", "artist", "creation_time", "language"])
    for ending in "mkv", "mp4", "mov", "webm":
        row("chapters to %s" % ending, chapters, out="out." + ending, check=check_chapters)
    row("chapters to ts", chapters, out="out.ts", says=["2 chapters"], frames=25)
    for ending in "mkv", "mp4":
        row("pixel shape in the container only, %s" % ending, made("in." + ending, "-c:v", "mjpeg", "-vf", "setsar=4/3"),
            shown=(128, 64))
    row("interlaced H.264, top field first", interlaced("in.mkv", "top", *H264), check=check_progressive(0), says=["deinterlaced"])
    row("interlaced MPEG-2, bottom field first", interlaced("in.ts", "bottom", "-c:v", "mpeg2video"), out="out.mp4",
        check=check_progressive(0), says=["deinterlaced"])
    row("interlaced, --deinterlace off", interlaced("in.mkv", "top", *H264), options=["--deinterlace", "off"],
        check=check_progressive(1))
    hdr = ["-frames:v", 1, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params",
           "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"]
    for ending in "png", "jpg":
        row("HDR still to %s" % ending, made("in.mkv", *hdr, inputs=VIDEO), out="out." + ending, says=["HDR"])
    clip = os.path.join(DATA, "clips", "street.mp4")
    row("a film to GIF", lambda folder: clip_part(folder, clip), out="out.gif", options=["--strength", "0"], picture=28, sound="none",
        tick=0.0101)


def clip_part(folder, clip):
    path = os.path.join(folder, "in.mp4")
    if not os.path.exists(clip):
        raise FileNotFoundError("no clip in DAUB_DATA")
    ffmpeg("-i", clip, "-t", 1, "-vf", "scale=320:-2", "-an", *H264, "-crf", 10, path)
    return path


# ---- every container and codec ----

CONTAINERS = {  # ending: encoders
    "mp4": H264, "mov": H264, "mkv": H264, "webm": [], "avi": [], "ts": H264, "m2ts": H264, "mpg": [], "vob": [],
    "flv": H264, "f4v": H264, "3gp": H264, "3g2": H264, "ogv": [], "wmv": [], "asf": [], "nut": [], "mxf": [], "rm": [],
    "ivf": ["-an"], "gif": ["-an"], "apng": ["-an"], "y4m": ["-an"], "m4v": ["-an"], "h264": [*H264, "-an"], "mjpeg": ["-an"],
    "m1v": ["-an"], "m2v": ["-an"], "drc": ["-an"], "obu": ["-an", "-c:v", "libaom-av1", "-cpu-used", "8"], "wtv": [], "swf": [],
    "avif": ["-an", "-frames:v", "1"], "webp": ["-an", "-frames:v", "1"], "m3u8": H264, "mpd": [*H264, "-f", "dash"],
    "ismv": H264, "psp": [*H264, "-f", "psp"], "fits": ["-an"], "smjpeg": ["-f", "smjpeg"], "vc2": ["-an"],
}
STILLS = ("png", "jpg", "bmp", "tiff", "tga", "webp", "jp2", "jxl", "exr", "dpx", "ppm", "pgm", "pam", "pcx", "sgi", "sun",
          "xwd", "qoi", "jls", "avif", "gif")
# of codecs with one size or rate
SPECIAL = {"h261": ["-s", "352x288"], "h263": ["-s", "352x288"], "h263p": ["-s", "352x288"], "dvvideo": ["-s", "720x576"],
           "dnxhd": ["-s", "1280x720", "-b:v", "60M", "-pix_fmt", "yuv422p"], "roqvideo": ["-s", "128x64", "-r", "30"],
           "rv10": ["-s", "176x144"], "rv20": ["-s", "176x144"], "avui": ["-s", "720x576"], "cinepak": ["-s", "96x64"],
           "svq1": ["-s", "96x64"], "xface": ["-s", "48x48"]}
NO_CODEC = {"wrapped_avframe", "a64multi", "a64multi5", "libxavs", "libxavs2", "vnull", "anull", "comfortnoise"}


def encoders(kind):
    listed = run(["ffmpeg", "-hide_banner", "-encoders"]).stdout.decode().splitlines()
    names = [line.split()[1] for line in listed if re.match(r" %s[.FSXBD]{5} [a-z0-9]" % kind, line)]
    return [n for n in names if n not in NO_CODEC and not re.search(r"_(v4l2m2m|vaapi|nvenc|qsv|omx|amf|vulkan)$", n)]


def first_of(names, *words, inputs):
    """The first container that ffmpeg accepts."""
    def make(folder):
        for name in names:
            path = os.path.join(folder, name)
            done = ffmpeg(*inputs, *words, path, check=False)
            film = Film(path) if done.returncode == 0 else None
            if film and film.frames and len(film.frames) == len(film.packets_of(film.video)):
                return path
        raise FileNotFoundError("this ffmpeg neither writes nor reads it")
    return make


def more():
    del MORE[:]
    size = ("-f", "lavfi", "-i", "testsrc2=s=%s:r=25:d=0.6")
    for name in encoders("V"):
        words = ["-c:v", name, "-strict", "-2", *SPECIAL.get(name, [])]
        quick = {"libaom-av1": ["-cpu-used", "8"], "librav1e": ["-speed", "10"], "libvpx-vp9": ["-cpu-used", "8"]}.get(name, [])
        MORE.append(Row(name, first_of(["in.nut", "in.mkv", "in.avi", "in.mov"], *words, *quick,
                                       inputs=(*size[:3], size[3] % SIZE)), group="video codecs", tick=0.0211))
    for name in encoders("A"):
        MORE.append(Row(name, first_of(["in.mkv", "in.nut", "in.mov", "in.avi", "in.ts"], *H264, "-c:a", name, "-strict", "-2",
                                       "-shortest", inputs=(*size[:3], size[3] % SIZE, "-f", "lavfi", "-i", "sine=d=0.6:r=48000")),
                        group="sound codecs"))
    for ending, words in CONTAINERS.items():
        MORE.append(Row(ending, made("in." + ending, *words), group="containers read", tick=0.0211))
    for ending in CONTAINERS:
        if ending not in ("webp", "fits"):  # ffprobe reads one picture of an animation
            MORE.append(Row(ending, with_text("in.mkv", "subrip", "-c:a", "pcm_s16le"), out="out." + ending,
                            group="containers written", options=["-f", "smjpeg"] if ending == "smjpeg" else [],
                            check=check_written))
    for ending in STILLS:
        MORE.append(Row(ending, made("in." + ending, "-frames:v", 1, inputs=VIDEO), out="out.png", group="stills read"))
        MORE.append(Row(ending, made("in.png", "-frames:v", 1, inputs=VIDEO), out="out." + ending, group="stills written"))


def check_written(result, source, target):
    """Frames, and sound wherever the container has any."""
    a, b = Film(source), Film(target)
    result.frames = "%d of %d" % (len(b.frames), len(a.frames))
    missing = len(a.frames) - len(b.frames)
    # FFmpeg's DASH demuxer does not deliver the last packets
    result.need(0 <= missing <= (3 if target.endswith(".mpd") else 0), "frames: " + result.frames)
    sound = b.kinds("audio")
    said = "audio stream 1" in result.said
    silent = os.path.splitext(target)[1] in (".ivf", ".gif", ".apng", ".y4m", ".m4v", ".h264", ".mjpeg", ".m1v", ".m2v", ".drc",
                                             ".obu", ".avif", ".webp", ".fits", ".vc2")
    result.need(sound or silent, "no sound")
    result.need(said or silent or (sound and sound[0]["codec_name"] == "pcm_s16le"), "the sound changed and nothing was said")
    if sound:
        seconds = b.seconds_of(sound[0])
        result.sound = sound[0]["codec_name"]
        result.need(abs(seconds - 1) < 0.1, "sound of %.2f s" % seconds)
    unknown = [s for s in b.streams if s.get("codec_name", "unknown") in ("unknown", "bin_data")]
    result.need(not unknown, "streams of unknown kind")


# ---- all of it ----

def shorten(said):
    line = re.sub("^(warning|error): ", "", said)
    return line if len(line) <= 80 else line[:77].rstrip() + "..."


def print_table(results):
    print("| input and output | frames | pts error, ms | sound | subtitles | shown | what daub says |\n"
          "|---|---|---|---|---|---|---|")
    for r in results:
        if not r.row.group and not r.skipped:
            print("| %s |" % " | ".join((r.row.name, r.frames, r.pts, r.sound, r.text, r.shown,
                                         shorten(r.said).replace("|", "/").replace("_", "\\_"))))
    groups = {}
    for r in results:
        if r.row.group and not r.skipped:
            groups.setdefault(r.row.group, []).append(r)
    if groups:
        print("\n| group | of it | largest pts error, ms | without fault | with a fault |\n|---|---|---|---|---|")
    for name, members in groups.items():
        errors = [float(r.pts) for r in members if re.fullmatch(r"[0-9.]+", r.pts)]
        print("| %s | %s | %s | %d | %s |" % (
            name, ", ".join(r.row.name for r in members), "%.1f" % max(errors) if errors else "-",
            sum(not r.problems for r in members), ", ".join(r.row.name for r in members if r.problems) or "none"))


def main():
    global SERVER
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    options = {w for w in sys.argv[1:] if w.startswith("--")}
    if not words:
        sys.exit("usage: %s DAUB [--all] [--table] [NAME...]" % sys.argv[0])
    for tool in "ffmpeg", "ffprobe":
        if not shutil.which(tool):
            print("skipped: %s is not installed" % tool)
            sys.exit(harness.SKIPPED)
    harness.DAUB = os.path.abspath(words.pop(0))
    SERVER = Server()
    for part in places, rates, sounds, pictures:
        part()
    if "--all" in options:
        more()
    rows = [r for r in ROWS + MORE if not words or any(r.name.startswith(w) or r.group == w for w in words)]
    folder = tempfile.mkdtemp(prefix="daub-conversions-")
    began = time.monotonic()
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda pair: convert(pair[1], os.path.join(folder, str(pair[0]))), enumerate(rows)))
    finally:
        shutil.rmtree(folder, True)
    failed = [r for r in results if r.problems]
    if "--table" in options:
        print_table(results)
    for r in results:
        if r.skipped:
            print("not made: %s: %s" % (r.row.name, r.skipped), file=sys.stderr)
    for r in failed:
        print("FAILED: %s %s: %s" % (r.row.group, r.row.name, "; ".join(r.problems)), file=sys.stderr)
    print("%d conversions, %d failed, %d inputs could not be made, %.0f s" % (
        len(results), len(failed), sum(bool(r.skipped) for r in results), time.monotonic() - began), file=sys.stderr)
    # some encoders of --all are not in every FFmpeg
    made = [r for r in results if not r.skipped]
    sys.exit(1 if failed or not made or (len(made) < len(results) * 0.9 and "--all" not in options) else 0)


if __name__ == "__main__":
    main()
