import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/store/clock.ts';

/** A clock that only the test moves. */
export class ManualClock implements Clock {
  private time = Date.now();
  private readonly timers = new Set<{ readonly due: number; readonly action: () => void }>();

  now(): number {
    return this.time;
  }

  after(delay: number, action: () => void): () => void {
    const timer = { due: this.time + delay, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves on, calls what becomes due in its order, and lets what that began go on. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await turn();
      const [next] = [...this.timers].sort((left, right) => left.due - right.due);
      if (next === undefined || next.due > end) break;
      this.time = Math.max(this.time, next.due);
      this.timers.delete(next);
      next.action();
    }
    this.time = end;
  }
}
