import assert from 'node:assert/strict';
import type { Sample } from '../support/sampleTasks.ts';
import { openWindow, pictureFailure } from './window.ts';
import type { Workbench } from './workbench.ts';
import { WrittenTasks } from './writtenTasks.ts';

/** The tools on outputs, as a person uses them. */
describe('Tools on outputs', () => {
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

  const input = () => workbench.page.locator('.quick-input-widget:visible input').first();

  it('finds text in all outputs while it is typed, and opens at the line', async () => {
    await workbench.setTheme('light');
    await workbench.titleAction('Search Outputs');
    await input().fill('error: no price for ink');
    const found = workbench.quickPickRows().filter({ hasText: 'Error: No price for ink' });
    await found.first().waitFor();
    await workbench.screenshot('search-outputs');
    await found.first().click();
    await workbench.editorShows('Error: No price for ink');
    await workbench.page.locator('.editor-group-container.active .selected-text').first().waitFor();
    await workbench.setTheme('dark');
  });

  describe('before what a document shows', () => {
    const filling = `${'a line of the long output that nobody looks for'.padEnd(98)}\r\n`;
    /** More than the window of a finished task's document. */
    const long = filling.repeat(60_000);

    async function find(text: string): Promise<void> {
      await workbench.runCommand('AFT Tasks: Search Outputs');
      await input().fill(text);
      await workbench.quickPickRows().filter({ hasText: text }).first().click();
      await workbench.editorShows(text);
      const selected = workbench.page.locator('.editor-group-container.active .selected-text');
      await selected.first().waitFor();
      // Away from the tab, whose tooltip would cover the lenses.
      await workbench.page.mouse.move(640, 700);
    }

    for (const theme of ['light', 'dark'] as const) {
      it(`finds a line of a log with its colours, links and lenses (${theme})`, async () => {
        const red = '\x1b[1;31mFAILED\x1b[0m \x1b[36mtest/needle.ts:12:5\x1b[0m';
        const linked = '\x1b]8;;https://example.org/\x1b\\the report\x1b]8;;\x1b\\';
        written.write({
          storage: sample.storageDirectory,
          record: { command: 'npm run every-test' },
          stdout: `${long}\x1b[32mpassed\x1b[0m before it\n${red} see ${linked}\n${filling.repeat(30)}${long}`,
        });
        await workbench.setTheme(theme);
        await find('FAILED test/needle.ts:12:5 see the report');
        await workbench.textHasColor('passed', await workbench.themeColor('terminal.ansiGreen'));
        await workbench.textHasColor(
          'test/needle.ts:12:5',
          await workbench.themeColor('terminal.ansiCyan'),
        );
        await workbench.editor().locator('.detected-link', { hasText: 'the report' }).waitFor();
        await workbench.screenshot('search-excerpt');
        await workbench.page.keyboard.press('Control+Home');
        await workbench.editorShows(/before this are not shown/);
        await workbench.page.getByText('Open whole output').waitFor();
        await workbench.screenshot('search-excerpt-top');
        await workbench.page.getByText('Open whole output').click();
        await workbench.page.getByText('Load earlier').waitFor();
        await workbench.setTheme('dark');
      });
    }

    it('finds a text on a screen that a program drew', async () => {
      const frame = (percent: number, message: string): string =>
        '\x1b[H\x1b[2J\x1b[7m build of the shop                        q quit \x1b[0m' +
        `\x1b[3;3Hcompiling \x1b[32m${'█'.repeat(percent / 5)}\x1b[0m ${percent}%` +
        `\x1b[5;3H\x1b[33m${message}\x1b[0m\x1b[8;1H\x1b[2mlast line\x1b[0m`;
      const frames = (from: number): string =>
        Array.from({ length: 20_000 }, (_, at) => frame((from + at) % 100, 'all is well')).join('');
      written.write({
        storage: sample.storageDirectory,
        record: { mode: 'pty', ptyRows: 10, ptyCols: 60, command: 'build --watch' },
        pty: `${frames(0)}${frame(40, 'warning: the needle is bent')}${frames(41)}done\r\n`,
      });
      await find('the needle is bent');
      const yellow = await workbench.themeColor('terminal.ansiYellow');
      await workbench.textHasColor('warning: the needle', yellow);
      assert.match(await workbench.editorText(), /40%[\s\S]*needle is bent[\s\S]*last line/);
      await workbench.screenshot('search-excerpt-pty');
      await workbench.reload();
      await workbench.editorShows('the needle is bent');
      await workbench.textHasColor('warning: the needle', yellow);
    });
  });

  it('takes regular expressions, and says what is wrong with one', async () => {
    await workbench.runCommand('AFT Tasks: Search Outputs');
    await workbench.page.getByRole('button', { name: 'Regular Expression: off' }).click();
    await input().fill('line 1999[0-9] of .*log');
    const rows = workbench.quickPickRows();
    await rows.filter({ hasText: 'line 19990 of a long log' }).waitFor();
    await workbench.page.locator('.quick-input-title', { hasText: '10 lines' }).waitFor();
    await workbench.screenshot('search-outputs-regex');
    await input().fill('line (');
    await rows.filter({ hasText: 'Invalid regular expression' }).waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('stops a regular expression that runs away, and says so', async () => {
    const { taskId } = written.write({
      storage: sample.storageDirectory,
      record: { command: 'make a wall of letters' },
      stdout: `${'a'.repeat(5000)}!\n`,
    });
    await workbench.openOutput(taskId);
    await workbench.runCommand('AFT Tasks: Search Outputs');
    // The switch stays as the search before left it.
    await workbench.page.getByRole('button', { name: /^Regular Expression: o/ }).waitFor();
    const off = workbench.page.getByRole('button', { name: 'Regular Expression: off' });
    if (await off.isVisible()) await off.click();
    await input().fill('(a+)+$');
    await workbench
      .quickPickRows()
      .filter({ hasText: 'Stopped: the pattern took more than 5 s in one place' })
      .filter({ hasText: 'in stdout of “make a wall of letters”' })
      .waitFor();
    await workbench.screenshot('search-outputs-stopped');
    await workbench.page.getByRole('button', { name: 'Regular Expression: on' }).click();
    await workbench.page.keyboard.press('Escape');
  });

  it('compares a task with its previous run, in colours', async () => {
    const record = { command: 'make twice', workdir: '/tmp' };
    const now = Date.now();
    const green = '\x1b[32mpassed\x1b[0m';
    const [, last] = [
      { startedAt: now - 9000, stdout: `${green} in 10 ms\nsame\n` },
      { startedAt: now, stdout: `${green} in 20 ms\nsame\nnew\n` },
    ].map(({ startedAt, stdout }) =>
      written.write({
        storage: sample.storageDirectory,
        record: { ...record, startedAt },
        stdout,
      }),
    );
    const compare = async (how: string): Promise<void> => {
      await workbench.runCommand('AFT Tasks: Compare Outputs');
      await workbench.typeInto('Compare with the previous run', last!.taskId);
      await workbench.quickPickRows().filter({ hasText: last!.taskId }).first().click();
      await workbench.page.getByText('Compare make twice').waitFor();
      await workbench.pick(how);
    };
    await compare('Compare Without Times');
    const sides = workbench.page.locator('.monaco-diff-editor .view-lines');
    await sides.nth(1).getByText('new').waitFor();
    await sides.nth(0).getByText('in <duration>').waitFor();
    await workbench.screenshot('compare');
    await workbench.runCommand('View: Close All Editors');
    await compare('Compare');
    const passed = workbench.page.locator('.monaco-diff-editor .view-line span > span', {
      hasText: 'passed',
    });
    const expected = await workbench.themeColor('terminal.ansiGreen');
    await workbench.until(async () => {
      const colors = await workbench.colorsOf(passed);
      return colors.length === 2 && colors.every((color) => color === expected) ? true : undefined;
    }, 'Not both sides have their colours');
    await workbench.screenshot('compare-times');
  });

  it('has the ways to open, copy and export in a task’s menu', async () => {
    await workbench.row('sh scripts/build.sh').click({ button: 'right' });
    const menu = workbench.page.locator('.context-view .monaco-menu');
    const items = await menu.getByRole('menuitem').allInnerTexts();
    for (const text of [
      'Open With',
      'Copy',
      'Export',
      'Run Again in Terminal',
      'Compare Outputs',
    ]) {
      assert.ok(
        items.some((item) => item.includes(text)),
        `${text} in ${items.join(', ')}`,
      );
    }
    await menu.getByRole('menuitem', { name: 'Open With' }).first().hover();
    await menu.getByRole('menuitem', { name: 'Open Standard Error' }).waitFor();
    await workbench.screenshot('task-menu');
    await menu.getByRole('menuitem', { name: 'Open Standard Error' }).click();
    await workbench.editorShows('src/prices.ts(7,9)');
  });

  it('types a command into a terminal without sending it', async () => {
    await workbench.row('sh scripts/build.sh').click({ button: 'right' });
    const item = workbench.page.getByRole('menuitem', { name: 'Run Again in Terminal' }).first();
    await item.hover();
    await item.click({ delay: 200 });
    await workbench.page.locator('.terminal-wrapper.active .xterm').first().waitFor();
    await workbench.terminalShows('sh scripts/build.sh');
    // That the shell runs nothing can't be awaited.
    await workbench.page.waitForTimeout(1500);
    assert.match(await workbench.terminalText(), /sh scripts\/build\.sh\s*$/);
    await workbench.screenshot('run-again');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });
});
