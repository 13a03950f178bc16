/** Those beyond the limit do nothing. */
const MOST = 32;
const LARGEST = 65535;

const COLON = 0x3a;

/** The parameters of a control sequence. */
export class Parameters {
  /** -1 where a parameter was left out. */
  readonly values = new Int32Array(MOST);
  /** 1 where a parameter follows a colon: a part of the one before it. */
  readonly joined = new Uint8Array(MOST);
  private added = 0;

  get count(): number {
    return Math.min(this.added, MOST);
  }

  clear(): void {
    this.added = 0;
  }

  /** Takes a digit, a semicolon or a colon. */
  take(byte: number): void {
    // A separator that comes first follows a parameter that was left out.
    if (this.added === 0) this.add(0);
    if (byte >= COLON) this.add(byte === COLON ? 1 : 0);
    else {
      const last = this.added - 1;
      const value = Math.max(0, this.values[last] ?? 0);
      this.values[last] = Math.min(value * 10 + byte - 0x30, LARGEST);
    }
  }

  /** Those beyond the limit are counted, so that their digits go nowhere. */
  private add(joined: number): void {
    if (this.added < MOST) {
      this.values[this.added] = -1;
      this.joined[this.added] = joined;
    }
    this.added = Math.min(this.added + 1, MOST + 1);
  }
}
