import assert from 'node:assert/strict';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contrast } from '../../src/documents/contrast.ts';
import { firstLineOf, type Sample, type SampleTaskName } from '../support/sampleTasks.ts';
import { openWindow, pictureFailure } from './window.ts';
import { allThemes, type Theme, type Workbench } from './workbench.ts';
import { LiveTask } from './liveTask.ts';
import { WrittenTasks } from './writtenTasks.ts';

/** What a person sees of a task's output, read from the page. */
describe('The output of a task', () => {
  const scope = new AsyncDisposableStack();
  let workbench: Workbench;
  let sample: Sample;
  const written = new WrittenTasks();

  before(async () => {
    ({ workbench, sample } = await openWindow(scope));
  });

  after(async () => {
    await scope.disposeAsync();
  });

  afterEach(async function () {
    await pictureFailure(workbench, this.currentTest);
    await workbench.runCommand('View: Close All Editors');
    written.remove();
  });

  async function open(name: SampleTaskName): Promise<void> {
    await workbench.openOutput(sample.tasks[name]!.taskId);
  }

  for (const theme of allThemes) {
    it(`has the terminal's colours of a ${theme} theme on the right text`, async () => {
      await workbench.setTheme(theme);
      await open('test');
      const green = await workbench.themeColor('terminal.ansiGreen');
      const red = await workbench.themeColor('terminal.ansiRed');
      assert.notEqual(green, red);
      await workbench.textHasColor('✔', green);
      await workbench.textHasColor('failing', red);
      await workbench.textHasColor('Error', red);
      const plain = await workbench.lookOf('empty');
      assert.ok(plain.color !== green && plain.color !== red);
      assert.ok(existsSync(await workbench.screenshot('output')));
      await workbench.setTheme('dark');
    });
  }

  it('has no colour, box or line that no program made', async () => {
    const text = [
      '2026-01-02T03:04:05.678Z [error] "quoted" \'single\' 42 0x1f true null',
      'WARN 10.0.0.1 e2b5a1f0-0000-4000-8000-000000000000 #ff0000 rgb(0, 128, 0)',
      '    at Object.run ((a[b{c}]))  Exception: ‘gcc’ says —',
      '        indented',
      'word word word',
    ];
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      stdout: `${text.join('\n')}\n`,
    });
    for (const theme of ['light', 'dark'] satisfies Theme[]) {
      await workbench.setTheme(theme);
      await workbench.openOutput(taskId);
      await workbench.editorShows('indented');
      // On a word: others like it are not marked.
      await workbench.runCommand('View: Focus Active Editor Group');
      await workbench.page.keyboard.press('Control+End');
      await workbench.page.keyboard.press('ArrowUp');
      // What an editor draws by itself comes a moment later; that nothing comes can't be awaited.
      await workbench.page.waitForTimeout(1000);
      const editor = workbench.editor();
      assert.deepEqual(await workbench.textColors(), [
        await workbench.themeColor('editor.foreground'),
      ]);
      for (const drawn of [
        '.colorpicker-color-decoration',
        '[class*=ced-colorBox]',
        '.unicode-highlight',
        '.wordHighlightText',
        '.wordHighlight',
        '.bracket-match',
        '.core-guide',
      ]) {
        assert.equal(await editor.locator(drawn).count(), 0, drawn);
      }
      await workbench.screenshot('plain');
    }
  });

  it('has each of very many colours, or one that looks nearly the same', async () => {
    let stdout = '';
    for (let row = 0; row < 32; row += 1) {
      for (let column = 0; column < 60; column += 1) {
        const color = [row * 8, column * 4, 128].join(';');
        stdout += `\x1b[38;2;${color}mx`;
      }
      stdout += '\x1b[0m\n';
    }
    const { taskId } = written.write({ storage: sample.storageDirectory, stdout });
    await workbench.openOutput(taskId);
    const plain = await workbench.themeColor('editor.foreground');
    const colors = await workbench.until(async () => {
      const found = await workbench.textColors();
      return found.length > 110 && !found.includes(plain) ? found : undefined;
    }, 'Not all is coloured');
    // Of its own, and of the palette: never one for each.
    assert.ok(colors.length <= 96 + 240, String(colors.length));
    await workbench.screenshot('many-colours');
  });

  it('can be read in colours that no theme defines, on whatever theme is put', async () => {
    const sgr = (parameters: string, text: string): string => `\x1b[${parameters}m${text}\x1b[0m\n`;
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      stdout:
        sgr('38;2;255;255;200', 'pale') +
        sgr('38;2;0;0;60', 'deep') +
        sgr('38;5;226', 'yellow') +
        sgr('38;5;17', 'navy') +
        sgr('38;2;0;0;60;1', 'bold') +
        sgr('7;38;2;255;255;200', 'turned') +
        sgr('48;2;255;255;200', 'paper') +
        sgr('48;5;17', 'water') +
        sgr('38;2;0;0;60;48;2;0;0;80', 'abyss'),
    });
    await workbench.openOutput(taskId);
    const number = (css: string): number => {
      const [red, green, blue] = css.match(/\d+/g)!.map(Number);
      return red! * 65536 + green! * 256 + blue!;
    };
    const painted = { turned: 0xffffc8, paper: 0xffffc8, water: 0x5f, abyss: 80 };
    for (const theme of allThemes) {
      await workbench.setTheme(theme);
      const background = number(await workbench.themeColor('editor.background'));
      const texts = { pale: background, deep: background, yellow: background, navy: background };
      for (const [text, behind] of Object.entries({ ...texts, bold: background, ...painted })) {
        await workbench.until(async () => {
          const { color } = await workbench.lookOf(text);
          return contrast(number(color), behind) >= 4.5 ? true : undefined;
        }, `${text} can’t be read in a ${theme} theme`);
      }
      await workbench.screenshot('contrast');
    }
    await workbench.setTheme('dark');
  });

  it('has the colours of a terminal capture, of the palette and of no palette', async () => {
    await workbench.setTheme('dark');
    await open('colours');
    await workbench.textHasColor('256', 'rgb(255, 135, 0)');
    await workbench.textHasColor('true', 'rgb(120, 200, 40)');
    const inverse = await workbench.lookOf('inverse');
    assert.equal(inverse.color, await workbench.themeColor('editor.background'));
    const behind = await workbench.themeColor('editor.foreground');
    assert.ok((await workbench.backgrounds()).includes(behind));
    assert.equal((await workbench.lookOf('bold')).weight, '700');
    await workbench.screenshot('terminal-capture');
  });

  it('keeps its colours in a second editor and when its tab comes back', async () => {
    await open('test');
    const green = await workbench.themeColor('terminal.ansiGreen');
    await workbench.runCommand('View: Split Editor Right');
    for (const group of ['Left', 'Right']) {
      await workbench.runCommand(`View: Focus ${group} Editor Group`);
      await workbench.textHasColor('✔', green);
    }
    await workbench.runCommand('View: Close All Editors in Group');
    await workbench.runCommand('File: New Untitled Text File');
    await workbench.runCommand('View: Open Previous Editor');
    await workbench.textHasColor('✔', green);
  });

  it('has its colours, links and folds when the window is loaded anew', async () => {
    const file = pathToFileURL(join(sample.projectDirectory, 'src', 'cart.ts')).href;
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      record: { workdir: sample.projectDirectory, projectRoot: sample.projectDirectory },
      stdout: `\x1b[31mred\x1b[0m in src/prices.ts:8:36\n\x1b]8;;${file}\x1b\\the cart\x1b]8;;\x1b\\\n`,
      stderr: 'more\n',
    });
    await workbench.openOutput(taskId);
    const red = await workbench.themeColor('terminal.ansiRed');
    const has = async (selector: string, count: number): Promise<void> => {
      await workbench.until(
        async () => (await workbench.editor().locator(selector).count()) === count || undefined,
        `There are not ${count} of ${selector}`,
      );
    };
    const isWhole = async (): Promise<void> => {
      await workbench.textHasColor('red', red);
      await has('.view-line .detected-link', 2);
      await has('.margin .codicon-folding-expanded', 2);
    };
    await isWhole();
    await workbench.reload();
    await isWhole();
    await workbench.screenshot('loaded-anew');
  });

  it('says above and below the text how the task ended, and what can be done', async () => {
    await open('test');
    const lenses = workbench.editor().locator('.codelens-decoration');
    await lenses
      .filter({ hasText: /exit 1/ })
      .first()
      .waitFor();
    const text = await lenses.first().innerText();
    assert.match(text, /Open raw/);
    assert.match(text, /Open in terminal/);
    await workbench.until(
      async () => ((await workbench.textBeside()).includes('exit 1, after') ? true : undefined),
      'The end is not told',
    );
  });

  it('is followed, until one scrolls up, and again from the end on', async () => {
    await open('watch');
    const { page } = workbench;
    const box = (await workbench.editor().boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    // Enough lines that there is something to scroll.
    await workbench.until(
      async () => ((await workbench.firstLineNumber()) > 3 ? true : undefined),
      'The end is not followed',
    );
    await workbench.screenshot('following');
    // In steps, as a wheel turns: the last line is on screen for the first of them. Text that comes
    // between them may bring the end before the extension knows of them.
    await workbench.until(async () => {
      for (let step = 0; step < 20; step += 1) await page.mouse.wheel(0, -200);
      return (await workbench.firstLineNumber()) === 1 ? true : undefined;
    }, 'It can’t be scrolled');
    const shown = await workbench.editorText();
    // The task writes every 0.4 s.
    await page.waitForTimeout(2000);
    assert.equal(await workbench.firstLineNumber(), 1);
    assert.equal(await workbench.editorText(), shown);
    await workbench.runCommand('View: Focus Active Editor Group');
    await page.keyboard.press('Control+End');
    const end = await workbench.firstLineNumber();
    await workbench.until(
      async () => ((await workbench.firstLineNumber()) > end ? true : undefined),
      'The end is not followed again',
    );
  });

  it('keeps its reader’s place when earlier output is loaded', async () => {
    await workbench.setSetting('aftTasks.output.window', 64);
    await workbench.row(firstLineOf('build')).waitFor();
    await open('log');
    const first = (await workbench.editorText()).split('\n')[5]!;
    await workbench.editor().locator('.codelens-decoration a', { hasText: 'Load earlier' }).click();
    await workbench.until(
      async () => ((await workbench.firstLineNumber()) > 100 ? true : undefined),
      'Nothing was loaded',
    );
    const shown = await workbench.editorShows(first);
    assert.ok(shown.includes(first));
    await workbench.screenshot('earlier');
    await workbench.setSetting('aftTasks.output.window', undefined);
    await workbench.row(firstLineOf('build')).waitFor();
  });

  it('has links to the files that it names, which say once that a file is not there', async () => {
    await open('lint');
    const line = workbench.editor().locator('.view-line', { hasText: '9:9' });
    const box = (await line.locator('.detected-link').first().boundingBox())!;
    // The editor draws a link anew under the pointer, so there is no element that stays.
    const follow = async (): Promise<void> => {
      await workbench.page.keyboard.down('Control');
      await workbench.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      await workbench.page.keyboard.up('Control');
    };
    const file = join(sample.projectDirectory, 'src', 'cart.ts');
    renameSync(file, `${file}.away`);
    try {
      await follow();
      await workbench.notification(/cart\.ts was not found/);
    } finally {
      renameSync(`${file}.away`, file);
    }
    await follow();
    await workbench.editorShows('const unused = 0');
    assert.equal((await workbench.notifications()).length, 1);
    await workbench.clearNotifications();
  });

  for (const theme of ['dark', 'light'] satisfies Theme[]) {
    it(`is replayed in a terminal in a ${theme} theme, with links to files`, async () => {
      await workbench.setTheme(theme);
      await open('test');
      await workbench.runCommand('AFT Tasks: Open Output in Terminal');
      const shown = await workbench.terminalShows('exit 1, after');
      assert.match(shown, /✔ counts are multiplied\n.*✘ an unknown article/);
      assert.match(shown, /=== stderr ===\nError: No price for ink\n/);
      await workbench.screenshot('replay');
      // Where it was shown before, it is shown again.
      await workbench.runCommand('View: Focus Active Editor Group');
      await workbench.runCommand('AFT Tasks: Open Output in Terminal');
      assert.equal(await workbench.page.locator('.terminal-wrapper').count(), 1);
      await workbench.clickTerminalLink('src/prices.ts:8:36');
      await workbench.editorShows('No price for ${article}');
      await workbench.page.getByText('Ln 8, Col 36').waitFor();
      await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
      await workbench.setTheme('dark');
    });
  }

  it('is replayed with the colours of each stream, and takes no input', async () => {
    using task = new LiveTask(sample.storageDirectory, 'make two colours', {
      stdout: '\x1b[32mgreen 1\n',
      stderr: '\x1b[31mred 1\n',
    });
    await workbench.openOutput(task.taskId);
    await workbench.runCommand('AFT Tasks: Open Output in Terminal');
    await workbench.terminalShows('red 1');
    task.write({ stdout: 'green 2\n' });
    await workbench.terminalShows('green 2');
    task.write({ stderr: 'red 2\n' });
    await workbench.terminalShows('red 2');
    const terminal = workbench.page.locator('.terminal-wrapper.active');
    await terminal.locator('.xterm-screen').click();
    await workbench.page.keyboard.type('exit');
    await workbench.page.keyboard.press('Enter');
    task.write({ stdout: 'green 3\n' });
    const shown = await workbench.terminalShows('green 3');
    assert.equal(
      shown,
      [
        ...['=== stdout ===', 'green 1', '=== stderr ===', 'red 1', '=== stdout ===', 'green 2'],
        ...['=== stderr ===', 'red 2', '=== stdout ===', 'green 3'],
      ].join('\n'),
    );
    // A terminal makes colours of the theme easier to read: which ones, is its matter.
    const colors: string[] = [];
    for (const name of ['green', 'red', '===']) {
      const texts = terminal.locator('.xterm-rows span', { hasText: name });
      const [color = '', ...others] = new Set(await workbench.colorsOf(texts));
      assert.deepEqual(others, []);
      colors.push(color);
    }
    assert.equal(new Set(colors).size, 3);
    await workbench.screenshot('replay-two-streams');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });

  it('is replayed with the links of its document', async () => {
    const workdir = sample.projectDirectory;
    const prices = pathToFileURL(join(workdir, 'src', 'prices.ts')).href;
    const link = (target: string, text: string): string =>
      `\x1b]8;;${target}\x07${text}\x1b]8;;\x07`;
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      record: { workdir, projectRoot: workdir, command: 'npx eslint' },
      stdout:
        'src/cart.ts\n  9:9  error  unused is assigned and never read\n\n' +
        `See ${link(`${prices}#L8,36`, 'the list of prices')}.\n` +
        'src/prices.ts\n  8:3  error  twice\n\nsrc/cart.ts\n  8:3  error  twice\n',
    });
    await workbench.openOutput(taskId);
    await workbench.runCommand('AFT Tasks: Open Output in Terminal');
    await workbench.terminalShows('exit 0');
    await workbench.clickTerminalLink('9:9');
    await workbench.editorShows('const unused = 0');
    await workbench.page.getByText('Ln 9, Col 9').waitFor();
    await workbench.screenshot('replay-heading');
    await workbench.clickTerminalLink('the list of prices');
    await workbench.page.getByText('Ln 8, Col 36').waitFor();
    await workbench.screenshot('replay-program-link');
    await workbench.clickTerminalLink('8:3');
    await workbench.quickPickRows().filter({ hasText: 'src/cart.ts:8:3' }).waitFor();
    await workbench.screenshot('replay-which');
    await workbench.quickPickRows().filter({ hasText: 'src/cart.ts:8:3' }).click();
    await workbench.page.getByText('Ln 8, Col 3').waitFor();
    await workbench.editorShows('const unused = 0');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });

  it('of a terminal is replayed with the links of lines that are wrapped', async () => {
    const workdir = sample.projectDirectory;
    const prices = pathToFileURL(join(workdir, 'src', 'prices.ts')).href;
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      record: { workdir, projectRoot: workdir, mode: 'pty', ptyRows: 12, ptyCols: 30 },
      pty:
        'src/cart.ts\r\n  9:9  error\t日本 unused is assigned ' +
        `\x1b]8;;${prices}#L8,36\x1b\\the prices\x1b]8;;\x1b\\ and more to be wrapped\r\n`,
    });
    await workbench.openOutput(taskId);
    await workbench.runCommand('AFT Tasks: Open Output in Terminal');
    await workbench.terminalShows(/日本 unused is\n assigned the prices/);
    await workbench.clickTerminalLink('the prices');
    await workbench.page.getByText('Ln 8, Col 36').waitFor();
    await workbench.clickTerminalLink('9:9');
    await workbench.editorShows('const unused = 0');
    await workbench.page.getByText('Ln 9, Col 9').waitFor();
    await workbench.screenshot('replay-wrapped');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });

  it('has links to the web that lead where they say, in a document and in a terminal', async () => {
    const address = 'https://x.test/a%26b%2Fc%20d%C3%A9?q=%20%2B%23&u=http%3A%2F%2Fy.test%2F#%2F';
    const [text, words] = [`in ${address} here`, 'behind these words'];
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      stdout: `${text}\n\x1b]8;;${address}\x1b\\${words}\x1b]8;;\x1b\\\n`,
    });
    const opened = async (): Promise<void> => {
      assert.equal(await workbench.openedSite(), address);
    };
    await workbench.catchSites();
    await workbench.openOutput(taskId);
    for (const shown of ['x.test', words]) {
      const line = workbench.editor().locator('.view-line', { hasText: shown });
      const box = (await line.locator('.detected-link').first().boundingBox())!;
      await workbench.page.keyboard.down('Control');
      await workbench.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      await workbench.page.keyboard.up('Control');
      await opened();
    }
    await workbench.runCommand('AFT Tasks: Open Output in Terminal');
    await workbench.terminalShows('exit 0');
    for (const shown of [address, words]) {
      await workbench.clickTerminalLink(shown);
      await opened();
    }
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });

  it('of a terminal is replayed in its size, and followed', async () => {
    await open('monitor');
    await workbench.runCommand('AFT Tasks: Open Output in Terminal');
    const first = await workbench.terminalShows(/\w/);
    await workbench.until(
      async () => ((await workbench.terminalText()) === first ? undefined : true),
      'The terminal shows nothing new',
    );
    await workbench.screenshot('replay-monitor');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
    // The task itself goes on.
    await workbench.row(/monitor\.sh.*running/).waitFor();
  });
});
