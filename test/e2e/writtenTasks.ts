import { rmSync } from 'node:fs';
import { writeTaskFixture, type FixtureTask, type TaskFixture } from '../support/taskFixture.ts';

/** Tasks that a test writes beside those of AFT. Their sessions go again: other suites know the sample. */
export class WrittenTasks {
  private readonly written: FixtureTask[] = [];

  write(fixture: TaskFixture): FixtureTask {
    const task = writeTaskFixture(fixture);
    this.written.push(task);
    return task;
  }

  remove(): void {
    for (const { paths } of this.written.splice(0)) {
      rmSync(paths.sessionDir, { recursive: true, force: true });
    }
  }
}
