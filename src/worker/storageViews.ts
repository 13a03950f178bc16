import { closeSync } from 'node:fs';
import { CaptureView, lastLines } from '../output/captureView.ts';
import { captureStreams } from '../persistence/capture.ts';
import { PersistenceError } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import { openSafely } from '../persistence/safeFile.ts';
import type { Store } from '../store/store.ts';
import type { StorageCalls } from './calls.ts';

type ViewCalls = Pick<
  StorageCalls,
  'capturePath' | 'lastLines' | 'openOutput' | 'readOutput' | 'closeOutput'
>;

/** The calls that read captures. */
export function storageViews(store: Store): ViewCalls {
  const views = new Map<number, CaptureView>();
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
    lastLines: (key, count) => {
      const { sessionDir, ...paths } = pathsOf(key);
      const { mode = 'pipes' } = store.get(key) ?? {};
      return captureStreams(mode)
        .flatMap((stream) => lastLines(sessionDir, paths[stream], count))
        .slice(-count);
    },
    openOutput: (view, key, stream, window) => {
      const paths = pathsOf(key);
      const opened = new CaptureView(paths.sessionDir, paths[stream], window);
      views.set(view, opened);
      return opened.open();
    },
    readOutput: (view) => views.get(view)?.read(),
    closeOutput: (view) => {
      views.delete(view);
    },
  };
}
