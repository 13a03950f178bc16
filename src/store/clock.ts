/** Time, as far as the store needs it; tests put their own in its place. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `action` once, after `delay` ms, unless the returned function is called before. */
  after(delay: number, action: () => void): () => void;
}

/** The system's clock. Its timers don't keep the process or the thread alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delay, action) => {
    const timer = setTimeout(action, delay);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
