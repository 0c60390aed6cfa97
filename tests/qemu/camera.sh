# Runs in the virtual machine, as root, in the shared folder: records what camera.py then
# checks outside, where programs start fast. $name.code and $name.log tell how each run ended.
daub=./daub
run() { # NAME SECONDS daub's words: a run that may not last longer
    name=$1 limit=$2
    shift 2
    timeout "$limit" $daub "$@" -y >"$name.log" 2>&1
    echo $? >"$name.code"
}
start() { # NAME daub's words: in the background; returns when it has been painting for a while
    name=$1 waited=0
    shift
    $daub "$@" -y --progress json >"$name.log" 2>&1 &
    process=$!
    until grep -q '"frame":[1-9]' "$name.log" || [ $waited = 60 ]; do
        sleep 1
        waited=$((waited + 1))
    done
    sleep 2
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
start replug cam:0 $capture -o replug.mkv
run busy 20 cam:0 --camera-format rgb3 --frames 5 -o x.mkv
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
sleep 2
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
stop replug

# A fault of the stream, by the driver's own means.
start fault cam:0 $capture -o fault.mkv
v4l2-ctl -d /dev/video0 -c inject_fatal_streaming_error=1
stop fault

# Smaller faults, and a device that goes without its file going.
start refusals cam:0 $capture -o refusals.mkv
for fault in percentage_of_dropped_buffers=50 percentage_of_dropped_buffers=0 \
    inject_v4l2_buf_flag_error=1 inject_vidioc_qbuf_error=1 disconnect=1; do
    v4l2-ctl -d /dev/video0 -c $fault
    sleep 1
done
stop refusals
v4l2-ctl -d /dev/video0 -c inject_vidioc_reqbufs_error=1
run buffers 20 cam:0 -o x.mkv
v4l2-ctl -d /dev/video0 -c inject_vidioc_streamon_error=1
run starting 20 cam:0 -o x.mkv

# Stopped while the camera is away.
start away cam:0 $capture -o away.mkv
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
writer=$!
sleep 12
run mjpg 40 cam:Loop --frames 12 $capture -o mjpg.mkv
kill $writer
wait $writer

# Into the virtual camera, which ffmpeg has just left as one that takes nothing.
look() { # NAME: what any other program sees
    ffmpeg -v error -f v4l2 -i /dev/video10 -frames:v 10 -c:v ffv1 -y "$1.mkv" >"$1.ffmpeg" 2>&1
}
v4l2-ctl -d /dev/video10 --info >before.log 2>&1
bars=lavfi:smptebars=size=640x360:rate=15
start vcam $bars -o vcam:
look vcam
run second 20 lavfi:smptebars=size=320x180 -o /dev/video10
kill -KILL $process
wait $process
start again $bars -o /dev/video10
look again
stop again
v4l2-ctl -d /dev/video10 --info >after.log 2>&1

run real 20 lavfi:smptebars -o /dev/video0
run absent 20 lavfi:smptebars -o /dev/video7
chmod 600 /dev/video10
setpriv --reuid=65534 --regid=65534 --clear-groups $daub lavfi:smptebars -o /dev/video10 >locked.log 2>&1
echo $? >locked.code
exit 0
