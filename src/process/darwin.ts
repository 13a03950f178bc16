import { listedLineage, listedSnapshot } from './listedProcesses.ts';
import type { ProcessLister } from './listedProcesses.ts';
import type { ProcessInfo, ProcessTable } from './processTable.ts';
import { runCommand } from './runCommand.ts';
import type { RunCommand } from './runCommand.ts';
import { isGroupGone, signalOneProcess, signalProcessGroup } from './signal.ts';

/**
 * What `ps` is asked for. `stat` and not `sess`, which is an address on macOS: its `s` marks session
 * leaders. `ruid`: the real user.
 */
const columns = 'pid=,ppid=,pgid=,ruid=,stat=,lstart=';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const line =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+\w{3}\s+(\w{3})\s+(\d+)\s+(\d+):(\d+):(\d+)\s+(\d{4})\s*$/;

/** Parses the output of `ps` with our columns, in the C locale and UTC. Other lines are skipped. */
export function parsePs(text: string): ProcessInfo[] {
  return text.split('\n').flatMap((row) => {
    const fields = line.exec(row);
    if (!fields) return [];
    const number = (index: number): number => Number(fields[index]);
    const [pid, stat] = [number(1), fields[5] ?? ''];
    const month = months.indexOf(fields[6] ?? '');
    return [
      {
        pid,
        ppid: number(2),
        pgid: number(3),
        sid: stat.includes('s') ? pid : undefined,
        uid: number(4),
        zombie: stat.startsWith('Z'),
        startedAt: Date.UTC(number(11), month, number(7), number(8), number(9), number(10)),
        startPrecisionMs: 1000,
      },
    ];
  });
}

/** The process table of macOS, read by one `ps` for all that is asked. */
export function darwinProcessTable(run: RunCommand = runCommand, ps = '/bin/ps'): ProcessTable {
  const lister: ProcessLister = {
    list: () => {
      const result = run(ps, ['-A', '-o', columns], { LC_ALL: 'C', TZ: 'UTC0' });
      const processes = result.status === 0 ? parsePs(result.stdout) : [];
      if (processes.length === 0) throw new Error(`${ps} lists nothing: ${result.problem}`);
      return processes;
    },
    isGroupGone,
    membersAmong: (all, pgid) => all.filter((process) => process.pgid === pgid),
  };
  const table: ProcessTable = {
    hasGroups: true,
    snapshot: (pids, pgids) => listedSnapshot(lister, pids, pgids),
    lineage: listedLineage(lister),
    signalGroup: (pgid, signal) => signalProcessGroup(table, pgid, signal),
    signalProcess: (pid, signal) => signalOneProcess(table, pid, signal),
  };
  return table;
}
