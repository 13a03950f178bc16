import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { bundlePaths, hashSession, type TaskPaths } from '../../src/persistence/paths.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import { firstLineOf, type Sample, type SampleTaskName } from '../support/sampleTasks.ts';
import { writeTaskFixture } from '../support/taskFixture.ts';
import { LiveTask } from './liveTask.ts';
import { openWindow, pictureFailure } from './window.ts';
import { allThemes, type TreeRow, type Workbench } from './workbench.ts';

/** The packaged extension as a person uses it, on the tasks of an AFT that runs. */
describe('AFT Tasks', () => {
  const scope = new AsyncDisposableStack();
  let workbench: Workbench;
  let sample: Sample;

  before(async () => {
    ({ workbench, sample } = await openWindow(scope));
  });

  after(async () => {
    await scope.disposeAsync();
  });

  afterEach(async function () {
    await pictureFailure(workbench, this.currentTest);
    // What a failed test may have left open would hide the palette.
    for (const key of ['Escape', 'Escape']) await workbench.page.keyboard.press(key);
    await workbench.runCommand('AFT Tasks: Clear Filter');
    await workbench.runCommand('View: Close All Editors');
    await workbench.runCommand('Notifications: Clear All Notifications');
  });

  function rowOf(name: SampleTaskName): ReturnType<Workbench['row']> {
    return workbench.row(firstLineOf(name));
  }

  function idOf(name: SampleTaskName): string {
    return sample.tasks[name]!.taskId;
  }

  function pathsOf(name: SampleTaskName): TaskPaths {
    const { sessionId, taskId } = sample.tasks[name]!;
    const tasks = join(sample.storageDirectory, sample.harness ?? '', 'bash-tasks');
    const layout = sample.harness === undefined ? 'flat' : 'directory';
    return bundlePaths(join(tasks, hashSession(sessionId)), taskId, layout);
  }

  /** The open tabs say what ran: a label for each. */
  async function tabsAre(...labels: readonly RegExp[]): Promise<void> {
    const tabs = await workbench.tabs();
    assert.equal(tabs.length, labels.length, tabs.join());
    for (const [at, label] of labels.entries()) assert.match(tabs[at]!, label);
  }

  async function describedAs(name: SampleTaskName, words: RegExp): Promise<void> {
    await workbench.row(new RegExp(`${firstLineOf(name)}.*${words.source}`)).waitFor();
  }

  it('shows every session, those with a running task first, and their tasks beneath', async () => {
    const rows = await workbench.rows();
    const sessions = rows.filter(({ level }) => level === 1).map(({ label }) => label);
    assert.deepEqual([...sessions].sort(), ['ses_data import/nightly', 'ses_shop', 'ses_terminal']);
    assert.equal(sessions.at(-1), 'ses_data import/nightly');
    await describedAs('test', /exit 1/);
    await describedAs('serve', /killed/);
    await describedAs('smoke', /timed out/);
    await describedAs('monitor', /running/);
  });

  it('keeps what is expanded and selected while tasks come, start and end', async () => {
    const ended = writeTaskFixture({
      storage: sample.storageDirectory,
      sessionId: 'ses_changing',
      record: { command: 'make first' },
    });
    const session = workbench.row('ses_changing');
    const toggle = (row: ReturnType<Workbench['row']>) => row.locator('.monaco-tl-twistie').click();
    /** The sessions that are expanded, and the row that is selected. */
    const shape = async (): Promise<object> => {
      const rows = await workbench.rows();
      const labelsOf = (fits: (row: TreeRow) => boolean) =>
        rows.filter(fits).map(({ label }) => label);
      return {
        expanded: labelsOf(({ expanded }) => expanded === true).sort(),
        selected: labelsOf(({ selected }) => selected),
      };
    };
    const running = new DisposableStack();
    try {
      // Its coming draws the tree anew, which takes rows away from under a click.
      await session.waitFor();
      await toggle(workbench.row('ses_terminal'));
      await rowOf('monitor').waitFor({ state: 'detached' });
      await toggle(session);
      await workbench.clickRow('make first');
      const expected = { expanded: ['ses_changing', 'ses_shop'], selected: ['make first'] };
      await workbench.until(
        async () => (isDeepStrictEqual(await shape(), expected) ? true : undefined),
        'The rows are not as they were clicked',
      );
      const task = running.use(
        new LiveTask(sample.storageDirectory, 'make second', {}, 'ses_changing'),
      );
      await workbench.row(/ses_changing.*1 running · 2 tasks/).waitFor();
      await workbench.row('make second').waitFor();
      assert.deepEqual(await shape(), expected);
      task.end(3);
      await workbench.row(/make second.*exit 3/).waitFor();
      await workbench.row(/ses_changing(?!.*running).*2 tasks/).waitFor();
      assert.deepEqual(await shape(), expected);

      // Nor does a session open by itself that was closed by hand.
      await toggle(session);
      await workbench.row('make first').waitFor({ state: 'detached' });
      running.use(new LiveTask(sample.storageDirectory, 'make third', {}, 'ses_changing'));
      await workbench.row(/ses_changing.*1 running · 3 tasks/).waitFor();
      assert.deepEqual(await shape(), {
        expanded: ['ses_shop'],
        selected: [],
      });
    } finally {
      running.dispose();
      rmSync(ended.paths.sessionDir, { recursive: true, force: true });
      await session.waitFor({ state: 'detached' });
      await toggle(workbench.row('ses_terminal'));
    }
  });

  for (const theme of allThemes) {
    it(`can be looked at in a ${theme} theme`, async () => {
      await workbench.setTheme(theme);
      await workbench.clickRow(firstLineOf('test'));
      await workbench.editorShows(/\w/);
      const picture = await workbench.screenshot('explorer');
      await workbench.setTheme('dark');
      assert.ok(existsSync(picture));
    });
  }

  it('shows the output of a task at a click, without escape characters', async () => {
    await workbench.clickRow(firstLineOf('test'));
    const text = await workbench.editorShows(/\w/);
    assert.ok(!text.includes('\x1b') && !text.includes('␛'));
    await tabsAre(/^sh scripts\/test\.sh · \d/);
  });

  it('shows the output of a running task as it grows', async () => {
    await workbench.runCommand('AFT Tasks: Filter Tasks…');
    await workbench.typeInto('Filter tasks', 'watch.sh');
    await workbench.page.keyboard.press('Enter');
    await workbench.clickRow(firstLineOf('watch'));
    const before = await workbench.editorShows(/\w/);
    await workbench.until(
      async () => ((await workbench.editorText()) === before ? undefined : true),
      'The output does not grow',
    );
  });

  it('tells what it knows of a task in the tooltip', async () => {
    const tooltip = await workbench.tooltip(firstLineOf('serve'));
    assert.match(tooltip, /killed/);
    assert.ok(tooltip.includes(idOf('serve')));
    assert.ok(tooltip.includes(sample.projectDirectory));
    await workbench.page.keyboard.press('Escape');
  });

  it('kills a running task after asking, and AFT records it', async () => {
    await workbench.inlineAction(firstLineOf('monitor'), 'Kill Task');
    const question = await workbench.answerDialog('Kill');
    assert.ok(question.includes(firstLineOf('monitor')));
    await workbench.notification(/was killed/);
    await describedAs('monitor', /killed/);
    assert.equal(readTask(pathsOf('monitor')).status, 'killed');
    await workbench.screenshot('killed');
  });

  it('deletes a finished task after asking, with the number of files and their size', async () => {
    const paths = pathsOf('lint');
    await workbench.contextMenu(firstLineOf('lint'), 'Delete Task');
    const question = await workbench.answerDialog('Delete');
    assert.match(question, /\d+ files, .*B\b/);
    assert.match(question, /for 24 hours this can be undone/);
    await rowOf('lint').waitFor({ state: 'detached' });
    assert.equal(existsSync(paths.json), false);
  });

  it('brings a deleted task back at a click on Undo', async () => {
    const paths = pathsOf('serve');
    const before = readTask(paths);
    await workbench.inlineAction(firstLineOf('serve'), 'Delete Task');
    await workbench.answerDialog('Delete');
    await rowOf('serve').waitFor({ state: 'detached' });
    await workbench.notification(/is deleted/);
    await workbench.screenshot('deleted');
    await workbench.answerNotification(/is deleted/, 'Undo');
    await rowOf('serve').waitFor();
    assert.deepEqual(readTask(paths), before);
  });

  it('brings a deleted task back from the list of what is in the trash', async () => {
    await workbench.inlineAction(firstLineOf('serve'), 'Delete Task');
    await workbench.answerDialog('Delete');
    await rowOf('serve').waitFor({ state: 'detached' });
    await workbench.runCommand('AFT Tasks: Undo Delete…');
    const entry = workbench.quickPickRows().filter({ hasText: idOf('serve') });
    await entry.getByRole('checkbox').click();
    await workbench.screenshot('trash');
    await workbench.page.getByRole('button', { name: 'OK' }).click();
    await rowOf('serve').waitFor();
  });

  it('deletes nothing where the question is not answered with yes', async () => {
    await workbench.inlineAction(firstLineOf('serve'), 'Delete Task');
    await workbench.answerDialog('Cancel');
    await rowOf('serve').waitFor();
    assert.ok(existsSync(pathsOf('serve').json));
  });

  it('marks a task as delivered', async () => {
    await describedAs('smoke', /●/);
    await workbench.inlineAction(firstLineOf('smoke'), 'Mark as Delivered');
    await workbench.row(new RegExp(`${firstLineOf('smoke')}(?!.*●)`)).waitFor();
    assert.equal(readTask(pathsOf('smoke')).completionDelivered, true);
  });

  it('can be used from the command palette alone', async () => {
    await workbench.runCommand('AFT Tasks: Open Output');
    await workbench.typeInto('Open the output of', idOf('test'));
    const entry = workbench
      .quickPickRows()
      .filter({ hasText: idOf('test') })
      .first();
    await entry.waitFor();
    await entry.click();
    await workbench.editorShows(/\w/);
    await tabsAre(/^sh scripts\/test\.sh · \d/);
  });

  it('says that the filter hides all, and how to clear it', async () => {
    await workbench.runCommand('AFT Tasks: Filter Tasks…');
    await workbench.typeInto('Filter tasks', 'nothing has these words');
    await workbench.page.keyboard.press('Enter');
    await workbench.page.getByText('No task matches the filter.').waitFor();
    await workbench.screenshot('filtered');
    await workbench.page
      .locator('.sidebar')
      .getByRole('button', { name: 'Clear Filter' })
      .last()
      .click();
    await rowOf('build').waitFor();
  });

  it('shows where storages are looked for, and what is there', async () => {
    await workbench.runCommand('AFT Tasks: Show Storage Directories');
    const found = workbench.quickPickRows().filter({ hasText: 'AFT_STORAGE_DIR' });
    await found.filter({ hasText: sample.storageDirectory }).first().waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('adds a storage directory to those that are shown', async () => {
    await workbench.runCommand('AFT Tasks: Add Storage Directory…');
    const input = workbench.page.locator('.quick-input-widget:visible input').first();
    // Once it shows where it begins: it writes that into the input itself.
    await workbench.quickPickRows().filter({ hasText: 'scripts' }).first().waitFor();
    await input.fill(`${sample.homeDirectory}/`);
    const add = workbench.page.locator('.quick-input-widget').getByRole('button', { name: 'Add' });
    await add.first().click();
    await input.waitFor({ state: 'hidden' });
    await workbench.runCommand('AFT Tasks: Show Storage Directories');
    const places = workbench.quickPickRows().filter({ hasText: 'setting aftTasks' });
    for (const directory of [sample.storageDirectory, sample.homeDirectory]) {
      await places.filter({ hasText: directory }).first().waitFor();
    }
    await workbench.page.keyboard.press('Escape');
    await rowOf('build').waitFor();
    await workbench.setMachineSettings({});
    await rowOf('build').waitFor();
  });

  it('says why nothing is shown, and what can be done', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'aft-empty-'));
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    try {
      for (const [storage, words, button] of [
        [join(directory, 'none'), 'No AFT storage was found', 'Show Where It Was Looked For'],
        [directory, 'No agent has run a background command yet', 'Show Storage Directories'],
        [loop, "The AFT storage can't be read", 'Show Log'],
      ] as const) {
        await workbench.setMachineSettings({ 'aftTasks.storageDirectories': [storage] });
        await workbench.openExplorer();
        const welcome = workbench.page.locator('.welcome-view-content:visible');
        await welcome.getByText(words).waitFor();
        await workbench.screenshot(`welcome-${words.split(' ', 3).join('-')}`);
        await welcome.getByText(button).click();
        if (button === 'Show Log')
          await workbench.runCommand('AFT Tasks: Show Storage Directories');
        await workbench.quickPickRows().filter({ hasText: storage }).first().waitFor();
        await workbench.page.keyboard.press('Escape');
      }
    } finally {
      await workbench.setMachineSettings({});
      rmSync(directory, { recursive: true });
    }
    await workbench.openExplorer();
    await rowOf('build').waitFor();
  });

  it('restores a document after the window was reloaded', async () => {
    await workbench.clickRow(firstLineOf('build'));
    const before = await workbench.editorShows(/\w/);
    await workbench.reload();
    await workbench.editorShows(before.split('\n', 1)[0]!);
    await tabsAre(/^sh scripts\/build\.sh · \d/);
    await workbench.openExplorer();
    await rowOf('build').waitFor();
  });

  it('makes a task’s id in a terminal a link that reveals the task', async () => {
    const { page } = workbench;
    await workbench.runCommand('Terminal: Create New Terminal');
    const terminal = page.locator('.terminal-wrapper.active .xterm-screen');
    await terminal.waitFor();
    await terminal.click();
    await page.keyboard.type(`clear; echo; echo ${idOf('unicode')}`);
    await page.keyboard.press('Enter');
    // The terminal asks for the links of a line once: not before the line has come.
    await workbench.terminalShows(new RegExp(`^${idOf('unicode')}$`, 'm'));
    await workbench.until(async () => {
      await workbench.clickTerminalLink(idOf('unicode'));
      const selected = (await workbench.rows()).find((row) => row.selected);
      return selected?.label.startsWith('printf') === true ? true : undefined;
    }, 'The link does not reveal the task');
    await workbench.screenshot('terminal-link');
    await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
  });
});
