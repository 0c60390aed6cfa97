"""What an input's name or content may reach: no files by filters, no network by a playlist on standard
input; an existing file of the literal name comes first."""

import os
import socket

import harness
from harness import ffmpeg, frames, testsrc

DONE, USAGE, INPUT = 0, 2, 4


class Policy(harness.Case):
    def setUp(self):
        super().setUp()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")

    def test_filters(self):
        ffmpeg(*testsrc(1), "in.mp4")
        before = sorted(os.listdir("."))
        for graph in ("testsrc2=d=1,metadata=print:file=x", "testsrc2=d=1,metadata=mode=print:fi\\le=x",
                      "testsrc2=d=1,metadata@a=mode=print:file=x", "testsrc2=d=1 , metadata = print:file=x",
                      "testsrc2=d=1[a];[a]'meta'data=print:file=x", "testsrc2=d=1,ssim=f=x", "movie=in.mp4",
                      "testsrc2=d=1,metadata=mode=print:file =x", "testsrc2=d=1,curves=preset=vintage:plot=x",
                      "testsrc2=d=1,drawtext=textfile=in.mp4", "testsrc2=d=1,lut3d=in.mp4",
                      "testsrc2=d=1,sendcmd=f=in.mp4", "life=in.mp4", "testsrc2=d=1,vidstabdetect=result=x",
                      "sws_flags=bilinear;testsrc2=d=1,signature=filename=x"):
            with self.subTest(graph):
                text, _ = self.daub("lavfi:" + graph, "-o", "out.mkv", code=USAGE)
                self.assertIn("--allow-filters allows it", text)
                self.assertEqual(sorted(os.listdir(".")), before)
        self.daub("lavfi:testsrc2=d=1,metadata=print:file=x", "--allow-filters", "-o", "out.mkv")
        self.assertTrue(os.path.exists("x"))

    def test_harmless_filters(self):
        for graph in ("testsrc2=s=96x64:d=1,noise=alls=20:allf=t", "life=s=96x64:r=25:mold=10,trim=duration=1",
                      "testsrc2=s=96x64:d=1[a];smptebars=s=96x64:d=1[b];[a][b]hstack",
                      "testsrc2=s=96x64:d=1,lutyuv='y=negval'"):
            with self.subTest(graph):
                self.daub("lavfi:" + graph, "-y", "-o", "out.mkv")
                self.assertEqual(len(frames("out.mkv")), 25)

    def test_literal_name(self):
        for name in "lavfi:color=red", "concat:x", "a:b.mkv":
            ffmpeg(*testsrc(1), "in.mkv")
            os.rename("in.mkv", name)
            self.daub(name, "-y", "-o", "out.mkv")
            self.assertEqual(len(frames("out.mkv")), 25)

    def test_playlist_on_standard_input(self):
        server = socket.socket()
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        server.settimeout(1)
        ffmpeg(*testsrc(1), "-c:v", "mpeg2video", "a.ts")
        for name in "http://127.0.0.1:%d/a.ts" % server.getsockname()[1], "file:" + self.path("a.ts"), self.path("a.ts"):
            playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n" % name
            self.daub("-", "-o", "out.mkv", code=INPUT, input=playlist.encode())
        self.assertRaises(socket.timeout, server.accept)


if __name__ == "__main__":
    harness.main()
