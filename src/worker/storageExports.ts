import { getSystemErrorMessage } from 'node:util';
import { CaptureExport, type ExportSource } from '../output/captures/exportCapture.ts';
import { streamHeading } from '../output/outputText.ts';
import { PtyRenderer } from '../output/pty/ptyRenderer.ts';
import { Renderer } from '../output/rendering/renderer.ts';
import { loadTerminal } from '../output/pty/xterm.ts';
import { errorCode, PersistenceError } from '../persistence/errors.ts';
import type { TaskPaths } from '../persistence/paths.ts';
import type { CaptureStream } from '../persistence/record.ts';
import type { Store } from '../store/store.ts';
import { terminalSizeOf, usualTerminalSize } from '../store/taskTraits.ts';
import type { StorageCalls } from './calls.ts';

type ExportCalls = Pick<StorageCalls, 'openExport' | 'continueExport' | 'closeExport'>;

/** The calls that export captures. */
export function storageExports(store: Store): ExportCalls {
  const exports = new Map<number, CaptureExport>();

  const pathsOf = (key: string): TaskPaths => {
    const paths = store.pathsOf(key);
    if (paths !== undefined) return paths;
    const taskId = key.slice(key.lastIndexOf('/') + 1);
    throw new PersistenceError('not-found', `Task ${taskId} is not there any more.`);
  };

  const sinkFor = async (
    key: string,
    stream: CaptureStream,
  ): Promise<NonNullable<ExportSource['makeSink']>> => {
    if (stream !== 'pty') return () => new Renderer();
    const terminal = await loadTerminal();
    const size = terminalSizeOf(store.get(key)) ?? usualTerminalSize;
    return () => new PtyRenderer(terminal, size);
  };

  return {
    openExport: async (id, key, streams, form, destination) => {
      const paths = pathsOf(key);
      const sources = await Promise.all(
        streams.map(async (stream): Promise<ExportSource> => {
          const makeSink = form === 'rendered' ? await sinkFor(key, stream) : undefined;
          const heading = streams.length > 1 ? streamHeading(stream) : undefined;
          return { path: paths[stream], heading, makeSink };
        }),
      );
      return await telling(() => {
        const opened = new CaptureExport(paths.sessionDir, sources, destination);
        exports.set(id, opened);
        return opened.totalBytes;
      });
    },
    continueExport: async (id) => {
      const opened = exports.get(id);
      if (opened === undefined) throw new Error(`There is no export ${id}.`);
      return await telling(() => opened.step());
    },
    closeExport: async (id, keep) => {
      const opened = exports.get(id);
      exports.delete(id);
      await telling(() => {
        if (keep) opened?.finish();
        else opened?.abort();
      });
    },
  };
}

/** Has an error say what the system says, without the name of the temporary file. */
async function telling<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errorCode(error);
    if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number'))
      throw error;
    throw new Error(`${getSystemErrorMessage(error.errno)} (${code ?? ''})`, { cause: error });
  }
}
