/** Actions on tasks: one at a time on each task, in the order in which they were asked for. */
export class ActionQueue {
  /** The last action on each task that is under way, by the task's key. */
  private readonly underWay = new Map<string, Promise<unknown>>();

  /** Acts as soon as nothing else is being done to the task. */
  act<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.underWay.get(key) ?? Promise.resolve();
    const outcome = before.then(action, action);
    this.underWay.set(key, outcome);
    const settled = (): void => {
      if (this.underWay.get(key) === outcome) this.underWay.delete(key);
    };
    outcome.then(settled, settled);
    return outcome;
  }

  /** Resolves when what is under way now is done. */
  async finish(): Promise<void> {
    await Promise.allSettled(this.underWay.values());
  }
}
