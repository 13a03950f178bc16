import { closeSync } from 'node:fs';
import { streamHeading } from '../output/outputText.ts';
import { CaptureView, lastLines } from '../output/captures/captureView.ts';
import { readExcerpt, type ExcerptSink } from '../output/captures/excerpt.ts';
import { findPlace } from '../output/captures/foundPlace.ts';
import { PtyRenderer } from '../output/pty/ptyRenderer.ts';
import { PtyView } from '../output/pty/ptyView.ts';
import { CaptureReplay } from '../output/captures/replay.ts';
import { PacedRenderer } from '../output/rendering/pacedRenderer.ts';
import { loadTerminal } from '../output/pty/xterm.ts';
import { captureWrittenAt } from '../persistence/capture.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { openSafely } from '../persistence/safeFile.ts';
import type { Store } from '../store/store.ts';
import type { Task } from '../store/task.ts';
import { terminalSizeOf, usualTerminalSize, type TerminalSize } from '../store/taskTraits.ts';
import type { StorageCalls } from './calls.ts';

type ViewCalls = Pick<
  StorageCalls,
  | 'capturePath'
  | 'lastLines'
  | 'openOutput'
  | 'readOutput'
  | 'loadEarlier'
  | 'findPlace'
  | 'readExcerpt'
  | 'openReplay'
  | 'readReplay'
  | 'closeOutput'
>;

/** A view whose calls are made one after the other. */
interface View {
  readonly shown: CaptureView | Promise<PtyView>;
  /** Ends the call under way. */
  readonly closing: AbortController;
  last: Promise<unknown> | undefined;
}

/** The calls that read captures. */
export function storageViews(store: Store): ViewCalls {
  const views = new Map<number, View>();
  const replays = new Map<number, CaptureReplay>();
  /** End the reading of excerpts. */
  const excerpts = new Map<number, AbortController>();
  const pathsOf = (key: string): TaskPaths => {
    const paths = store.pathsOf(key);
    if (paths !== undefined) return paths;
    const taskId = key.slice(key.lastIndexOf('/') + 1);
    throw new PersistenceError('not-found', `Task ${taskId} is not there any more.`);
  };
  return {
    capturePath: (key, stream) => {
      const paths = pathsOf(key);
      const path = paths[stream];
      closeSync(openSafely(paths.sessionDir, path).fd);
      return path;
    },
    lastLines: async (key, count) => {
      const { sessionDir, ...paths } = pathsOf(key);
      const task = store.get(key);
      if (task?.mode === 'pty') {
        return await lastLines(sessionDir, paths.pty, count, await ptyRendererOf(task));
      }
      const stdout = await lastLines(sessionDir, paths.stdout, count);
      const stderr = await lastLines(sessionDir, paths.stderr, count);
      if (stdout.length === 0 || stderr.length === 0) return [...stdout, ...stderr];
      const half = Math.ceil(count / 2);
      return [
        streamHeading('stdout'),
        ...stdout.slice(-Math.max(half, count - stderr.length)),
        streamHeading('stderr'),
        ...stderr.slice(-Math.max(half, count - stdout.length)),
      ];
    },
    openOutput: async (view, key, stream, window) => {
      const { sessionDir, [stream]: path } = pathsOf(key);
      const closing = new AbortController();
      const { signal } = closing;
      let size = usualTerminalSize;
      const sizeNow = (): TerminalSize => (size = terminalSizeOf(store.get(key)) ?? size);
      const openPty = async (): Promise<PtyView> =>
        new PtyView(await loadTerminal(), sizeNow, sessionDir, path, window, signal);
      const shown =
        stream === 'pty' ? openPty() : new CaptureView(sessionDir, path, window, signal);
      const opened: View = { shown, closing, last: undefined };
      // At once: it may be closed while it is being opened.
      views.set(view, opened);
      // Before it is read: what is written meanwhile counts when it is read.
      const writtenAt = captureWrittenAt(path);
      return { ...(await inTurn(opened, (there) => there.open())), writtenAt };
    },
    readOutput: async (view, kept) => {
      const opened = views.get(view);
      return opened && (await unlessClosed(opened, (shown) => shown.read(kept)));
    },
    loadEarlier: async (view) => {
      const opened = views.get(view);
      return opened && (await unlessClosed(opened, (shown) => shown.loadEarlier()));
    },
    findPlace: (key, stream, offset, text) => {
      const { sessionDir, [stream]: path } = pathsOf(key);
      return findPlace(sessionDir, path, offset, text);
    },
    readExcerpt: async (view, key, stream, place) => {
      const { sessionDir, [stream]: path } = pathsOf(key);
      const makeSink = async (): Promise<ExcerptSink> =>
        stream === 'pty' ? await ptyRendererOf(store.get(key)) : new PacedRenderer();
      const closing = new AbortController();
      excerpts.set(view, closing);
      try {
        return await readExcerpt(sessionDir, path, place, makeSink, closing.signal);
      } finally {
        excerpts.delete(view);
      }
    },
    openReplay: (view, key, stream) => {
      const { sessionDir, [stream]: path } = pathsOf(key);
      const opened = new CaptureReplay(sessionDir, path);
      replays.set(view, opened);
      return opened.open();
    },
    readReplay: (view) => replays.get(view)?.read(),
    closeOutput: (view) => {
      views.get(view)?.closing.abort();
      excerpts.get(view)?.abort();
      views.delete(view);
      replays.delete(view);
    },
  };
}

async function ptyRendererOf(task: Task | undefined): Promise<PtyRenderer> {
  return new PtyRenderer(await loadTerminal(), terminalSizeOf(task) ?? usualTerminalSize);
}

type Call<Answer> = (shown: CaptureView | PtyView) => Promise<Answer>;

/**
 * Calls a view once its calls before have settled, as one that renders takes turns. Rejects where it
 * is closed before the answer.
 */
async function inTurn<Answer>(view: View, call: Call<Answer>): Promise<Answer> {
  const work = async (): Promise<Answer> => {
    const shown = await view.shown;
    view.closing.signal.throwIfAborted();
    return await call(shown);
  };
  const answer = Promise.resolve(view.last).then(work, work);
  view.last = answer;
  return await answer;
}

/** As `inTurn`; absent where the view is closed before the answer. */
async function unlessClosed<Answer>(view: View, call: Call<Answer>): Promise<Answer | undefined> {
  try {
    return await inTurn(view, call);
  } catch (error) {
    if (view.closing.signal.aborted) return undefined;
    throw error;
  }
}
