import assert from 'node:assert/strict';
import { LiveTask, type LiveOutput } from './liveTask.ts';
import { openWindow, pictureFailure } from './window.ts';
import type { Workbench } from './workbench.ts';
import type { Sample } from '../support/sampleTasks.ts';

/** The place of a reader in an output that grows, read from the page. */
describe('The reader of a running task’s output', () => {
  const scope = new AsyncDisposableStack();
  let workbench: Workbench;
  let sample: Sample;
  let tasks: DisposableStack;

  before(async () => {
    ({ workbench, sample } = await openWindow(scope));
  });

  after(async () => {
    await scope.disposeAsync();
  });

  beforeEach(() => {
    tasks = new DisposableStack();
  });

  afterEach(async function () {
    await pictureFailure(workbench, this.currentTest);
    tasks.dispose();
    await workbench.runCommand('View: Close All Editors');
  });

  function lines(from: number, to: number, name = 'line'): string {
    let text = '';
    for (let at = from; at < to; at += 1) text += `${name} ${at}\n`;
    return text;
  }

  async function open(command: string, output: LiveOutput): Promise<LiveTask> {
    const task = tasks.use(new LiveTask(sample.storageDirectory, command, output));
    await workbench.openOutput(task.taskId);
    return task;
  }

  async function grows(task: LiveTask, output: LiveOutput): Promise<void> {
    await workbench.editorGrows(() => {
      task.write(output);
    });
  }

  const follow = () => workbench.editorAction('Follow Output');
  const stopFollowing = () => workbench.editorAction('Stop Following Output');

  /** In steps, as a wheel turns. */
  async function scroll(steps: number, pixels = 100): Promise<void> {
    const box = (await workbench.editor().boundingBox())!;
    await workbench.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let step = 0; step < Math.abs(steps); step += 1) {
      await workbench.page.mouse.wheel(0, Math.sign(steps) * pixels);
    }
  }

  /** Scrolls up into the middle of the text and answers what is on the screen there. */
  async function readElsewhere(): Promise<string> {
    await scroll(-10);
    await follow().waitFor();
    return await workbench.editorAtRest();
  }

  async function goToEnd(): Promise<void> {
    await workbench.runCommand('View: Focus Active Editor Group');
    await workbench.page.keyboard.press('Control+End');
  }

  it('stays at the end; pauses by scrolling up, goes on by scrolling back; the title says which', async () => {
    const task = await open('make follow', { stdout: lines(0, 200) });
    await workbench.editorShows('line 199');
    await stopFollowing().waitFor();
    task.write({ stdout: lines(200, 300) });
    await workbench.editorShows('line 299');

    // One notch: the last line is still on the screen.
    await scroll(-1);
    await follow().waitFor();
    const shown = await readElsewhere();
    await grows(task, { stdout: lines(300, 400) });
    assert.equal(await workbench.editorText(), shown);

    await scroll(120);
    await stopFollowing().waitFor();
    task.write({ stdout: lines(400, 500) });
    await workbench.editorShows('line 499');
  });

  it('is not taken back to the end, however late the extension hears of the scrolling', async () => {
    const task = await open('make far', { stdout: lines(0, 200) });
    await stopFollowing().waitFor();
    let written = 200;
    const writer = setInterval(() => {
      task.write({ stdout: lines(written, written + 1) });
      written += 1;
    }, 20);
    tasks.defer(() => {
      clearInterval(writer);
    });
    // Longer than the time between two texts, so that a reveal of the end is always under way.
    await workbench.delayMessages(300);
    // More than the window: lines are cut.
    task.write({ stdout: lines(0, 60_000, 'much') });
    for (let round = 0; round < 3; round += 1) {
      const next = Array.from({ length: 200 }, (_, at) => written + 20 + at);
      await workbench.editorShows(new RegExp(`line (${next.join('|')})$`, 'm'));
      const followed = await workbench.firstLineNumber();
      await scroll(-1, 2000);
      await follow().waitFor();
      // Several texts come meanwhile: one may take the reader back before they are brought here again.
      await workbench.page.waitForTimeout(1500);
      const shown = await workbench.editorText();
      assert.ok((await workbench.firstLineNumber()) < followed);
      await workbench.page.waitForTimeout(1500);
      assert.equal(await workbench.editorText(), shown);
      await follow().click();
      await stopFollowing().waitFor();
    }
    await workbench.reload();
    await workbench.row('sh scripts/build.sh').waitFor();
  });

  it('pauses when they scroll up right after a cut, and only then, over a far connection', async () => {
    let written = 200;
    const task = await open('make cuts', { stdout: lines(0, written) });
    await stopFollowing().waitFor();
    await workbench.delayMessages(300);
    for (let round = 0; round < 3; round += 1) {
      for (let cut = 0; cut < 3; cut += 1) {
        assert.ok(await stopFollowing().isVisible());
        // More than twice the window.
        task.write({ stdout: lines(written, written + 50_000) });
        written += 50_000;
        await workbench.editorShows(`line ${written - 1}`);
      }
      // The extension does not know of the cut yet.
      await scroll(-5);
      await follow().waitFor();
      // What it did about the cut comes meanwhile.
      await workbench.page.waitForTimeout(1500);
      assert.doesNotMatch(await workbench.editorText(), new RegExp(`line ${written - 1}`));
      assert.ok(await follow().isVisible());
      await goToEnd();
      await stopFollowing().waitFor();
    }
    await workbench.reload();
    await workbench.row('sh scripts/build.sh').waitFor();
  });

  it('follows and ceases to by the button in the title', async () => {
    const task = await open('make button', { stdout: lines(0, 200) });
    await workbench.editorShows('line 199');
    await stopFollowing().click();
    await follow().waitFor();
    const first = await workbench.firstLineNumber();
    await grows(task, { stdout: lines(200, 1000) });
    assert.equal(await workbench.firstLineNumber(), first);
    await follow().click();
    await workbench.editorShows('line 999');
    await stopFollowing().waitFor();
  });

  const outputs: readonly [string, (from: number, to: number) => LiveOutput][] = [
    ['one stream', (from, to) => ({ stdout: lines(from, to) })],
    ['two streams', (from, to) => ({ stdout: lines(from, to, 'out'), stderr: lines(from, to) })],
    ['a terminal', (from, to) => ({ pty: lines(from, to).replaceAll('\n', '\r\n') })],
  ];

  for (const [name, output] of outputs) {
    /** Behind the last line. */
    async function isTold(words: string): Promise<void> {
      await workbench.until(
        async () => ((await workbench.textBeside()).includes(words) ? true : undefined),
        'The end is not told',
      );
    }

    it(`stays where they read when the task ends, and is told how: ${name}`, async () => {
      const task = await open(`make end of ${name}`, output(0, 200));
      await goToEnd();
      await workbench.editorShows('line 199');
      await stopFollowing().waitFor();
      const shown = await readElsewhere();
      task.write(output(200, 220));
      task.end(3);
      await follow().waitFor({ state: 'detached' });
      assert.equal(await workbench.editorText(), shown);
      await goToEnd();
      await workbench.editorShows('line 219');
      await isTold('exit 3, after');
    });

    it(`at the end stays there when the task ends, and is told how: ${name}`, async () => {
      const task = await open(`make all of ${name}`, output(0, 200));
      await goToEnd();
      await workbench.editorShows('line 199');
      await stopFollowing().waitFor();
      task.write(output(200, 300));
      task.end(0);
      await workbench.editorShows('line 299');
      await isTold('exit 0, after');
      const shown = await workbench.editorAtRest();
      assert.match(shown, /line 299\n?$/);
      await stopFollowing().waitFor({ state: 'detached' });
      assert.equal(await workbench.editorText(), shown);
      await workbench.screenshot(`end-of-${name.replace(' ', '-')}`);
    });
  }

  it('is at the end of the stream that was written last, and stays there', async () => {
    const task = tasks.use(
      new LiveTask(sample.storageDirectory, 'make first stream', {
        stdout: lines(0, 100, 'out'),
        stderr: lines(0, 300, 'err'),
      }),
    );
    task.write({ stdout: lines(100, 200, 'out') });
    await workbench.openOutput(task.taskId);
    await workbench.editorShows('out 199');
    await stopFollowing().waitFor();
    task.write({ stderr: lines(300, 310, 'err') });
    task.write({ stdout: lines(200, 300, 'out') });
    await workbench.editorShows('out 299');
    await workbench.screenshot('first-stream');
    await goToEnd();
    await workbench.editorShows('err 309');
    task.write({ stderr: lines(310, 400, 'err') });
    await workbench.editorShows('err 399');
  });

  it('at the end stays there when lines are cut, with a full screen', async () => {
    const task = await open('make cut', { stdout: lines(0, 40_000, 'a line of much output') });
    await workbench.editorShows('output 39999');
    let first = '';
    for (let written = 40_000; written < 60_000; written += 4000) {
      const before = await workbench.firstLineNumber();
      task.write({ stdout: lines(written, written + 4000, 'a line of much output') });
      const shown = await workbench.editorShows(`output ${written + 3999}`);
      if ((await workbench.firstLineNumber()) < before) first = shown;
    }
    assert.ok(first.split('\n').length > 20, first);
    await workbench.screenshot('end-after-cut');
  });

  it('of one stream sees in the other’s heading how much came there', async () => {
    const task = await open('make two streams', {
      stdout: lines(0, 10, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    await workbench.editorShows('err 299');
    await workbench.runCommand('View: Focus Active Editor Group');
    await workbench.page.keyboard.press('Control+Home');
    await workbench.editorShows('=== stderr ===');
    await workbench.editorAtRest();
    task.write({ stderr: 'x'.repeat(5 * 1024 - 1) + '\n' });
    const told = await workbench.until(async () => {
      const beside = await workbench.textBeside();
      return beside.includes('new') ? beside : undefined;
    }, 'The heading does not count');
    assert.match(told, /5 KB new/);
    await workbench.setTheme('light');
    await workbench.screenshot('heading-count');
    await workbench.setTheme('dark');
    await goToEnd();
    await workbench.editorShows('xxx');
    await workbench.page.keyboard.press('Control+Home');
    await workbench.until(
      async () => ((await workbench.textBeside()).includes('new') ? undefined : true),
      'What was seen is still counted',
    );
  });

  it('at the end of the last stream is told there how much came in the one above', async () => {
    const task = await open('make far streams', {
      stdout: lines(0, 300, 'out'),
      stderr: lines(0, 300, 'err'),
    });
    await workbench.editorShows('err 299');
    const tells = async (words: string): Promise<void> => {
      await workbench.until(
        async () => ((await workbench.textBeside()).includes(words) ? true : undefined),
        `The end does not tell: ${words}`,
      );
    };
    task.write({ stdout: 'x'.repeat(11 * 1024 - 1) + '\n' });
    await tells('stdout: 11 KB new, above');
    task.write({ stdout: 'x'.repeat(1024 - 1) + '\n', stderr: 'err last\n' });
    await tells('stdout: 12 KB new, above');
    await workbench.editorShows('err last');
    await workbench.screenshot('above-count');
    await workbench.runCommand('View: Focus Active Editor Group');
    await workbench.page.keyboard.press('Control+Home');
    await workbench.editorShows('=== stdout ===');
    await workbench.runCommand('Go to Line/Column...');
    await workbench.page.keyboard.type('302');
    await workbench.page.keyboard.press('Enter');
    await workbench.editorShows('xxx');
    await goToEnd();
    await workbench.editorShows('err last');
    await workbench.until(
      async () => ((await workbench.textBeside()).includes('above') ? undefined : true),
      'What was seen is still told',
    );
  });

  it('keeps the lines that they read, and is told what is cut away at last', async () => {
    const task = await open('make much', { stdout: lines(0, 40_000, 'a line of much output') });
    await workbench.editorShows('output 39999');
    const shown = await readElsewhere();
    // Twice the window of 128 KiB, half for each stream, is there soon; the text stays.
    await grows(task, { stdout: lines(40_000, 60_000, 'a line of much output') });
    assert.equal(await workbench.editorText(), shown);
    await grows(task, { stdout: lines(60_000, 80_000, 'a line of much output') });
    await grows(task, { stdout: lines(80_000, 100_000, 'a line of much output') });
    await grows(task, { stdout: lines(100_000, 105_000, 'a line of much output') });
    await grows(task, { stdout: lines(105_000, 109_000, 'a line of much output') });
    assert.equal(await workbench.editorText(), shown);
    task.write({ stdout: lines(109_000, 112_000, 'a line of much output') });
    const told = await workbench.until(async () => {
      const beside = await workbench.textBeside();
      return beside.includes('cut') ? beside : undefined;
    }, 'The cut is not told');
    assert.match(told, /— [\d.]+ [KM]B were cut here while you were reading —/);
    assert.match(await workbench.editorText(), /^\[[\d.]+ MB before this are not shown\]/);
    await workbench.screenshot('cut');
    await workbench.setTheme('light');
    await workbench.screenshot('cut');
    await workbench.setTheme('dark');
  });

  it('is left at the match of a search', async () => {
    const task = await open('make search', { stdout: lines(0, 300) });
    await workbench.editorShows('line 299');
    await workbench.runCommand('AFT Tasks: Search Outputs');
    await workbench.typeInto('Search Outputs', 'line 150');
    await workbench.quickPickRows().filter({ hasText: 'make search' }).first().click();
    await workbench.editorShows('line 150');
    const shown = await workbench.editorAtRest();
    await follow().waitFor();
    await grows(task, { stdout: lines(300, 600) });
    assert.equal(await workbench.editorText(), shown);
  });

  it('finds their place in a tab that comes back, at the end or not', async () => {
    const task = await open('make tabs', { stdout: lines(0, 200) });
    await workbench.editorShows('line 199');
    await workbench.runCommand('View: Keep Editor');
    await workbench.runCommand('File: New Untitled Text File');
    task.write({ stdout: lines(200, 300) });
    await workbench.runCommand('View: Open Previous Editor');
    await workbench.editorShows('line 299');
    await stopFollowing().waitFor();

    const shown = await readElsewhere();
    await workbench.runCommand('View: Open Next Editor');
    task.write({ stdout: lines(300, 400) });
    await workbench.runCommand('View: Open Previous Editor');
    await follow().waitFor();
    assert.equal(await workbench.editorAtRest(), shown);
    await grows(task, { stdout: lines(400, 500) });
    assert.equal(await workbench.editorText(), shown);
  });

  it('is one for each of two editors side by side', async () => {
    const task = await open('make split', { stdout: lines(0, 200) });
    await workbench.editorShows('line 199');
    await workbench.runCommand('View: Split Editor Right');
    await workbench.editorShows('line 199');
    const shown = await readElsewhere();
    task.write({ stdout: lines(200, 300) });
    const left = workbench.page.locator('.editor-group-container').first();
    await left.locator('.view-line', { hasText: 'line 299' }).waitFor();
    assert.equal(await workbench.editorText(), shown);
    await workbench.screenshot('split');
    await workbench.runCommand('View: Close All Editor Groups');
  });

  it('is where they were when the window is loaded anew', async () => {
    const task = await open('make reload', { stdout: lines(0, 200) });
    await workbench.editorShows('line 199');
    await workbench.runCommand('View: Keep Editor');
    await workbench.reload();
    await workbench.editorShows('line 199');
    task.write({ stdout: lines(200, 300) });
    await workbench.editorShows('line 299');
    await stopFollowing().waitFor();

    const shown = (await readElsewhere()).split('\n')[10]!;
    await workbench.reload();
    await workbench.editorShows(shown);
    await follow().waitFor();
    await grows(task, { stdout: lines(300, 400) });
    await workbench.editorShows(shown);
  });

  it('is not moved where a screen reader is in use, but for the button', async () => {
    await workbench.setSetting('editor.accessibilitySupport', 'on');
    try {
      await workbench.row('sh scripts/build.sh').waitFor();
      const task = await open('make accessible', { stdout: lines(0, 200) });
      await follow().waitFor();
      assert.equal(await workbench.firstLineNumber(), 1);
      await grows(task, { stdout: lines(200, 300) });
      assert.equal(await workbench.firstLineNumber(), 1);
      await follow().click();
      await workbench.editorShows('line 299');
    } finally {
      await workbench.setSetting('editor.accessibilitySupport', undefined);
      await workbench.row('sh scripts/build.sh').waitFor();
    }
  });
});
