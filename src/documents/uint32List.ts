/** A growing list of unsigned 32-bit numbers: four bytes each, whatever their number. */
export class Uint32List {
  private numbers: Uint32Array;
  private count: number;

  /** Takes over `numbers`. */
  constructor(numbers: Uint32Array = new Uint32Array(0)) {
    this.numbers = numbers;
    this.count = numbers.length;
  }

  get length(): number {
    return this.count;
  }

  at(index: number): number {
    return this.numbers[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.numbers[index] = value;
  }

  push(value: number): void {
    if (this.count === this.numbers.length) {
      const larger = new Uint32Array(Math.max(64, this.count * 2));
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.count] = value;
    this.count += 1;
  }

  truncate(length: number): void {
    this.count = Math.min(this.count, length);
  }
}
