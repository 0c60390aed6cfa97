# Runs in the virtual machine, as root, in the shared folder: records what camera.py then
# checks outside, where programs start fast. $name.code and $name.log tell how each run ended.
daub=./daub
run() { # NAME SECONDS daub's words: a run that may not last longer
    name=$1 limit=$2
    shift 2
    timeout "$limit" $daub "$@" -y >"$name.log" 2>&1
    echo $? >"$name.code"
}
start() { # NAME daub's words: in the background, until it has painted for a while
    name=$1
    shift
    $daub cam:0 "$@" -o "$name.mkv" -y >"$name.log" 2>&1 &
    process=$!
    sleep 9
}
stop() { # NAME: some seconds from now
    sleep 4
    kill -TERM $process
    wait $process
    echo $? >"$1.code"
}
capture="-c:v ffv1 --camera-size 640x360"

$daub devices >devices.log 2>&1
for format in yuyv uyvy nv12 yu12 rgb3 grey; do
    run $format 40 cam:0 --camera-format $format --frames 12 $capture -o $format.mkv
done
run auto 40 cam:vivid --frames 12 -v -c:v ffv1 --camera-size 1000x600 -o auto.mkv

run missing 20 cam:7 -o x.mkv
run unknown 20 cam:nobody -o x.mkv
run output 20 /dev/video10 -o x.mkv
run wrong 20 cam:0 --camera-format mjpg -o x.mkv
chmod 600 /dev/video0
setpriv --reuid=65534 --regid=65534 --clear-groups $daub cam:0 -o /tmp/x.mkv >forbidden.log 2>&1
echo $? >forbidden.code

# Unplugged and plugged in again, with another program asking for it in between.
start replug $capture
run busy 20 cam:0 --camera-format rgb3 --frames 5 -o x.mkv
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
sleep 2
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
stop replug

# A fault of the stream, by the driver's own means.
start fault $capture
v4l2-ctl -d /dev/video0 -c inject_fatal_streaming_error=1
stop fault

# Stopped while the camera is away.
start away $capture
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
sleep 1
before=$(date +%s%N)
kill -TERM $process
wait $process
echo $? >away.code
echo $((($(date +%s%N) - before) / 1000000)) >away.ms
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind

# A camera that sends MJPEG.
ffmpeg -v error -re -f lavfi -i smptebars=size=640x360:rate=15 -pix_fmt yuvj422p -c:v mjpeg \
    -q:v 2 -f v4l2 /dev/video10 >ffmpeg.log 2>&1 &
sleep 12
run mjpg 40 cam:Loop --frames 12 $capture -o mjpg.mkv
kill %1
exit 0
