import { darwinProcessTable } from './darwin.ts';
import { linuxProcessTable } from './linux.ts';
import type { ProcessTable } from './processTable.ts';
import { windowsProcessTable } from './windows.ts';

/** The process table of the system that we run on. */
export function hostProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  if (platform === 'linux') return linuxProcessTable();
  return platform === 'win32' ? windowsProcessTable() : darwinProcessTable();
}
