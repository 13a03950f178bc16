import { closeSync } from 'node:fs';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { PersistenceError } from '../../persistence/errors.ts';
import { openSafely } from '../../persistence/safeFile.ts';
import { CaptureSearcher, type SearchMatch } from './searchCapture.ts';
import { compileSearch, type SearchQuery } from './searchPattern.ts';

/** A capture to search; no symbolic link between the two is followed. */
export interface SearchTarget {
  readonly sessionDir: string;
  readonly path: string;
}

/** What a search's thread is started with. */
export interface SearchThreadData {
  readonly query: SearchQuery;
  /** Of the matches in one capture, so many are reported whole. */
  readonly limit: number;
  /** One number: 0 except while the pattern looks at a chunk, another one for each. */
  readonly matching: SharedArrayBuffer;
}

/** What a search's thread tells. */
export interface SearchNews {
  readonly matches: readonly SearchMatch[];
  /** Matches that are not reported whole. */
  readonly further: number;
  /** Bytes searched since the last news. */
  readonly bytes: number;
  /** The capture is searched to its end, or can't be read: `problem` says why, in words. */
  readonly done: boolean;
  readonly problem: string | undefined;
}

const tellEvery = 50;

/** The root of a search's thread: searches the captures that it is sent, one after the other. */
function serve(port: MessagePort, { query, limit, matching }: SearchThreadData): void {
  const searcher = new CaptureSearcher(compileSearch(query), limit);
  const chunk = new Int32Array(matching);
  let chunks = 0;
  let matches: SearchMatch[] = [];
  let further = 0;
  let bytes = 0;
  let told = 0;

  const tell = (done: boolean, problem?: string): void => {
    const news: SearchNews = { matches, further, bytes, done, problem };
    port.postMessage(news);
    matches = [];
    further = 0;
    bytes = 0;
    told = performance.now();
  };

  const search = ({ sessionDir, path }: SearchTarget): void => {
    const { fd, stats } = openSafely(sessionDir, path);
    try {
      let before = 0;
      searcher.search(fd, stats.size, {
        onMatch: (match) => matches.push(match),
        onFurtherMatch: () => further++,
        onMatching: () => {
          // What is found must not be lost where the pattern runs away now.
          if (matches.length > 0) tell(false);
          chunks += 1;
          Atomics.store(chunk, 0, chunks);
        },
        onProgress: (offset) => {
          Atomics.store(chunk, 0, 0);
          bytes += offset - before;
          before = offset;
          if (performance.now() - told > tellEvery) tell(false);
        },
      });
    } finally {
      Atomics.store(chunk, 0, 0);
      closeSync(fd);
    }
  };

  port.on('message', (target: SearchTarget) => {
    try {
      search(target);
      tell(true);
    } catch (thrown) {
      const error = PersistenceError.from(thrown, target.path);
      // A capture that was deleted meanwhile is none to search.
      tell(true, error.reason === 'not-found' ? undefined : error.message);
    }
  });
}

if (parentPort !== null) serve(parentPort, workerData as SearchThreadData);
