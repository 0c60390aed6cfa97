/* Prints the manual page or a shell's completions, made from the tables of options and
 * commands: daub_describe man|bash|zsh|fish. The results are kept in docs/; the
 * test "descriptions" compares them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"

static const char *name_of(const struct command *command)
{
    return command->name ? command->name : "paint";
}

/* The names of all commands but painting, which has none. */
static void print_commands(const char *between)
{
    for (size_t i = 1; i < command_count; i++)
        printf("%s%s", i > 1 ? between : "", commands[i].name);
}

/* Calls visit for every option of the command. */
static void each_option(const struct command *command,
                        void (*visit)(const struct option_info *option,
                                      const struct command *command))
{
    struct option_info option;
    for (size_t i = 0; options_describe(i, &option); i++) {
        if (option.verbs & command->verb)
            visit(&option, command);
    }
}

/* ---- the manual page ---- */

/* Text in which nothing is a request or an escape of roff. */
static void print_roff(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\\')
            fputs("\\e", stdout);
        else if (*c == '-')
            fputs("\\-", stdout);
        else if ((*c == '.' || *c == '\'') && c == text)
            printf("\\&%c", *c);
        else if (*c == '~')
            fputs("\\(ti", stdout);
        else
            putchar(*c);
    }
}

static void man_option(const struct option_info *option, const struct command *command)
{
    (void)command;
    fputs(".TP\n\\fB", stdout);
    print_roff(option->name);
    fputs("\\fR", stdout);
    if (option->alias) {
        fputs(", \\fB", stdout);
        print_roff(option->alias);
        fputs("\\fR", stdout);
    }
    if (option->argument) {
        fputs(" \\fI", stdout);
        print_roff(option->argument);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_roff(option->help);
    putchar('\n');
}

static void man_section(const struct option_info *option, const struct command *command)
{
    static const char *section;
    if (option->section && option->section != section) {
        section = option->section;
        printf(".SS %s\n", section);
    }
    man_option(option, command);
}

static void print_man(void)
{
    printf(".TH DAUB 1 \"\" \"daub %s\" \"User Commands\"\n", daub_version());
    fputs(".SH NAME\ndaub \\- paint video with a neural network\n.SH SYNOPSIS\n", stdout);
    for (size_t i = 0; i < command_count; i++) {
        fputs(i ? ".br\n.B daub " : ".B daub\n.RI [ options ]\n", stdout);
        if (i) {
            print_roff(commands[i].name);
            fputs("\n.RI [ options ]\n", stdout);
        }
        print_roff(commands[i].operands);
        fputs(*commands[i].operands ? "\n" : "", stdout);
    }
    fputs(".SH DESCRIPTION\n"
          "daub paints every frame of a video, a camera, an image or a stream in the "
          "style\n"
          "of a painting and keeps the painting steady from frame to frame. It runs on "
          "any\n"
          "graphics card with Vulkan, and on the processor where there is none. Without "
          "an\n"
          "output a window shows the painting.\n.PP\n"
          "Where an option means the same as in ffmpeg it has the same name. Names may "
          "begin\n"
          "with one dash or two, and\n.BI \\-name= value\nis the same as\n"
          ".BI \\-name\\  value .\n.SH COMMANDS\n",
          stdout);
    for (size_t i = 0; i < command_count; i++) {
        printf(".TP\n.B %s\n", commands[i].name ? commands[i].name : "(none)");
        print_roff(commands[i].summary);
        putchar('\n');
    }
    fputs(".SH OPTIONS\n", stdout);
    each_option(&commands[0], man_section);
    for (size_t i = 1; i < command_count; i++) {
        fputs(".SH OPTIONS OF ", stdout);
        for (const char *c = commands[i].name; *c; c++)
            putchar(toupper((unsigned char)*c));
        putchar('\n');
        each_option(&commands[i], man_option);
    }
    fputs(
        ".SH EXIT STATUS\n"
        ".TP\n0\ndone\n.TP\n1\nfailed while running\n.TP\n2\nthe command line is wrong\n"
        ".TP\n3\nno usable device\n.TP\n4\nthe input cannot be read\n"
        ".TP\n5\nthe output cannot be written, or exists and was not to be replaced\n"
        ".TP\n130\ninterrupted; the file is playable up to there\n"
        ".SH FILES\n.TP\n.I ~/.config/daub/config\noptions and presets\n"
        ".TP\n.I ~/.cache/daub\ncompiled kernels and checks of devices; may be removed\n"
        ".SH EXAMPLES\n"
        ".EX\n"
        "daub clip.mp4 \\-o painted.mp4 \\-s great\\-wave\n"
        "daub cam:0 \\-\\-vcam\n"
        "daub photos/ \\-o painted/ \\-s udnie\n"
        ".EE\n",
        stdout);
}

/* ---- bash ---- */

static void bash_word(const struct option_info *option, const struct command *command)
{
    (void)command;
    printf(" %s", option->name);
    if (option->alias)
        printf(" %s", option->alias);
}

/* What completes the option's value: a shell's words for it. */
enum value_kind {
    VALUE_NONE,
    VALUE_CHOICE,
    VALUE_MODEL,
    VALUE_STYLE,
    VALUE_FILE,
    VALUE_ANY
};

static enum value_kind value_kind(const struct option_info *option)
{
    if (!option->argument)
        return VALUE_NONE;
    if (option->choices)
        return VALUE_CHOICE;
    if (strcmp(option->name, "-m") == 0)
        return VALUE_MODEL;
    if (strcmp(option->name, "-s") == 0)
        return VALUE_STYLE;
    if (strstr(option->argument, "FILE") || strstr(option->argument, "SHEET") ||
        strstr(option->argument, "SOCKET") || strstr(option->argument, "PATTERN"))
        return VALUE_FILE;
    return VALUE_ANY;
}

static void print_choices(const struct option_info *option)
{
    for (int i = 0; option->choices[i]; i++)
        printf("%s%s", i ? " " : "", option->choices[i]);
}

static void bash_values(const struct option_info *option)
{
    enum value_kind kind = value_kind(option);
    if (kind == VALUE_NONE)
        return;
    printf("    %s%s%s) ", option->name, option->alias ? "|" : "",
           option->alias ? option->alias : "");
    if (kind == VALUE_CHOICE) {
        fputs("words=\"", stdout);
        print_choices(option);
        fputs("\" ;;\n", stdout);
    } else if (kind == VALUE_MODEL) {
        fputs("words=$(_daub_models); files=1 ;;\n", stdout);
    } else if (kind == VALUE_STYLE) {
        fputs("words=$(_daub_styles); files=1 ;;\n", stdout);
    } else if (kind == VALUE_FILE) {
        fputs("files=1 ;;\n", stdout);
    } else {
        fputs("return ;;\n", stdout);
    }
}

static void print_bash(void)
{
    struct option_info option;
    fputs("# Completions of daub for bash; made by daub_describe.\n"
          "_daub_models() { daub models 2>/dev/null | sed -n 's/^\\([^ ]*\\): .*/\\1/p'; "
          "}\n"
          "_daub_styles() { daub models 2>/dev/null | sed -n 's/^   - \\([^:]*\\): "
          ".*/\\1/p'; }\n"
          "_daub() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command=paint words= files=\n"
          "    if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
          "        case ${COMP_WORDS[1]} in\n        ",
          stdout);
    print_commands("|");
    fputs(") command=${COMP_WORDS[1]} ;;\n        esac\n    fi\n    case $prev in\n",
          stdout);
    for (size_t i = 0; options_describe(i, &option); i++)
        bash_values(&option);
    fputs("    *)\n        case $cur in\n        -*)\n            case $command in\n",
          stdout);
    for (size_t i = 0; i < command_count; i++) {
        printf("            %s) words=\"", name_of(&commands[i]));
        each_option(&commands[i], bash_word);
        fputs("\" ;;\n", stdout);
    }
    fputs("            esac ;;\n        *)\n            files=1\n"
          "            [ \"$COMP_CWORD\" = 1 ] && words=\"",
          stdout);
    print_commands(" ");
    fputs("\" ;;\n        esac ;;\n    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
          "}\ncomplete -o filenames -F _daub daub\n",
          stdout);
}

/* ---- zsh ---- */

/* Inside '...' and [...] of _arguments. */
static void print_zsh(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (*text == '[' || *text == ']' || *text == ':')
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void zsh_spec(const struct option_info *option, const char *name)
{
    static const char *const actions[] = {
        [VALUE_MODEL] = "_daub_models",
        [VALUE_STYLE] = "_daub_styles",
        [VALUE_FILE] = "_files",
        [VALUE_ANY] = " ",
    };
    enum value_kind kind = value_kind(option);
    fputs("        '*", stdout);
    print_zsh(name);
    putchar('[');
    print_zsh(option->help);
    putchar(']');
    if (kind != VALUE_NONE) {
        putchar(':');
        print_zsh(option->argument);
        putchar(':');
        if (kind == VALUE_CHOICE) {
            putchar('(');
            print_choices(option);
            putchar(')');
        } else {
            fputs(actions[kind], stdout);
        }
    }
    fputs("'\n", stdout);
}

static void zsh_option(const struct option_info *option, const struct command *command)
{
    (void)command;
    zsh_spec(option, option->name);
    if (option->alias)
        zsh_spec(option, option->alias);
}

static void print_zsh_file(void)
{
    fputs("#compdef daub\n# Completions of daub for zsh; made by daub_describe.\n"
          "_daub_models() {\n"
          "    local names=(${(f)\"$(daub models 2>/dev/null | sed -n 's/^\\([^ ]*\\): "
          ".*/\\1/p')\"})\n"
          "    compadd -a names; _files -g '*.onnx'\n}\n"
          "_daub_styles() {\n"
          "    local names=(${(f)\"$(daub models 2>/dev/null | sed -n 's/^   - "
          "\\([^:]*\\): .*/\\1/p')\"})\n"
          "    compadd -a names; _files\n}\n"
          "local command=paint\nlocal -a specs\n"
          "if (( CURRENT > 2 )); then\n    case $words[2] in\n    ",
          stdout);
    print_commands("|");
    fputs(") command=$words[2] ;;\n    esac\nfi\ncase $command in\n", stdout);
    for (size_t i = 0; i < command_count; i++) {
        printf("%s) specs=(\n", name_of(&commands[i]));
        each_option(&commands[i], zsh_option);
        fputs("    ) ;;\n", stdout);
    }
    fputs("esac\nif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    compadd",
          stdout);
    putchar(' ');
    print_commands(" ");
    fputs("\nfi\n_arguments -S $specs '*:file:_files'\n", stdout);
}

/* ---- fish ---- */

static void print_fish_text(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_name(const char *name)
{
    const char *bare = name + strspn(name, "-");
    printf(" -%c %s", name[1] == '-' ? 'l' : bare[1] ? 'o' : 's', bare);
}

static void fish_option(const struct option_info *option, const struct command *command)
{
    enum value_kind kind = value_kind(option);
    printf("complete -c daub -n '__daub_command %s'", name_of(command));
    fish_name(option->name);
    if (option->alias)
        fish_name(option->alias);
    if (kind == VALUE_FILE) {
        fputs(" -r -F", stdout);
    } else if (kind == VALUE_MODEL || kind == VALUE_STYLE) {
        printf(" -r -F -a '(__daub_%s)'", kind == VALUE_MODEL ? "models" : "styles");
    } else if (kind != VALUE_NONE) {
        fputs(" -x", stdout);
        if (kind == VALUE_CHOICE) {
            fputs(" -a '", stdout);
            print_choices(option);
            putchar('\'');
        }
    }
    fputs(" -d ", stdout);
    print_fish_text(option->help);
    putchar('\n');
}

static void print_fish(void)
{
    fputs("# Completions of daub for fish; made by daub_describe.\n"
          "function __daub_models\n"
          "    daub models 2>/dev/null | string match -r -g '^([^ ]*): '\nend\n"
          "function __daub_styles\n"
          "    daub models 2>/dev/null | string match -r -g '^   - ([^:]*): '\nend\n"
          "function __daub_command\n"
          "    set -l words (commandline -opc)\n"
          "    set -l commands",
          stdout);
    putchar(' ');
    print_commands(" ");
    fputs("\n    if set -q words[2]; and contains -- $words[2] $commands\n"
          "        test $words[2] = $argv[1]\n    else\n        test paint = $argv[1]\n"
          "    end\nend\n",
          stdout);
    for (size_t i = 1; i < command_count; i++) {
        printf("complete -c daub -n '__fish_is_nth_token 1' -a %s -d ", commands[i].name);
        print_fish_text(commands[i].summary);
        putchar('\n');
    }
    for (size_t i = 0; i < command_count; i++)
        each_option(&commands[i], fish_option);
}

int main(int count, char **arguments)
{
    const char *what = count == 2 ? arguments[1] : "";
    if (strcmp(what, "man") == 0)
        print_man();
    else if (strcmp(what, "bash") == 0)
        print_bash();
    else if (strcmp(what, "zsh") == 0)
        print_zsh_file();
    else if (strcmp(what, "fish") == 0)
        print_fish();
    else
        fputs("usage: daub_describe man|bash|zsh|fish\n", stderr);
    return fflush(stdout) == 0 && *what ? EXIT_SUCCESS : EXIT_FAILURE;
}
