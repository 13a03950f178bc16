import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Changes keys of a record as AFT does: a new file, renamed into its place. */
export function rewrite(path: string, changes: Readonly<Record<string, unknown>>): void {
  const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(`${path}.new`, JSON.stringify({ ...record, ...changes }, undefined, 2));
  renameSync(`${path}.new`, path);
}
