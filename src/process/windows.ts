import { listedLineage, listedSnapshot } from './listedProcesses.ts';
import type { ProcessLister } from './listedProcesses.ts';
import type { ProcessInfo, ProcessTable, SignalResult } from './processTable.ts';
import { runCommand } from './runCommand.ts';
import type { RunCommand } from './runCommand.ts';
import { isForbiddenGroup, sendSignal } from './signal.ts';

/** One line a process: its pid, its parent's, its start in epoch milliseconds. */
const script =
  'Get-CimInstance -ClassName Win32_Process -Property ProcessId,ParentProcessId,CreationDate | ' +
  'Where-Object { $_.CreationDate } | ForEach-Object { "$($_.ProcessId) $($_.ParentProcessId) ' +
  '$(([DateTimeOffset]$_.CreationDate).ToUnixTimeMilliseconds())" }';

/** `taskkill` ends with this when there is no such process. */
const taskkillNotFound = 128;

/** Parses the lines that the script prints. Other lines are skipped. */
export function parseProcessList(text: string): ProcessInfo[] {
  return text.split('\n').flatMap((row) => {
    const fields = /^\s*(\d+) (\d+) (\d+)\s*$/.exec(row);
    if (!fields) return [];
    return [
      {
        pid: Number(fields[1]),
        ppid: Number(fields[2]),
        pgid: undefined,
        sid: undefined,
        uid: undefined,
        zombie: false,
        startedAt: Number(fields[3]),
        startPrecisionMs: 1,
      },
    ];
  });
}

/**
 * A process and its descendants. Windows never changes a parent's number when the parent ends, so
 * a child counts only if it is not older than the process that has the number now.
 */
export function processTree(all: readonly ProcessInfo[], root: number): ProcessInfo[] {
  const tree = all.filter((process) => process.pid === root);
  const parents: { pid: number; startedAt: number }[] =
    tree.length > 0 ? [...tree] : [{ pid: root, startedAt: 0 }];
  for (const parent of parents) {
    for (const process of all) {
      const isChild = process.ppid === parent.pid && process.startedAt >= parent.startedAt;
      if (!isChild || process.pid === root || tree.includes(process)) continue;
      tree.push(process);
      parents.push(process);
    }
  }
  return tree;
}

/** The process table of Windows, where a "group" is the tree below a process. */
export function windowsProcessTable(run: RunCommand = runCommand): ProcessTable {
  const lister: ProcessLister = {
    list: () => {
      const result = run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', script]);
      const processes = result.status === 0 ? parseProcessList(result.stdout) : [];
      if (processes.length === 0)
        throw new Error(`powershell.exe lists nothing: ${result.problem}`);
      return processes;
    },
    // Descendants can be there when the process itself is gone.
    isGroupGone: () => false,
    membersAmong: processTree,
  };
  const lineage = listedLineage(lister);
  const signalGroup: ProcessTable['signalGroup'] = (pid, signal): SignalResult => {
    if (isForbiddenGroup(pid, lineage())) return 'forbidden';
    if (signal === 0) return sendSignal(pid, 0);
    const { status } = run('taskkill.exe', ['/PID', String(pid), '/T', '/F']);
    if (status === 0) return 'sent';
    if (status === taskkillNotFound) return 'gone';
    // It also fails when a descendant ended before its turn.
    return sendSignal(pid, 0) === 'gone' ? 'sent' : 'not-permitted';
  };
  return {
    hasGroups: false,
    snapshot: (pids, pgids) => listedSnapshot(lister, pids, pgids),
    lineage,
    signalGroup,
    signalProcess: signalGroup,
  };
}
