import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { lstat, realpath, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as vscode from 'vscode';
import { rename } from '../persistence/atomicWrite.ts';

/**
 * Writes a file that the user chose, which has its name only when it is whole; nothing is left of
 * one that is not. The parts are asked for as they are written. Rejects with the system's errors,
 * and with what the parts reject with.
 */
export async function writeWhole(
  destination: vscode.Uri,
  parts: AsyncIterable<string>,
): Promise<void> {
  if (destination.scheme === 'file') await writeLocal(destination.fsPath, parts);
  else await writeVirtual(destination, parts);
}

async function writeLocal(destination: string, parts: AsyncIterable<string>): Promise<void> {
  const target = await writtenThrough(destination);
  const temporary = path.join(path.dirname(target), temporaryName());
  try {
    await pipeline(parts, createWriteStream(temporary, { flags: 'wx', flush: true }));
    rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Of a file system that takes files as a whole only. */
async function writeVirtual(destination: vscode.Uri, parts: AsyncIterable<string>): Promise<void> {
  const { fs } = vscode.workspace;
  const temporary = vscode.Uri.joinPath(destination, '..', temporaryName());
  const whole = await buffer(parts);
  try {
    await fs.writeFile(temporary, whole);
    await fs.rename(temporary, destination, { overwrite: true });
  } catch (error) {
    await Promise.resolve(fs.delete(temporary)).catch(() => undefined);
    throw error;
  }
}

/** A link stays, and the file that it leads to is written. */
async function writtenThrough(destination: string): Promise<string> {
  const isLink = await lstat(destination).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
  return isLink ? await realpath(destination) : destination;
}

function temporaryName(): string {
  return `.${randomBytes(8).toString('hex')}.tmp`;
}
