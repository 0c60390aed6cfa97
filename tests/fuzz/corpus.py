"""corpus.py FOLDER: seeds for the fuzz targets, a folder for each."""
import os
import shutil
import struct
import subprocess
import sys


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


def options(folder):
    lines = [
        (0, 'in.mkv -o out.mp4 -ss 1:02:03.5 -t 300ms --frames 10 -y -an -sn'),
        (0, '-i lavfi:testsrc2 --window --fullscreen --mirror --control sock --target-fps 24.5'),
        (0, 'cam:0 --camera-size 640x360 --camera-fps 30 --camera-format nv12 --vcam --vcam-matrix bt709'),
        (0, 'in%04d.png -framerate 30000/1001 -o out%04d.png -m lite -s wave=0.5,sky=2 --strength 0.5 --boldness 1'),
        (0, 'a -o b -c:v libx264 -crf 20.5 -preset slow -pix_fmt yuv420p -b:v 2.5M -e key=value -e g=12 -f mp4'),
        (0, '--size 720p --out-size 50% --stability 0.5 --temporal flow --scene-threshold 0.3 --gpu 1 --precision fp16'),
        (0, '--log-level debug -v -q --progress json --threads 4 --kernels shaders -- -o'),
        (1, '-m lite --size 640x360 --layers --frames 100'),
        (2, '--gallery sheet.png in.png a.jpg'),
        (3, 'picture.jpg -o row.json'),
        (4, 'file.onnx --dump plan --size 64x64'),
        (5, 'a.mkv b.mkv c.mkv --flow flow_%04d.flo --plot p.svg'),
        (6, 'in.mkv -o film.plan --segment-frames 20 --split 100 --warm-up 4 -crf 20'),
        (7, 'film.plan 3 --tasks 7 --any-device'),
        (8, 'film.plan -o out.mkv'),
        (9, 'slurm film.plan -o out.mkv -- --partition=p'),
        (10, 'sock {"status":true}'),
        (11, '--validation'),
        (12, '-m x.onnx --check-steps'),
    ]
    for i, (command, text) in enumerate(lines):
        write(folder, f'{i}', bytes([command]) + b'\0'.join(text.encode().split(b' ')) + b'\0')
    write(folder, 'bytes', b'\0--size\0\x1b[31m\xff\xfe\0-s\0\xc2\x9b\0')


def control(folder):
    def say(client, text, leaves=False):
        data = text if isinstance(text, bytes) else text.encode()
        return bytes([client | (0x80 if leaves else 0), len(data)]) + data

    write(folder, 'look', say(0, '{"style":"wave","strength":0.5,"stability":1,"boldness":0.2}\n') +
          say(1, '{"status":true}\n'))
    write(folder, 'flags', say(0, '{"bypass":true,"pause":true}\n{"pause":false,"colors":"keep"}\n') + say(0, '{"sta') +
          say(0, 'tus":true}\n', True))
    write(folder, 'files', say(2, '{"record":"a\\u001b.mkv","picture":true}\n') + say(2, '{"record":false}\n') +
          say(3, '{"quit":true}\n'))
    write(folder, 'bad', say(4, '{"style":"nothing","strength":2}\n[]\nnull\n{"x":1}\n') +
          say(5, b'{"style":"\xff\xfe\xc2\x9b"}\n') + say(5, '{"style":"\\ud800\\u0000"}\n'))
    write(folder, 'long', b''.join(say(6, 'x' * 255) for _ in range(20)))
    write(folder, 'many', b''.join(say(i, '{"status":true}\n') for i in range(10)))


def media(folder, ffmpeg):
    os.makedirs(folder, exist_ok=True)
    cases = [
        (0, 'mkv', '-c:v mpeg4 -c:a flac -f matroska'),
        (1, 'mp4', '-c:v mpeg4 -c:a aac -f mp4'),
        (2, 'fragments', '-c:v mpeg4 -c:a aac -movflags frag_keyframe+empty_moov -f mp4'),
        (3, 'mov', '-c:v prores -c:a pcm_s16le -f mov'),
        (0, 'avi', '-c:v mjpeg -c:a pcm_s16le -f avi'),
        (1, 'gif', '-an -f gif'),
        (2, 'nut', '-c:v ffv1 -c:a flac -f nut'),
        (3, 'flv', '-c:v flv -c:a mp3 -f flv'),
        (0, 'y4m', '-an -f yuv4mpegpipe'),
        (0x20, 'seek', '-c:v mpeg4 -c:a flac -f matroska'),
        (0xe0, 'start', '-c:v mpeg4 -c:a flac -f matroska'),
        (0, 'rotated', '-c:v mpeg4 -metadata:s:v rotate=90 -an -f mov'),
        (0, 'webm', '-c:v libvpx -c:a libvorbis -deadline realtime -f webm'),
    ]
    cases = [(choice, name, '-f lavfi -i testsrc2=s=32x24:r=10:d=0.4 -f lavfi -i sine=d=0.4 ' + words)
             for choice, name, words in cases]
    still = '-f lavfi -i testsrc2=s=32x24:r=10:d=0.4 '
    cases += [
        (3, 'ts', still + '-c:v mpeg2video -f mpegts'),
        (4, 'png', still + '-frames:v 1 -f image2pipe -c:v png'),
        (4, 'apng', still + '-f apng'),
        (4, 'jpeg', still + '-frames:v 1 -f image2pipe -c:v mjpeg'),
        (4, 'webp', still + '-frames:v 1 -f image2pipe -c:v libwebp'),
        (4, 'bmp', still + '-frames:v 1 -f image2pipe -c:v bmp'),
        (4, 'tiff', still + '-frames:v 1 -f image2pipe -c:v tiff'),
        (5, 'h264', still + '-c:v libx264 -x264-params keyint=2 -f h264'),
    ]
    for choice, name, words in cases:
        done = subprocess.run([ffmpeg, '-v', 'error', '-fflags', '+bitexact', *words.split(), '-'], capture_output=True)
        if done.returncode == 0 and done.stdout:
            write(folder, name, bytes([choice]) + done.stdout)
        elif '-f mp4' in words or '-f mov' in words:  # these are not written to pipes
            path = os.path.join(folder, 'temporary')
            if subprocess.run([ffmpeg, '-v', 'error', '-y', *words.split(), path]).returncode == 0:
                with open(path, 'rb') as file:
                    write(folder, name, bytes([choice]) + file.read())
            if os.path.exists(path):
                os.remove(path)


def playlist(folder):
    write(folder, 'hls', b'\1#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n'
          b'#EXTINF:1.0,\na.ts\n#EXTINF:1.0,\nin.m3u8\n#EXT-X-ENDLIST\n')
    write(folder, 'master', b'\1#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES,URI="in.m3u8"\n'
          b'#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a"\nin.m3u8\n')
    write(folder, 'key', b'\1#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:1/k",IV=0x01\n'
          b'#EXT-X-MAP:URI="data:,a"\n#EXT-X-BYTERANGE:10@0\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n')
    write(folder, 'concat', b'\2ffconcat version 1.0\nfile a.mkv\nduration 1.5\ninpoint 0.5\noutpoint 1\nfile in.ffconcat\n'
          b'stream\nexact_stream_id 1\noption safe 0\nfile_packet_meta a b\nchapter 1 0 1\n')
    write(folder, 'sdp', b'\6v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 1 RTP/AVP 96\n'
          b'a=rtpmap:96 H264/90000\n')
    write(folder, 'dash', b'\7<?xml version="1.0"?>\n<MPD mediaPresentationDuration="PT1S" type="static"><Period>'
          b'<AdaptationSet contentType="video"><Representation id="0" bandwidth="1"><BaseURL>in.mpd</BaseURL>'
          b'<SegmentList duration="1"><SegmentURL media="a.ts"/></SegmentList></Representation></AdaptationSet>'
          b'</Period></MPD>\n')


def flo(folder):
    def flow(value):
        return b'PIEH' + struct.pack('<ii', 16, 16) + struct.pack('<512f', *[value] * 512)

    for name, value in ('still', 0), ('half', 0.5), ('far', 1e30), ('unknown', float('nan')), ('infinite', float('inf')):
        write(folder, name, flow(value))
    write(folder, 'size', b'PIEH' + struct.pack('<ii', 0x7fffffff, -1) + b'\0' * 64)


def sheet(folder):
    write(folder, 'plain', bytes([95, 53]) + b'Input\nwave: The Great Wave\nsky')
    write(folder, 'odd', bytes([0, 0]) + b'%{metadata:x}\n\\\':,;[]\n\xff\xc2\x9b\x1b[31m\n\xe2\x80\xae')
    write(folder, 'many', bytes([255, 255]) + b'\n' * 40)


def cache(folder):
    write(folder, 'same', b'\0')
    write(folder, 'checksum', b'\0\x50\1\x58\2')
    write(folder, 'short', b'\x20')
    write(folder, 'raw', b'\1daubc02\0' + b'\xff' * 120)


def main():
    root = sys.argv[1]
    shutil.rmtree(root, ignore_errors=True)
    for target in options, control, playlist, flo, sheet, cache:
        target(os.path.join(root, target.__name__))
    ffmpeg = shutil.which('ffmpeg')
    if ffmpeg:
        media(os.path.join(root, 'media'), ffmpeg)


main()
