#!/usr/bin/python3
"""Prints the tables of docs/measured.md from the logs of drivers.sh: drivers_table.py [FOLDER]

FOLDER is build/drivers where none is given."""

import os
import re
import sys


def read(path):
    """{step: (passed, count)}, {operators: [dB with floats, dB with halves]} of the least over steps"""
    steps, noise, step = {}, {}, None
    for line in open(path, encoding="utf-8", errors="replace"):
        if match := re.match(r"== [^,]*, (\S+)", line):
            step = match[1]
            steps[step] = "not finished"
        elif match := re.match(r"(\d+) of (\d+) programs passed", line):
            steps[step] = f"{match[1]} of {match[2]}"
        elif match := re.match(r" +(.+?) +worst error .*signal-to-noise fp32 (\S+) dB, fp16 (\S+) dB", line):
            least = noise.setdefault((step if step.startswith("host-") else "", match[1]), [1e9, 1e9])
            for i in 0, 1:
                value = float(match[2 + i])
                least[i] = min(least[i], value) if value < 1e9 else least[i]
    return steps, noise


def decibels(values, both):
    floats, halves = (f"{v:.1f}" if v < 1e9 else "" for v in values)
    return (floats or "exact") + (f" / {halves or '-'}" if both else "")


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../../build/drivers")
    logs = {name[:-4]: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".log")}
    names = []
    for steps, _ in logs.values():
        names += [n for n in steps if n not in names]
    table(["driver"] + names, [[d] + [steps.get(n, "-") for n in names] for d, (steps, _) in logs.items()])
    columns = [(d, s) for d, (_, noise) in logs.items() for s in dict.fromkeys(k[0] for k in noise)]
    operators = dict.fromkeys(k[1] for _, noise in logs.values() for k in noise)
    table(["operators"] + [s or d for d, s in columns],
          [[o] + [decibels(logs[d][1][s, o], not s) if (s, o) in logs[d][1] else "-" for d, s in columns]
           for o in operators])


if __name__ == "__main__":
    main()
