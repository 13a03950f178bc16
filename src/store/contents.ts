import { dirname, join } from 'node:path';
import { errorCode, errorText } from '../persistence/errors.ts';
import type { ProcessTable } from '../process/processTable.ts';
import {
  isSameTask,
  pathsOf,
  placeOf,
  readBundle,
  taskKey,
  type Bundle,
  type BundlePlace,
} from './bundle.ts';
import type { Clock } from './clock.ts';
import { Judge } from './judge.ts';
import {
  findTask,
  listRoot,
  listSessions,
  listTasks,
  tasksDirectoryName,
  type Directory,
  type FoundLayouts,
  type SessionDirectory,
} from './layout.ts';
import type { Task, TaskChanges } from './task.ts';

/** A session's directory, and the tasks in it by their ids. */
export interface Session {
  place: BundlePlace;
  readonly bundles: Map<string, Bundle>;
  /** Tasks that AFT is starting: a directory, and no record yet. */
  readonly spawning: Set<string>;
}

/** How much work reading was. */
export interface Statistics {
  recordsRead: number;
  sessionsListed: number;
}

/**
 * What is in a storage, as far as it has been read. Each method reads a part of the disk anew,
 * synchronously; the differences that this makes gather until they are taken.
 */
export class Contents {
  readonly statistics: Statistics = { recordsRead: 0, sessionsListed: 0 };
  /** By path. */
  readonly sessions = new Map<string, Session>();
  /** The directories above the sessions in which something may come or go. */
  above: readonly Directory[] = [];
  private readonly storage: { readonly id: string; readonly directory: string };
  private readonly clock: Clock;
  private readonly judge: Judge;
  /** Keys of the tasks that go on. */
  private readonly running = new Set<string>();
  /** Keys of the tasks that have ended and may have left processes behind. */
  private readonly leftBehind = new Set<string>();
  private readonly unjudged = new Set<string>();
  /** Each task touched since it was last told, as it was before: by session's directory, by id. */
  private readonly before = new Map<string, Map<string, Task | undefined>>();
  private touchedTasks = 0;
  /** By directory. */
  private readonly problems = new Map<string, string>();

  constructor(
    storage: { readonly id: string; readonly directory: string },
    processes: ProcessTable,
    clock: Clock,
  ) {
    this.storage = storage;
    this.clock = clock;
    this.judge = new Judge(storage.directory, processes, clock);
    this.above = [{ path: storage.directory, identity: 0, modifiedAt: 0 }];
  }

  get(key: string): Bundle | undefined {
    const { sessionDir, taskId } = placeOf(key, this.storage.directory);
    return this.sessions.get(sessionDir)?.bundles.get(taskId);
  }

  tasks(): Task[] {
    return Array.from(this.sessions.values()).flatMap(({ bundles }) =>
      Array.from(bundles.values(), ({ task }) => task),
    );
  }

  /** Is there a task that goes on, is being started, or has left something behind? */
  get hasLive(): boolean {
    return this.running.size > 0 || this.leftBehind.size > 0 || this.spawning().size > 0;
  }

  /** Should the tasks that go on be looked at again soon? */
  get undecided(): boolean {
    return this.judge.undecided;
  }

  /** The directories of the tasks that are being started, by key. */
  spawning(): Map<string, string> {
    const directories = new Map<string, string>();
    for (const { place, spawning } of this.sessions.values()) {
      for (const taskId of spawning) {
        directories.set(taskKey(place, taskId), join(place.session.path, taskId));
      }
    }
    return directories;
  }

  /** Why a directory can't be read, in words for the user. */
  get problem(): string | undefined {
    const [first, ...others] = this.problems.values();
    if (first === undefined || others.length === 0) return first;
    return `${first} And ${others.length} more like this.`;
  }

  /** How many tasks were touched since changes were last taken and can be told without judging. */
  get touched(): number {
    return this.touchedTasks - this.unjudged.size;
  }

  /** Lists the directories down to the sessions. Answers the new sessions. */
  readStructure(): Session[] {
    const { directory: root } = this.storage;
    const listing = this.attempt(root, () => listRoot(root));
    if (listing === 'unreadable') return [];
    const found = new Map<string, SessionDirectory>();
    // A session's is told by its own listing.
    for (const path of [...this.problems.keys()]) {
      if (!this.sessions.has(path)) this.problems.delete(path);
    }
    if (listing === 'missing') {
      this.problems.set(root, `The storage ${root} is not there any more.`);
      this.above = [{ path: root, identity: 0, modifiedAt: 0 }];
    } else {
      this.above = [listing.root, ...listing.harnesses, ...listing.tasksDirectories];
      for (const { path, error } of listing.locked) {
        this.noteProblem(path, error);
        for (const known of this.knownBelow(join(path, tasksDirectoryName))) {
          found.set(known.path, known);
        }
      }
      for (const tasks of listing.tasksDirectories) {
        const sessions = this.attempt(tasks.path, () => listSessions(tasks));
        if (sessions === 'missing') continue;
        const directories = sessions === 'unreadable' ? this.knownBelow(tasks.path) : sessions;
        for (const directory of directories) found.set(directory.path, directory);
      }
    }
    for (const session of [...this.sessions.values()]) {
      if (!found.has(session.place.session.path)) this.drop(session);
    }
    const added: Session[] = [];
    for (const [path, directory] of found) {
      const { id, directory: storageDirectory } = this.storage;
      const place = { storageId: id, storageDirectory, session: directory };
      const known = this.sessions.get(path);
      if (known !== undefined) {
        known.place = place;
        continue;
      }
      const session: Session = { place, bundles: new Map(), spawning: new Set() };
      this.sessions.set(path, session);
      added.push(session);
    }
    return added;
  }

  /** Lists a session's tasks, and reads one a step. */
  *readSession(session: Session): Generator<void> {
    const { path } = session.place.session;
    this.statistics.sessionsListed += 1;
    const found = this.attempt(path, () => listTasks(path));
    if (found === 'unreadable') return;
    if (found === 'missing') {
      this.drop(session);
      return;
    }
    for (const taskId of [...session.bundles.keys(), ...session.spawning]) {
      if (!found.has(taskId)) this.keep(session, taskId, 'absent');
    }
    for (const [taskId, layouts] of found) {
      this.read(session, taskId, layouts);
      yield;
    }
  }

  /** Reads one task. */
  readTask(session: Session, taskId: string): void {
    this.read(session, taskId, findTask(session.place.session.path, taskId));
  }

  /** Looks after the tasks that go on or are being started, one a step. */
  *readLive(): Generator<void> {
    for (const session of this.sessions.values()) {
      for (const taskId of [...session.spawning]) {
        this.readTask(session, taskId);
        yield;
      }
    }
    for (const key of this.leftBehind) this.unjudged.add(key);
    for (const key of [...this.running]) {
      const bundle = this.get(key);
      const session = bundle && this.sessions.get(bundle.sessionDir);
      if (session === undefined || bundle === undefined) continue;
      this.readTask(session, bundle.task.taskId);
      this.unjudged.add(key);
      yield;
    }
  }

  /** Has the liveness of a task that goes on judged with the next changes. */
  rejudge(session: string, taskId: string): void {
    const place = this.sessions.get(session)?.place;
    const key = place && taskKey(place, taskId);
    if (key !== undefined && this.running.has(key)) this.unjudged.add(key);
  }

  /**
   * What has changed since the last call; absent where nothing has.
   * @param judging false leaves tasks whose liveness has to be judged for a later call: judging a
   * thousand of them costs little more than judging one
   */
  takeChanges(judging: boolean): TaskChanges | undefined {
    if (judging) this.judgeRunning();
    const added: Task[] = [];
    const changed: Task[] = [];
    const removed: Task[] = [];
    for (const [sessionDir, touched] of this.before) {
      const bundles = this.sessions.get(sessionDir)?.bundles;
      for (const [taskId, before] of touched) {
        const after = bundles?.get(taskId)?.task;
        if (after !== undefined && this.unjudged.has(after.key)) continue;
        touched.delete(taskId);
        this.touchedTasks -= 1;
        if (before === undefined) {
          if (after !== undefined) added.push(after);
        } else if (after === undefined) {
          removed.push(before);
        } else if (!isSameTask(before, after)) {
          changed.push(after);
        }
      }
      if (touched.size === 0) this.before.delete(sessionDir);
    }
    if (added.length + changed.length + removed.length === 0) return undefined;
    return { added, changed, removed };
  }

  private judgeRunning(): void {
    this.lookForSurvivors();
    const tasks = [...this.unjudged].flatMap((key) => {
      const bundle = this.get(key);
      if (bundle?.running === undefined) return [];
      return {
        key,
        bundle,
        record: bundle.running,
        paths: pathsOf(bundle),
        liveness: bundle.task.liveness,
      };
    });
    this.unjudged.clear();
    for (const [index, liveness] of this.judge.judge(tasks).entries()) {
      const bundle = tasks[index]?.bundle;
      if (bundle === undefined || bundle.task.liveness === liveness) continue;
      this.put({ ...bundle, task: { ...bundle.task, liveness } });
    }
  }

  private lookForSurvivors(): void {
    const found = [...this.unjudged].flatMap((key) => {
      const bundle = this.get(key);
      return bundle?.leftBehind === undefined ? [] : { bundle, record: bundle.leftBehind };
    });
    const survivors = this.judge.survivors(
      found.map(({ bundle, record }) => ({ record, paths: pathsOf(bundle) })),
    );
    for (const [index, { bundle, record }] of found.entries()) {
      const isLeft = survivors[index] === true;
      // What has gone does not come back: it is not looked for again.
      this.put({
        ...bundle,
        leftBehind: isLeft ? record : undefined,
        task: { ...bundle.task, survivors: isLeft },
      });
    }
  }

  private read(session: Session, taskId: string, layouts: FoundLayouts): void {
    const known = session.bundles.get(taskId);
    const now = this.clock.now();
    const bundle = readBundle(session.place, taskId, layouts, known, now, this.countRecord);
    if (bundle !== known) this.keep(session, taskId, bundle);
  }

  private readonly countRecord = (): void => {
    this.statistics.recordsRead += 1;
  };

  private keep(session: Session, taskId: string, bundle: Bundle | 'absent' | 'spawning'): void {
    session.spawning.delete(taskId);
    if (typeof bundle === 'object') {
      this.put(bundle);
      return;
    }
    if (bundle === 'spawning') session.spawning.add(taskId);
    const known = session.bundles.get(taskId);
    if (known === undefined) return;
    const { key } = known.task;
    this.note(session.place.session.path, taskId, known.task);
    session.bundles.delete(taskId);
    this.unjudged.delete(key);
    this.running.delete(key);
    this.leftBehind.delete(key);
    this.judge.forget(key);
  }

  private put(bundle: Bundle): void {
    const { key, taskId } = bundle.task;
    const session = this.sessions.get(bundle.sessionDir);
    const known = session?.bundles.get(taskId);
    this.note(bundle.sessionDir, taskId, known?.task);
    session?.bundles.set(taskId, bundle);
    if (bundle.leftBehind !== undefined) {
      this.leftBehind.add(key);
      if (bundle.leftBehind !== known?.leftBehind) this.unjudged.add(key);
    } else if (known?.leftBehind !== undefined) {
      this.leftBehind.delete(key);
    }
    if (bundle.running !== undefined) {
      this.running.add(key);
      if (bundle.running !== known?.running) this.unjudged.add(key);
    } else if (known?.running !== undefined) {
      this.running.delete(key);
      this.judge.forget(key);
    }
  }

  private note(sessionDir: string, taskId: string, before: Task | undefined): void {
    let touched = this.before.get(sessionDir);
    if (touched === undefined) {
      touched = new Map<string, Task | undefined>();
      this.before.set(sessionDir, touched);
    }
    if (touched.has(taskId)) return;
    touched.set(taskId, before);
    this.touchedTasks += 1;
  }

  private drop(session: Session): void {
    const { path } = session.place.session;
    for (const taskId of [...session.bundles.keys()]) this.keep(session, taskId, 'absent');
    this.sessions.delete(path);
    this.problems.delete(path);
  }

  private knownBelow(tasksDirectory: string): SessionDirectory[] {
    return Array.from(this.sessions.values(), ({ place }) => place.session).filter(
      ({ path }) => dirname(path) === tasksDirectory,
    );
  }

  /** Lists a directory. One that can't be read is a problem; what was known of it stays. */
  private attempt<T>(directory: string, list: () => T): T | 'missing' | 'unreadable' {
    try {
      const listing = list();
      this.problems.delete(directory);
      return listing;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        this.problems.delete(directory);
        return 'missing';
      }
      this.noteProblem(directory, error);
      return 'unreadable';
    }
  }

  private noteProblem(directory: string, error: unknown): void {
    const code = errorCode(error);
    const denied = code === 'EACCES' || code === 'EPERM';
    this.problems.set(
      directory,
      denied
        ? `${directory} can't be read: permission denied. Check its owner and mode.`
        : `${directory} can't be read: ${errorText(error)}.`,
    );
  }
}
