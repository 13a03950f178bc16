import { basename, dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { errorCode, errorText } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { hostProcessTable } from '../process/hostProcessTable.ts';
import type { ProcessTable } from '../process/processTable.ts';
import { pathsOf } from './bundle.ts';
import { ChokidarWatcher } from './chokidarWatcher.ts';
import { systemClock, type Clock } from './clock.ts';
import { Contents, type Session, type Statistics } from './contents.ts';
import type { Storage } from './discovery.ts';
import { recordingGraceMs } from './judge.ts';
import { isSessionHash, taskOf, tasksDirectoryName } from './layout.ts';
import { Scheduler } from './scheduler.ts';
import type { StorageState, Task, TaskChanges } from './task.ts';
import type { WatcherFactory } from './watcher.ts';
import { Watches } from './watches.ts';

/** What a store tells, unasked. */
export interface StoreEvents {
  onChanges(changes: TaskChanges): void;
  onState(state: StorageState): void;
  onLog(level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
}

/** What tests replace. */
export interface StoreParts {
  readonly clock?: Clock;
  readonly processes?: ProcessTable;
  readonly createWatcher?: WatcherFactory;
}

/** The thread's other calls get their turn this often while a scan goes on. */
const sliceMs = 15;
/** A first scan is handed over in pieces of this many tasks: one message would stall its receiver. */
const tasksAtOnce = 250;
/** Meanwhile the tasks that go on are judged this often: it can cost a walk over all processes. */
const judgeMs = 250;
/** Events come in groups: a record is written beside its place, then renamed, and the row follows. */
const settleMs = 5;
/** A capture can be written to all the time, and only its size matters here. */
const captureMs = 500;
const livenessMs = { visible: 3000, hidden: 30_000 };
const reconcileMs = 60_000;
const pollMs = { visible: 5000, hidden: 30_000 };
const rewatchMs = 30_000;

/** What there is to read anew. */
interface Work {
  everything: boolean;
  structure: boolean;
  live: boolean;
  /** Paths of sessions' directories. */
  readonly sessions: Set<string>;
  /** Task ids, by path of the session's directory. */
  readonly tasks: Map<string, Set<string>>;
}

/**
 * One storage: what is in it now, kept up to date. It reads the disk synchronously, in slices, and
 * is meant to have a thread of its own.
 */
export class Store {
  private readonly storage: Pick<Storage, 'id' | 'directory'>;
  private readonly events: StoreEvents;
  private readonly clock: Clock;
  private readonly createWatcher: WatcherFactory;
  private readonly contents: Contents;
  private readonly scheduler: Scheduler;
  private work = noWork();
  private watches: Watches | undefined;
  private state: StorageState = {
    scanning: false,
    ready: false,
    watching: 'none',
    problem: undefined,
  };
  private visible = false;
  private polling = false;
  private pollingSince = 0;
  private disposed = false;
  private refreshes = 0;
  private reconciledAt = 0;
  private judgedAt = 0;
  private spawning: ReadonlyMap<string, string> = new Map();
  private lookDue = 0;
  private cancelLook: (() => void) | undefined;
  private cancelReconcile: (() => void) | undefined;
  private sliceBegan = 0;

  constructor(
    storage: Pick<Storage, 'id' | 'directory'>,
    events: StoreEvents,
    parts: StoreParts = {},
  ) {
    this.storage = storage;
    this.events = events;
    this.clock = parts.clock ?? systemClock;
    this.createWatcher =
      parts.createWatcher ?? ((root, watcherEvents) => new ChokidarWatcher(root, watcherEvents));
    this.contents = new Contents(storage, parts.processes ?? hostProcessTable(), this.clock);
    this.scheduler = new Scheduler(
      () => this.doWork(),
      (error) => {
        events.onLog('error', `reading ${storage.directory}: ${describe(error)}`);
      },
      this.clock,
    );
  }

  /** How much has been read since the beginning. */
  get statistics(): Readonly<Statistics> {
    return this.contents.statistics;
  }

  /** Begins to read and to watch. */
  start(): void {
    void this.refresh();
  }

  /** Reads everything anew; resolves when that is done. */
  async refresh(): Promise<void> {
    this.refreshes += 1;
    this.setState({ scanning: true });
    // Watches that ran out may be free again; it is not tried at each of many refreshes.
    if (this.clock.now() - this.pollingSince >= rewatchMs) this.polling = false;
    this.work.everything = true;
    await this.scheduler.run();
    this.refreshes -= 1;
    this.setState({ scanning: this.refreshes > 0 });
  }

  /** The tasks are (not) on screen: look after them often (seldom). */
  setVisible(visible: boolean): void {
    if (this.visible === visible) return;
    this.visible = visible;
    this.cancelLook?.();
    this.cancelReconcile?.();
    this.cancelLook = this.cancelReconcile = undefined;
    if (!this.state.ready) return;
    if (visible && this.clock.now() - this.reconciledAt >= reconcileMs) this.reconcile();
    else if (visible) this.lookAfterLive();
    this.armTimers();
  }

  tasks(): readonly Task[] {
    return this.contents.tasks();
  }

  get(key: string): Task | undefined {
    return this.contents.get(key)?.task;
  }

  /** Where the parts of a task are; absent for a key that no task has. */
  pathsOf(key: string): TaskPaths | undefined {
    const bundle = this.contents.get(key);
    return bundle && pathsOf(bundle);
  }

  /** Reads a task anew, after an action on it; resolves when its change has been told. */
  async reread(key: string): Promise<void> {
    const paths = this.pathsOf(key);
    if (paths === undefined) return;
    this.addTask(paths.sessionDir, paths.taskId, 0);
    await this.scheduler.run();
  }

  /** Reads a task that has come back, and its session's directory where that has come back with it. */
  async readAt({ sessionDir, taskId }: TaskPaths): Promise<void> {
    this.work.structure = true;
    this.addTask(sessionDir, taskId, 0);
    await this.scheduler.run();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.scheduler.dispose();
    this.cancelLook?.();
    this.cancelReconcile?.();
    await this.watches?.dispose();
  }

  private async doWork(): Promise<void> {
    const work = this.work;
    this.work = noWork();
    this.sliceBegan = performance.now();
    for (const session of this.sessionsToRead(work)) {
      await this.readAll(this.contents.readSession(session));
    }
    for (const [directory, taskIds] of work.tasks) {
      const session = this.contents.sessions.get(directory);
      if (session !== undefined) await this.readAll(this.readTasks(session, taskIds));
    }
    if (work.live || work.everything) await this.readAll(this.contents.readLive());
    this.tellChanges();
    if (this.disposed) return;
    if (work.everything) this.reconciledAt = this.clock.now();
    this.keepWatching(work);
    this.setState({ ready: true, problem: this.contents.problem });
    this.armTimers();
  }

  private sessionsToRead(work: Work): readonly Session[] {
    const { contents } = this;
    const added = work.everything || work.structure ? contents.readStructure() : [];
    const sessions = work.everything
      ? contents.sessions.values()
      : [...added, ...[...work.sessions].flatMap((path) => contents.sessions.get(path) ?? [])];
    const newestFirst = (left: Session, right: Session): number =>
      right.place.session.modifiedAt - left.place.session.modifiedAt;
    return [...new Set(sessions)].sort(newestFirst);
  }

  private *readTasks(session: Session, taskIds: Iterable<string>): Generator<void> {
    for (const taskId of taskIds) {
      this.contents.readTask(session, taskId);
      yield;
    }
  }

  /** Goes through the steps, with a turn for others now and then. */
  private async readAll(steps: Generator<void>): Promise<void> {
    while (!this.disposed && steps.next().done !== true) {
      if (this.contents.touched >= tasksAtOnce) {
        this.tellChanges(this.clock.now() - this.judgedAt >= judgeMs);
      }
      if (performance.now() - this.sliceBegan < sliceMs) continue;
      await turn();
      this.sliceBegan = performance.now();
    }
  }

  private tellChanges(judging = true): void {
    if (this.disposed) return;
    if (judging) this.judgedAt = this.clock.now();
    const changes = this.contents.takeChanges(judging);
    if (changes === undefined) return;
    this.events.onChanges(changes);
    if (this.watches === undefined) return;
    for (const task of [...changes.added, ...changes.changed]) this.watchTask(task);
    for (const task of changes.removed) this.watches.removeTask(task.key);
  }

  private watchTask(task: Task): void {
    if (task.layout === 'flat') return;
    const goesOn = task.liveness !== 'ended';
    const directory = goesOn || !task.delivered ? this.pathsOf(task.key)?.taskDir : undefined;
    if (directory === undefined) this.watches?.removeTask(task.key);
    else this.watches?.addTask(task.key, { directory, goesOn });
  }

  /** Watching begins after the first scan, which it would slow down; it tells when it works. */
  private keepWatching(work: Work): void {
    if (this.polling) return;
    const begin = this.watches === undefined;
    this.watches ??= new Watches(
      this.createWatcher(this.storage.directory, {
        onEvent: (directory, name) => {
          this.onEvent(directory, name);
        },
        onError: (error) => {
          this.onWatchError(error);
        },
      }),
    );
    if (begin || work.everything || work.structure) {
      const { above, sessions } = this.contents;
      const directories = Array.from(sessions.values(), ({ place }) => place.session);
      this.watches.setDirectories([...above, ...directories]);
    }
    if (begin || work.everything) for (const task of this.contents.tasks()) this.watchTask(task);
    const spawning = this.contents.spawning();
    for (const [key, directory] of spawning) {
      this.watches.addTask(key, { directory, goesOn: true });
    }
    for (const key of this.spawning.keys()) {
      if (!spawning.has(key) && this.get(key) === undefined) this.watches.removeTask(key);
    }
    this.spawning = spawning;
    this.setState({ watching: 'native' });
  }

  private onWatchError(error: Error): void {
    const code = errorCode(error);
    if (code === 'EACCES' || code === 'EPERM') {
      this.events.onLog('debug', `watching ${this.storage.directory}: ${describe(error)}`);
      return;
    }
    if (this.polling || this.disposed) return;
    this.polling = true;
    this.pollingSince = this.clock.now();
    this.events.onLog(
      'warn',
      `${this.storage.directory} can't be watched and is polled instead: ${describe(error)}`,
    );
    void this.watches?.dispose();
    this.watches = undefined;
    this.setState({ watching: 'polling' });
    this.cancelReconcile?.();
    this.cancelReconcile = undefined;
    this.reconcile();
  }

  /** Notes what has to be read anew because of an event. */
  private onEvent(directory: string, name: string | undefined): void {
    if (this.disposed) return;
    const ofItself = name === undefined || name === basename(directory);
    if (this.contents.sessions.has(directory)) {
      if (ofItself) {
        this.work.sessions.add(directory);
        this.scheduler.request(settleMs);
      } else {
        const taskId = taskOf(name);
        if (taskId !== undefined)
          this.onTaskEvent(directory, taskId, name.slice(taskId.length + 1));
      }
      return;
    }
    const part = basename(directory);
    const session = dirname(dirname(directory));
    if ((part === 'control' || part === 'io') && this.contents.sessions.has(session)) {
      const taskId = taskOf(basename(dirname(directory)));
      if (taskId !== undefined) this.onTaskEvent(session, taskId, ofItself ? 'json' : name);
      return;
    }
    if (ofItself || this.isStructure(directory, name)) {
      this.work.structure = true;
      this.scheduler.request(settleMs);
    }
  }

  /** @param part the extension of a file in the flat layout, or a file in `control` or `io` */
  private onTaskEvent(session: string, taskId: string, part: string): void {
    switch (part) {
      // The task's own directory came or went.
      case '':
      case 'json':
      case 'metadata.json':
        this.addTask(session, taskId, settleMs);
        break;
      case 'exit':
        this.contents.rejudge(session, taskId);
        this.addTask(session, taskId, settleMs);
        break;
      case 'stdout':
      case 'stderr':
      case 'pty':
        this.addTask(session, taskId, captureMs);
        break;
      default:
    }
  }

  /** Can this entry bring or take away sessions? */
  private isStructure(directory: string, name: string): boolean {
    const { directory: root } = this.storage;
    // The database is written to all the time.
    if (directory === root) return !name.startsWith('aft.db');
    if (basename(directory) === tasksDirectoryName) return isSessionHash(name);
    return dirname(directory) === root && name === tasksDirectoryName;
  }

  private addTask(session: string, taskId: string, delay: number): void {
    const taskIds = this.work.tasks.get(session) ?? new Set();
    this.work.tasks.set(session, taskIds.add(taskId));
    this.scheduler.request(delay);
  }

  private lookAfterLive(): void {
    if (!this.contents.hasLive) return;
    this.work.live = true;
    this.scheduler.request(0);
  }

  private reconcile(): void {
    this.work.everything = true;
    this.scheduler.request(0);
  }

  private armTimers(): void {
    const { visible } = this;
    const pace = visible ? 'visible' : 'hidden';
    if (this.contents.hasLive) {
      this.armLook(this.contents.undecided ? recordingGraceMs : livenessMs[pace]);
    }
    if (this.polling || visible) {
      this.cancelReconcile ??= this.clock.after(this.polling ? pollMs[pace] : reconcileMs, () => {
        this.cancelReconcile = undefined;
        this.reconcile();
      });
    }
  }

  private armLook(delay: number): void {
    const due = this.clock.now() + delay;
    if (this.cancelLook !== undefined && this.lookDue <= due) return;
    this.cancelLook?.();
    this.lookDue = due;
    this.cancelLook = this.clock.after(delay, () => {
      this.cancelLook = undefined;
      this.lookAfterLive();
    });
  }

  private setState(part: Partial<StorageState>): void {
    const { scanning, ready, watching, problem } = { ...this.state, ...part };
    const before = this.state;
    this.state = { scanning, ready, watching, problem };
    const same =
      before.scanning === scanning &&
      before.ready === ready &&
      before.watching === watching &&
      before.problem === problem;
    if (!same && !this.disposed) this.events.onState(this.state);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : errorText(error);
}

function noWork(): Work {
  return {
    everything: false,
    structure: false,
    live: false,
    sessions: new Set(),
    tasks: new Map(),
  };
}
