import type { Clock } from './clock.ts';

/**
 * Runs one piece of work over and over, on request: requests that come close together cost one run,
 * and no run begins before the one before it is over.
 */
export class Scheduler {
  private readonly work: () => Promise<void>;
  private readonly onError: (error: unknown) => void;
  private readonly clock: Clock;
  private cancelTimer: (() => void) | undefined;
  private due = Infinity;
  private running = false;
  private disposed = false;
  private waiting: (() => void)[] = [];

  constructor(work: () => Promise<void>, onError: (error: unknown) => void, clock: Clock) {
    this.work = work;
    this.onError = onError;
    this.clock = clock;
  }

  /** Asks for a run that begins within `delay` ms, or as soon as the present one is over. */
  request(delay: number): void {
    const due = this.clock.now() + delay;
    if (this.disposed || due >= this.due) return;
    this.due = due;
    if (!this.running) this.arm();
  }

  /** Asks for a run at once; resolves when a run that began after the call is over. */
  async run(): Promise<void> {
    if (this.disposed) return;
    const over = new Promise<void>((resolve) => this.waiting.push(resolve));
    this.request(0);
    await over;
  }

  /** No run begins any more; what waits for one is let go. */
  dispose(): void {
    this.disposed = true;
    this.cancelTimer?.();
    this.release(this.waiting.splice(0));
  }

  private arm(): void {
    this.cancelTimer?.();
    this.cancelTimer = this.clock.after(Math.max(0, this.due - this.clock.now()), () => {
      this.cancelTimer = undefined;
      void this.execute();
    });
  }

  private async execute(): Promise<void> {
    this.due = Infinity;
    this.running = true;
    const waiting = this.waiting.splice(0);
    try {
      await this.work();
    } catch (error) {
      this.onError(error);
    }
    this.running = false;
    this.release(waiting);
    if (this.due < Infinity && !this.disposed) this.arm();
  }

  private release(waiting: readonly (() => void)[]): void {
    for (const resolve of waiting) resolve();
  }
}
