import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Real files, so that the links in the tasks' output lead somewhere. */
const files: Readonly<Record<string, string>> = {
  'README.md': '# Shop\n\nA sample project: its agents run the commands in `scripts/`.\n',
  'src/cart.ts': `import { priceOf } from './prices.ts';

export interface Line {
  readonly article: string;
  readonly count: number;
}

export function total(lines: readonly Line[]): number {
  const unused = 0;
  return lines.reduce((sum, line) => sum + line.count * priceOf(line.article), 0);
}
`,
  'src/prices.ts': `const prices = new Map([
  ['pen', 120],
  ['paper', 450],
]);

export function priceOf(article: string): number {
  const price = prices.get(article);
  if (price === undefined) throw new Error(\`No price for \${article}\`);
  return price;
}
`,
  'tools/import.py': `import csv
import sys


def run(path):
    with open(path) as file:
        for row in csv.reader(file):
            print(row[2])


run(sys.argv[1])
`,
  'scripts/build.sh': `printf '\\033[1mbuild\\033[0m shop@2.4.0\\n'
sleep 0.2
printf '\\033[33mwarning\\033[0m \\033[36msrc/cart.ts\\033[0m:9:9 - unused variable\\n'
printf 'src/prices.ts(7,9): info: narrowed from string | undefined\\n' 1>&2
sleep 0.2
printf '\\033[32mbuilt\\033[0m 14 modules in 412 ms\\n'
`,
  'scripts/test.sh': `printf '  \\033[1mcart\\033[0m\\n'
printf '    \\033[32m✔\\033[0m an empty cart costs nothing\\n'
printf '    \\033[32m✔\\033[0m counts are multiplied\\n'
printf '    \\033[31m✘\\033[0m an unknown article is refused\\n\\n'
printf '  2 passing, \\033[31m1 failing\\033[0m\\n'
{
  printf '\\033[31mError: No price for ink\\033[0m\\n'
  printf '    at priceOf (src/prices.ts:8:36)\\n'
  printf '    at total (%s/src/cart.ts:10:61)\\n' "$PWD"
} 1>&2
exit 1
`,
  'scripts/lint.sh': `printf '\\033[4m%s/src/cart.ts\\033[0m\\n' "$PWD"
printf '  9:9  \\033[31merror\\033[0m  unused is assigned and never read  \\033[2mno-unused-vars\\033[0m\\n\\n'
printf '\\033[31m1 problem\\033[0m, see https://eslint.org/docs/latest/rules/no-unused-vars\\n'
exit 2
`,
  'scripts/import.sh': `echo 'Traceback (most recent call last):' 1>&2
echo '  File "tools/import.py", line 8, in run' 1>&2
echo 'IndexError: list index out of range' 1>&2
exit 1
`,
  'scripts/serve.sh': `echo 'serving on http://127.0.0.1:4173/'
while :; do sleep 1; done
`,
  'scripts/log.sh': `i=0
while [ $i -lt 20000 ]; do
  i=$((i + 1))
  echo "line $i of a long log, with some padding text to make it a few bytes longer"
done
`,
  // The two that go on are bounded: they end by themselves should nobody be left to end them.
  'scripts/watch.sh': `i=0
while [ $i -lt 20000 ]; do
  i=$((i + 1))
  case $((i % 10)) in
    3) printf '\\033[33mchanged\\033[0m src/cart.ts:9:9, building again\\n' ;;
    4) printf '\\033[32mbuilt\\033[0m in %s ms\\n' $((200 + i % 90)) ;;
    7) printf '\\033[31merror\\033[0m \\033[36msrc/prices.ts:8:36\\033[0m no price for ink (attempt %s)\\n' $i ;;
    9) printf 'still watching after %s checks\\n' $i 1>&2 ;;
    *) printf '\\033[2mcheck %s:\\033[0m 14 files, no change\\n' $i ;;
  esac
  sleep 0.4
done
`,
  'scripts/monitor.sh': `i=0
while [ $i -lt 20000 ]; do
  i=$((i + 1))
  load=$((i * 7 % 40))
  bar=$(printf '%*s' $load '' | tr ' ' '#')
  printf '\\r\\033[K\\033[1;36mload\\033[0m \\033[38;5;%sm%-40s\\033[0m %s%%' $((40 + load * 4)) "$bar" $((load * 100 / 40))
  [ $((i % 12)) = 0 ] && printf '\\n\\033[48;2;30;60;90m\\033[97m sample %s \\033[0m stored\\n' $i
  sleep 0.3
done
`,
  'scripts/colours.sh': `for code in 31 32 33 34 35 36; do
  printf '\\033[%sm colour %s \\033[1m bold \\033[0m' $code $code
done
printf '\\n\\033[38;5;208m256 colours\\033[0m \\033[38;2;120;200;40mtrue colour\\033[0m \\033[4;7munderlined, inverse\\033[0m\\n'
stty size
`,
  'scripts/download.sh': `i=0
while [ $i -le 100 ]; do
  printf '\\rdownloading fonts %3s%%' $i
  i=$((i + 5))
  sleep 0.05
done
printf '\\r\\033[K\\033[32mdownloaded\\033[0m 3 fonts\\n'
`,
};

export function writeSampleProject(directory: string): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}
