#!/bin/sh
# Paints a film on a Slurm cluster: an array job paints the segments, a second job joins them.
# "daub farm slurm" does the same; this script is for changing it. Everything must be in a folder
# that all nodes see.
#   sh slurm.sh INPUT OUTPUT [option of daub plan]...
set -eu
input=$1 output=$2
shift 2
plan=$output.plan
most_tasks=1000 # Slurm's MaxArraySize is 1001 by default

daub plan "$input" -o "$plan" -f "${output##*.}" "$@"
segments=$(grep -c '"warm_up"' "$plan")
tasks=$((segments < most_tasks ? segments : most_tasks))

paint=$(sbatch --parsable --job-name=daub-paint --array="0-$((tasks - 1))" --requeue \
    --output="$plan.%a.log" --open-mode=append <<END
#!/bin/sh
#SBATCH --cpus-per-task=4
exec daub segment '$plan' --tasks $tasks --progress none
END
)
sbatch --job-name=daub-join --dependency="afterok:$paint" --kill-on-invalid-dep=yes \
    --output="$plan.join.log" <<END
#!/bin/sh
exec daub join '$plan' -o '$output' --progress none
END
