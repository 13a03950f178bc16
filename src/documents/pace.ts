/** Runs an action at once, and then, however often it is asked for, at most every so often. */
export class Pace {
  private readonly action: () => void;
  private readonly milliseconds: number;
  private timer: NodeJS.Timeout | undefined;
  private asked = false;

  constructor(action: () => void, milliseconds: number) {
    this.action = action;
    this.milliseconds = milliseconds;
  }

  /** Whether a timer runs. */
  get isWaiting(): boolean {
    return this.timer !== undefined;
  }

  ask(): void {
    if (this.timer !== undefined) {
      this.asked = true;
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.asked) return;
      this.asked = false;
      this.ask();
    }, this.milliseconds);
    this.action();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked = false;
  }
}
