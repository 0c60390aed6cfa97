#!/bin/sh
# Paints a film on a Slurm cluster: an array job paints the segments, a second job joins them.
# "daub farm slurm" does the same; this script is for changing it. Everything must be in a folder
# that all nodes see.
#   sh slurm.sh INPUT OUTPUT [option of daub plan]...
#   sh slurm.sh film.mkv painted.mkv -f matroska -s starry-night
set -eu
[ $# -ge 2 ] || { echo "usage: $0 INPUT OUTPUT [option of daub plan]..." >&2; exit 2; }
input=$1 output=$2
shift 2
export PLAN=$output.plan OUTPUT=$output # sbatch passes the environment to the jobs

daub plan "$input" -o "$PLAN" "$@"
segments=$(grep -c '"warm_up"' "$PLAN")
most=1000 # Slurm's MaxArraySize is 1001 by default
export TASKS=$((segments < most ? segments : most))

paint=$(sbatch --parsable --job-name=daub-paint --array="0-$((TASKS - 1))" --requeue \
    --output="$PLAN.%a.log" --open-mode=append <<'END'
#!/bin/sh
#SBATCH --cpus-per-task=4
exec daub segment "$PLAN" --tasks "$TASKS" --progress none
END
)
sbatch --job-name=daub-join --dependency="afterok:$paint" --kill-on-invalid-dep=yes \
    --output="$PLAN.join.log" <<'END'
#!/bin/sh
exec daub join "$PLAN" -o "$OUTPUT" --progress none
END
