"""cross_compile.py COMPILER ROOT BUILD: a cross compiler compiles every source of ROOT/src without a
message, with the options of the build in the folder BUILD. Libraries' headers are this machine's.
tests/arch makes the whole program."""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

SKIPPED = 77


def compile(compiler, own_headers, entry):
    """What the compiler says about the file; None: nothing."""
    command = re.sub(f'(-I|-isystem) ?{re.escape(own_headers)}(?=[ /])', f'-idirafter {own_headers}', entry['command'])
    command = command.replace(' -fcf-protection', '')  # only x86 has it
    # This machine's headers come behind those of the other processor's C library. SDL's configuration
    # there would have immintrin.h included.
    more = ['-idirafter', own_headers, '-idirafter', '/usr/include', '-DSDL_DISABLE_IMMINTRIN_H', '-Werror',
            '-fsyntax-only']
    done = subprocess.run([compiler, *shlex.split(command)[1:], *more], cwd=entry['directory'],
                          capture_output=True, text=True)
    if done.returncode == 0 and not done.stderr:
        return None
    return f"{entry['file']}:\n{done.stderr}"


def main():
    compiler, root, build = sys.argv[1:]
    if not shutil.which(compiler):
        print(f'skipped: {compiler} is not installed; .ci/install cross does that')
        return SKIPPED
    with open(build + '/compile_commands.json', encoding='utf-8') as file:
        entries = json.load(file)
    # The host kernels are compiled for other instruction sets of x86, too.
    entries = [e for e in entries if e['file'].startswith(root + '/src/') and ' -mavx' not in e['command']]
    system = subprocess.run(['gcc', '-print-multiarch'], capture_output=True, text=True, check=True).stdout.strip()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda entry: compile(compiler, '/usr/include/' + system, entry), entries)
        bad = [text for text in said if text]
    for text in bad:
        print(text)
    print(f'{len(entries) - len(bad)} of {len(entries)} files compile with {compiler} without a message')
    return 1 if bad or not entries else 0


sys.exit(main())
