"""check_hardening.py PROCESSOR FILE...: readelf finds in every program and library what the compiler and the
linker can do against the use of memory faults: position independence, no writable code, relocations that
are bound at the start and read-only afterwards, stack protection, checked calls of the C library, and on
x86 the marks of control flow."""
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
ENDBR64 = bytes.fromhex('f30f1efa')
FUNCTIONS_MIN = 300  # that each of the files has


def missing(processor, path):
    def read(option):
        return subprocess.run(['readelf', '-W', option, path], capture_output=True, text=True, check=True,
                              env=dict(os.environ, LC_ALL='C')).stdout

    header, segments, dynamic, symbols = read('-h'), read('-l'), read('-d'), read('--dyn-syms')
    stack = re.search(r'GNU_STACK .*', segments)
    found = {
        'position independence': 'Type:                              DYN' in header
                                 and ('INTERP' not in segments or 'PIE' in dynamic),
        'a stack without code': stack and 'RWE' not in stack.group(),
        'no segment that is writable and executable': 'RWE' not in segments,
        'relocations that become read-only': 'GNU_RELRO' in segments,
        'relocations bound at the start': re.search(r'FLAGS.*\bNOW\b', dynamic),
        'stack protection (-fstack-protector-strong)': '__stack_chk_fail' in symbols,
        'checked calls (_FORTIFY_SOURCE)': re.search(r'__\w+_chk@', symbols),
    }
    if re.fullmatch('x86_64|AMD64|i.86', processor):
        # Debian's start files lack the note that readelf -n shows, so the instructions are counted
        with open(path, 'rb') as file:
            found['control-flow marks (-fcf-protection)'] = file.read().count(ENDBR64) >= FUNCTIONS_MIN
    return [what for what, there in found.items() if not there]


def main():
    processor, *paths = sys.argv[1:]
    if not shutil.which('readelf'):
        print('skipped: readelf is not installed')
        return SKIPPED
    lacks = {path: missing(processor, path) for path in paths}
    for path, what in lacks.items():
        print(f'{path}: {"lacks " + ", ".join(what) if what else "complete"}')
    return 1 if any(lacks.values()) or not paths else 0


sys.exit(main())
