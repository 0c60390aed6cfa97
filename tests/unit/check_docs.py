"""check_docs.py ROOT: the documents name what is there. Every relative link and heading anchor of
the Markdown files leads somewhere; every file and every C name that the documents on the code
mention exists."""
import glob
import os
import re
import sys

os.chdir(sys.argv[1])
ON_CODE = ['docs/design.md', 'docs/add-a-sink.md', 'docs/add-an-operator.md']
FILE = re.compile(r'[\w/.-]+\.(c|h|comp|glsl|txt|py|sh|json)')
failures = 0


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def fail(document, what):
    global failures
    failures += 1
    print(f'{document}: {what}')


def anchors(path):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.*)$', read(path), re.M)
    return [re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings]


def check_links(document):
    for link in re.findall(r'\]\(([^)\s]+)\)', read(document)):
        if '://' in link:
            continue
        path, _, anchor = link.partition('#')
        target = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
        if not os.path.exists(target):
            fail(document, f'the link {link} leads nowhere')
        elif anchor and anchor not in anchors(target):
            fail(document, f'{target} has no heading #{anchor}')


def check_names(document, files, code):
    text = re.sub(r'\s+', ' ', read(document))
    for word in re.findall(r'`([^`]+)`', text):
        if FILE.fullmatch(word) and 'NAME' not in word:
            if not any(path == word or path.endswith('/' + word) for path in files):
                fail(document, f'there is no file {word}')
        elif re.fullmatch(r'[a-z]+(_[a-z0-9]+)+', word) and word not in code:
            fail(document, f'the code has no name {word}')
    # `name` (`file`)  or  (`name`, `file`)
    for name, path in re.findall(r'`(\w+)`(?: \(|, )`([\w/]+\.[ch])`', text):
        if os.path.exists(path) and name not in re.findall(r'\w+', read(path)):
            fail(document, f'{path} has no name {name}')


def main():
    folders = 'src/*', 'include/daub', 'shaders', 'tests', 'tests/*', 'models', 'models/train', 'samples', 'samples/*'
    files = [path for folder in folders for path in glob.glob(folder + '/*') if os.path.isfile(path)]
    code = set()
    for path in files:
        if path.endswith(('.c', '.h', '.py', '.txt', '.comp', '.glsl', '.sh')):
            code.update(re.findall(r'\w+', read(path)))
            code.add(os.path.splitext(os.path.basename(path))[0])
    for document in glob.glob('*.md') + glob.glob('*/*.md') + glob.glob('models/*/*.md'):
        check_links(document)
    for document in filter(os.path.exists, ON_CODE):
        check_names(document, files, code)
    sys.exit(failures > 0)


main()
