# Completions of daub for bash; made by daub_describe.
_daub_models() { daub models 2>/dev/null | sed -n 's/^\([^ ]*\): .*/\1/p'; }
_daub_styles() { daub models 2>/dev/null | sed -n 's/^   - \([^:]*\): .*/\1/p'; }
_daub() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local command=paint words= files=
    if [ "$COMP_CWORD" -gt 1 ]; then
        case ${COMP_WORDS[1]} in
        bench|models|style|model|metrics|plan|segment|join|farm|ctl|devices|doctor) command=${COMP_WORDS[1]} ;;
        esac
    fi
    case $prev in
    -i|--input) files=1 ;;
    -ss) return ;;
    -to) return ;;
    -t) return ;;
    --frames) return ;;
    -framerate) return ;;
    --camera-size) return ;;
    --camera-fps) return ;;
    --camera-format) return ;;
    --target-fps) return ;;
    --max-latency) return ;;
    --hwaccel) return ;;
    --deinterlace) words="auto off" ;;
    --gaps) words="hold skip" ;;
    -o|--output) files=1 ;;
    --control) files=1 ;;
    --vcam-matrix) words="bt601 bt709" ;;
    -f|--format) return ;;
    --flow) files=1 ;;
    --plot) files=1 ;;
    --gallery) files=1 ;;
    --dump) words="graph plan" ;;
    --check) return ;;
    -m|--model) words=$(_daub_models); files=1 ;;
    --model-range) words="1 255 -1..1" ;;
    --style-model) files=1 ;;
    -s|--style) words=$(_daub_styles); files=1 ;;
    --strength) return ;;
    --boldness) return ;;
    --temporal) words="off stats flow" ;;
    --stability) return ;;
    --scene-threshold) return ;;
    --size) return ;;
    --out-size) return ;;
    -g|--gpu) return ;;
    --precision) words="auto fp16 fp32" ;;
    --kernels) return ;;
    --threads) return ;;
    -c:v|--encoder) return ;;
    -crf) return ;;
    -preset) return ;;
    -b:v) return ;;
    -pix_fmt) return ;;
    -e|--encoder-option) return ;;
    --segment-frames) return ;;
    --split) return ;;
    --warm-up) return ;;
    --tasks) return ;;
    --progress) words="auto json none" ;;
    --log-level) words="quiet error warning info verbose debug" ;;
    --preset) return ;;
    *)
        case $cur in
        -*)
            case $command in
            paint) words=" -i --input --recursive -ss -to -t --frames -framerate --camera-size --camera-fps --camera-format --realtime --target-fps --max-latency --hwaccel --deinterlace --gaps -copyts --allow-filters -o --output --vcam --window --no-window --fullscreen --mirror --control --vcam-matrix -f --format --strict --no-verify -y -n -an -sn -m --model --model-range --style-model -s --style --strength --boldness --keep-colors --colors-only --temporal --stability --scene-threshold --size --out-size -g --gpu --precision --kernels --threads --validation --no-cache -c:v --encoder -crf -preset -b:v -pix_fmt -e --encoder-option --segments --resume --segment-frames --split --warm-up --any-device --progress -v --verbose -q --quiet --log-level --preset --no-config --dump-config -V --version -h --help" ;;
            bench) words=" --frames -m --model --model-range --style-model --temporal --size -g --gpu --precision --kernels --threads --validation --no-cache --layers --switch-styles -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            models) words=" -i --input -ss --gallery -y -m --model --model-range --style-model --boldness --size -g --gpu --precision --threads -v --verbose -q --quiet --log-level --preset --no-config --dump-config -V --version -h --help" ;;
            style) words=" -o --output -y -m --model --style-model -g --gpu --threads -v --verbose -q --quiet --log-level --preset --no-config --dump-config -V --version -h --help" ;;
            model) words=" --dump --check --model-range --style-model -s --style --boldness --size -g --gpu --precision --kernels --validation --no-cache -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            metrics) words=" --frames --flow --plot -y -g --gpu --threads -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            plan) words=" -ss -to -t --frames -framerate --deinterlace --gaps -copyts --allow-filters -o --output -f --format --strict --no-verify -y -an -sn -m --model --model-range --style-model -s --style --strength --boldness --keep-colors --colors-only --temporal --stability --scene-threshold --size --out-size -g --gpu --precision --kernels --threads -c:v --encoder -crf -preset -pix_fmt -e --encoder-option --segment-frames --split --warm-up --status --progress -v --verbose -q --quiet --log-level --preset --no-config --dump-config -V --version -h --help" ;;
            segment) words=" -g --gpu --threads --any-device --tasks --progress -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            join) words=" -o --output -y --progress -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            farm) words=" -o --output --tasks -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            ctl) words=" -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            devices) words=" -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            doctor) words=" -m --model --model-range --style-model --kernels --validation --no-cache --check-steps -v --verbose -q --quiet --log-level -V --version -h --help" ;;
            esac ;;
        *)
            files=1
            [ "$COMP_CWORD" = 1 ] && words="bench models style model metrics plan segment join farm ctl devices doctor" ;;
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$cur"))
}
complete -o filenames -F _daub daub
