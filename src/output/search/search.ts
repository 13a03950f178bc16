import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SearchMatch } from './searchCapture.ts';
import type { SearchQuery } from './searchPattern.ts';
import type { SearchNews, SearchTarget, SearchThreadData } from './searchThread.ts';

export interface SearchOptions<Target extends SearchTarget> {
  /** The bundled `searchThread.ts`. */
  readonly script: string;
  /** One that `compileSearch` takes. */
  readonly query: SearchQuery;
  /** In the order in which they are searched. */
  readonly targets: readonly Target[];
  /** Of the matches in one capture, so many are reported whole. */
  readonly limit: number;
  /** A pattern that looks at the same chunk for so many milliseconds ends the search. */
  readonly patience: number;
  readonly onNews: (target: Target, news: SearchNews) => void;
}

/** How a search ended. */
export type SearchEnd<Target> =
  /** Every capture is searched. */
  | { readonly kind: 'complete' }
  /** By `stop`. */
  | { readonly kind: 'stopped' }
  /** The pattern took longer than `patience` in one place of this capture. */
  | { readonly kind: 'stuck'; readonly target: Target };

export type { SearchMatch, SearchNews, SearchTarget };

const mostThreads = 4;
/** Looks at a thread within the patience that it has. */
const looksAtOne = 10;

/**
 * A search through captures, in threads of its own: ending a thread is the one way to stop a
 * regular expression that runs away.
 */
export class Search<Target extends SearchTarget> {
  /** Resolves when the search is over; rejects where a thread fails. */
  readonly ended: Promise<SearchEnd<Target>>;
  private readonly options: SearchOptions<Target>;
  private readonly left: Target[];
  private readonly threads = new Map<Worker, NodeJS.Timeout>();
  private readonly resolve: (end: SearchEnd<Target>) => void;
  private readonly reject: (error: Error) => void;

  constructor(options: SearchOptions<Target>) {
    this.options = options;
    this.left = [...options.targets];
    const { promise, resolve, reject } = Promise.withResolvers<SearchEnd<Target>>();
    this.ended = promise;
    this.resolve = resolve;
    this.reject = reject;
    const count = Math.min(mostThreads, Math.max(1, availableParallelism()), this.left.length);
    for (let started = 0; started < count; started++) this.startThread();
    if (count === 0) resolve({ kind: 'complete' });
  }

  stop(): void {
    this.end({ kind: 'stopped' });
  }

  private startThread(): void {
    const { script, query, limit, onNews } = this.options;
    const matching = new SharedArrayBuffer(4);
    const data: SearchThreadData = { query, limit, matching };
    const thread = new Worker(script, { workerData: data, name: 'aft-search' });
    let target: Target | undefined;
    const next = (): void => {
      target = this.left.shift();
      if (target !== undefined) thread.postMessage(target);
      else this.endThread(thread);
    };
    thread.on('message', (news: SearchNews) => {
      if (target === undefined || !this.threads.has(thread)) return;
      onNews(target, news);
      if (news.done) next();
    });
    thread.on('error', (error: unknown) => {
      this.reject(error instanceof Error ? error : new Error(String(error)));
      this.stop();
    });
    this.threads.set(
      thread,
      this.watch(new Int32Array(matching), () => target),
    );
    next();
  }

  /** Ends the search where a thread's pattern looks at the same chunk for too long. */
  private watch(matching: Int32Array, target: () => Target | undefined): NodeJS.Timeout {
    let last = 0;
    let looks = 0;
    const { patience } = this.options;
    // Looks are counted, not milliseconds: a machine that slept has not searched meanwhile.
    return setInterval(() => {
      const chunk = Atomics.load(matching, 0);
      const searched = target();
      looks = chunk !== 0 && chunk === last ? looks + 1 : 0;
      last = chunk;
      if (looks >= looksAtOne && searched !== undefined) {
        this.end({ kind: 'stuck', target: searched });
      }
    }, patience / looksAtOne);
  }

  private endThread(thread: Worker): void {
    clearInterval(this.threads.get(thread));
    this.threads.delete(thread);
    void thread.terminate();
    if (this.threads.size === 0) this.resolve({ kind: 'complete' });
  }

  private end(end: SearchEnd<Target>): void {
    this.resolve(end);
    this.left.length = 0;
    for (const [thread, timer] of this.threads) {
      clearInterval(timer);
      void thread.terminate();
    }
    this.threads.clear();
  }
}
