"""check_isa.py ROOT BUILD: of the objects of ROOT/src in the folder BUILD, only those that are compiled for AVX2
or AVX-512 have such instructions, and these objects define no name without their instruction set's suffix, so
the linker cannot take a function from them for one of the same name elsewhere."""
import json
import os
import re
import shlex
import subprocess
import sys

SKIPPED = 77
# AVX and later: mnemonics with v (verr and verw are older), and FMA, BMI and F16C with them.
NEWER = re.compile(r'^(v(?!err|erw)\w+|andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)$')


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def newer_instructions(path):
    """One line for each function that has some."""
    function, found = '?', {}
    for line in output('objdump', '-d', '--no-show-raw-insn', path).splitlines():
        words = line.split()
        if line.endswith('>:'):
            function = words[1][1:-2]
        elif len(words) > 1 and NEWER.match(words[1]):
            found.setdefault(function, words[1])
    return [f'{function} has {mnemonic}' for function, mnemonic in found.items()]


def names_without(suffix, path):
    """The names that the object gives to the linker, but for those with the suffix."""
    names = [line.split()[-1] for line in output('nm', '--defined-only', '--extern-only', path).splitlines()]
    return [f'{name} has no suffix {suffix}' for name in names if not name.endswith(suffix)]


def main():
    root, build = sys.argv[1:]
    with open(build + '/compile_commands.json', encoding='utf-8') as file:
        entries = json.load(file)
    if any('-march' in e['command'] for e in entries):
        print('skipped: the build is for one processor (-march)')
        return SKIPPED
    entries = [e for e in entries if e['file'].startswith(root + '/src/')]
    failures, sets = [], set()
    for entry in entries:
        words = shlex.split(entry['command'])
        path = os.path.join(entry['directory'], words[words.index('-o') + 1])
        isa = [word.split('=')[1] for word in words if word.startswith('-DHOST_ISA=')]
        if any(word.startswith('-mavx') for word in words):
            sets.update(isa)
            found = names_without('_' + isa[0], path) if isa else ['compiled for AVX without HOST_ISA']
            if not newer_instructions(path) and not path.endswith('table.c.o'):
                found.append('no AVX instruction was found: the check does not see them')
        else:
            found = newer_instructions(path)
        failures += [f'{path}: {what}' for what in found]
    print('\n'.join(failures) or f'{len(entries)} objects; only those of {" and ".join(sorted(sets))} have instructions of AVX and later')
    return 1 if failures or not sets else 0


sys.exit(main())
