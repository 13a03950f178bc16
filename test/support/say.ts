/** Tells the person at the terminal what is going on. On stderr, so that results stay apart. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
