"""The manual page and the completions of bash, zsh and fish: they are what daub_describe makes of the
option table, and each shell offers every option of every command.
descriptions.py DAUB [unittest arguments]; DESCRIBE: daub_describe."""

import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import run

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
FILES = {"man": "docs/daub.1", "bash": "docs/completions/daub.bash", "zsh": "docs/completions/_daub",
         "fish": "docs/completions/daub.fish"}
COMMANDS = ["paint", "bench", "models", "style", "model", "metrics", "plan", "segment", "join", "farm", "ctl",
            "devices", "doctor"]


def options(command):
    """Those that --help names."""
    words = [harness.DAUB] + ([] if command == "paint" else [command]) + ["--help"]
    found = set()
    for line in run(words).stdout.decode().splitlines():
        names = re.match(r"  (-\S+?)(?:, (-\S+))?(?: \S+)?(?:\s{2,}|$)", line)
        if names:
            found.update(name for name in names.groups() if name)
    return found


class Descriptions(harness.Case):
    def setUp(self):
        super().setUp()
        os.symlink(harness.DAUB, self.path("daub"))
        self.environment = dict(os.environ, PATH=self.folder + ":" + os.environ["PATH"], HOME=self.folder,
                                TERM="dumb")

    def ask(self, shell, text):
        if not shutil.which(shell):
            self.skipTest(shell + " is not installed")
        done = subprocess.run([shell, "-c", text] if shell != "zsh" else [shell, "-f", "-c", text], timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment, cwd=self.folder)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode()

    def test_current(self):
        for kind, path in FILES.items():
            made = run([os.environ["DESCRIBE"], kind]).stdout.decode()
            with open(os.path.join(ROOT, path)) as file:
                self.assertEqual(file.read(), made, "make %s anew: daub_describe %s > %s" % (path, kind, path))

    def test_manual(self):
        with open(os.path.join(ROOT, FILES["man"])) as file:
            text = file.read().replace("\\-", "-")
        for command in COMMANDS:
            for option in options(command):
                self.assertIn("\\fB%s\\fR" % option, text)
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        done = run(["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(ROOT, FILES["man"])])
        self.assertEqual(done.stderr, b"")

    def test_bash(self):
        script = os.path.join(ROOT, FILES["bash"])
        for command in COMMANDS:
            words = "daub -" if command == "paint" else "daub %s -" % command
            got = self.ask("bash", "compopt() { :; }; . %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                           "_daub; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (script, words)).split()
            self.assertEqual(set(got), options(command), command)
        got = self.ask("bash", ". %s; COMP_WORDS=(daub --precision f); COMP_CWORD=2; _daub; echo ${COMPREPLY[@]}" % script)
        self.assertEqual(got.split(), ["fp16", "fp32"])
        got = self.ask("bash", ". %s; COMP_WORDS=(daub -s great); COMP_CWORD=2; _daub; echo ${COMPREPLY[@]}" % script)
        self.assertEqual(set(got.split()), {"great-wave"})
        got = self.ask("bash", ". %s; COMP_WORDS=(daub seg); COMP_CWORD=1; _daub; echo ${COMPREPLY[@]}" % script)
        self.assertEqual(got.split(), ["segment"])

    def test_fish(self):
        load = "source %s; " % os.path.join(ROOT, FILES["fish"])
        for command in COMMANDS:
            line = "daub " if command == "paint" else "daub %s " % command
            got = set()
            for start in "-", "--":
                out = self.ask("fish", load + "complete -C '%s%s'" % (line, start))
                got.update(row.split("\t")[0] for row in out.splitlines())
            self.assertEqual({o.lstrip("-") for o in options(command)}, {o.lstrip("-") for o in got}, command)
        self.assertEqual([row.split("\t")[0] for row in self.ask(
            "fish", load + "complete -C 'daub --precision f'").splitlines()], ["fp16", "fp32"])
        self.assertIn("great-wave", self.ask("fish", load + "complete -C 'daub --style great'"))

    def test_zsh(self):
        """A zsh in a pseudo terminal, whose completer prints what it offers."""
        folder = os.path.dirname(os.path.join(ROOT, FILES["zsh"]))
        with open(self.path("ask.zsh"), "w") as file:
            file.write("""zmodload zsh/zpty
zpty z zsh -f -i
line=
until_word() { local got; while zpty -r z got; do print -r -- "$got"; [[ $got = *$1* ]] && break; done }
zpty -w z 'PS1=; fpath=(%s $fpath); autoload -U compinit; compinit -u -D; zstyle ":completion:*" list-prompt ""'
zpty -w z 'LISTMAX=100000; setopt no_always_last_prompt; compadd() { local -a all; builtin compadd -O all "$@";
    print -rl -- $all >>offered; builtin compadd "$@" }'
zpty -w z 'print ready-$((40 + 2))'
until_word ready-42 >/dev/null
sleep 0.3
zpty -n -w z "$1"$'\\t'
# what is typed during a completion ends it
integer size=-1 rounds=0
until [[ -s offered && $(wc -c <offered) -eq size ]] || (( ++rounds > 100 )); do
    size=$(wc -c <offered 2>/dev/null || print -- -1)
    sleep 0.3
done
zpty -n -w z $'\\x15'
zpty -w z 'print done-$((40 + 2))'
until_word done-42 >/dev/null
zpty -d z
""" % folder)
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        for command in COMMANDS:
            line = "daub -" if command == "paint" else "daub %s -" % command
            if os.path.exists(self.path("offered")):
                os.unlink(self.path("offered"))
            run(["zsh", "-f", self.path("ask.zsh"), line], env=self.environment, cwd=self.folder)
            with open(self.path("offered")) as file:
                got = {word.strip().replace("\\", "") for word in file.read().splitlines()}
            self.assertFalse(options(command) - got, command)


if __name__ == "__main__":
    harness.main()
