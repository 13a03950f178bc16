import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errorCode, errorText } from '../persistence/errors.ts';
import { hiddenSnapshot } from './processTable.ts';
import type {
  GroupLookup,
  NestedProcess,
  ProcessInfo,
  ProcessLookup,
  ProcessTable,
} from './processTable.ts';
import { isGroupGone, sendSignal, signalOneProcess, signalProcessGroup } from './signal.ts';

/** `starttime` counts in USER_HZ, which is 100 on every architecture that Node runs on. */
const millisecondsPerTick = 10;
/** At worst: `btime` is the boot time cut to a second, `starttime` is cut to a tick. */
const startPrecisionMs = 1000 + millisecondsPerTick;

/** `O_ACCMODE`: the bits for writing; 0 in them is reading only. */
const accessModes = 0o3;

/** What `/proc/<pid>/stat` tells. */
export interface ProcStat {
  readonly pid: number;
  readonly state: string;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly threads: number;
  readonly startTicks: number;
}

/** Parses `/proc/<pid>/stat` (proc_pid_stat(5)). The second field, a name, can hold anything. */
export function parseProcStat(text: string): ProcStat | undefined {
  const name = text.indexOf('(');
  const afterName = text.lastIndexOf(')');
  if (name < 0 || afterName < name) return undefined;
  const [state, ...numbers] = text
    .slice(afterName + 1)
    .trim()
    .split(' ');
  const field = (number: number): number => Number(numbers[number - 4]);
  const stat = {
    pid: Number.parseInt(text, 10),
    state: state ?? '',
    ppid: field(4),
    pgid: field(5),
    sid: field(6),
    threads: field(20),
    startTicks: field(22),
  };
  const { state: letter, ...rest } = stat;
  return letter !== '' && Object.values(rest).every(Number.isInteger) ? stat : undefined;
}

/** Linux's process table: reads `/proc` only for the processes asked for. */
export function linuxProcessTable(proc = '/proc'): ProcessTable {
  const read = (...path: (string | number)[]): string =>
    readFileSync(join(proc, ...path.map(String)), 'utf8');

  const bootTime = (): number => {
    const seconds = /^btime (\d+)$/m.exec(read('stat'))?.[1];
    if (seconds === undefined) throw new Error(`${proc}/stat has no boot time`);
    const cut = Number(seconds) * 1000;
    // Not too late: what began before an end is not to look as if it had begun after it, and an end's
    // file has the time of the kernel's last tick. Up to 30 ms too early.
    const exact = Date.now() - upMs() - 2 * millisecondsPerTick;
    // A container may have an uptime of its own.
    return exact >= cut && exact < cut + 1000 ? exact : cut;
  };

  /** Cut to a hundredth of a second; not a number where the system does not say. */
  const upMs = (): number => {
    try {
      return Number(read('uptime').split(' ', 1)[0]) * 1000;
    } catch {
      return NaN;
    }
  };

  const stat = (pid: number | string): ProcStat => {
    const parsed = parseProcStat(read(pid, 'stat'));
    if (!parsed) throw new Error(`${proc}/${pid}/stat can't be understood`);
    return parsed;
  };

  const describe = (
    found: ProcStat,
    boot: number,
    status = read(found.pid, 'status'),
  ): ProcessInfo => {
    // Not the directory's owner: that is root for a process that may not be dumped.
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
    if (uid === undefined) throw new Error(`${proc}/${found.pid}/status has no user`);
    return {
      pid: found.pid,
      ppid: found.ppid,
      pgid: found.pgid,
      sid: found.sid,
      uid: Number(uid),
      // A process whose first thread has ended while others run has the letter Z too.
      zombie: 'ZXx'.includes(found.state) && found.threads <= 1,
      startedAt: boot + found.startTicks * millisecondsPerTick,
      startPrecisionMs,
    };
  };

  const processLookup = (pid: number, boot: number): ProcessLookup => {
    if (!Number.isInteger(pid) || pid < 1) return { state: 'gone' };
    try {
      const status = read(pid, 'status');
      // A thread's number is no process's, but a signal to it reaches the process that it is in.
      const owner = /^Tgid:\s+(\d+)$/m.exec(status)?.[1];
      if (owner !== undefined && Number(owner) !== pid) return { state: 'gone' };
      return { state: 'found', process: describe(stat(pid), boot, status) };
    } catch (error) {
      // `hidepid` makes other users' processes look absent: only the kernel's ESRCH means gone.
      if (isAbsent(error) && sendSignal(pid, 0) === 'gone') return { state: 'gone' };
      return { state: 'hidden', reason: `process ${pid} can't be examined (${errorText(error)})` };
    }
  };

  const walk = (pgids: ReadonlySet<number>, boot: number): Map<number, ProcessInfo[]> => {
    const groups = new Map<number, ProcessInfo[]>();
    for (const name of readdirSync(proc)) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const found = stat(name);
        if (!pgids.has(found.pgid)) continue;
        const members = groups.get(found.pgid) ?? [];
        groups.set(found.pgid, members);
        members.push(describe(found, boot));
      } catch (error) {
        if (!isAbsent(error) && !isDenied(error)) throw error;
      }
    }
    return groups;
  };

  const groupLookups = (pgids: readonly number[], boot: number): Map<number, GroupLookup> => {
    const lookups = new Map<number, GroupLookup>();
    const pending = new Set<number>();
    for (const pgid of pgids) {
      if (isGroupGone(pgid)) lookups.set(pgid, { state: 'listed', members: [] });
      else pending.add(pgid);
    }
    // Two walks: a child born behind the first one's back while its parent ended is in the second.
    for (let walks = 0; walks < 2 && pending.size > 0; walks++) {
      const groups = walk(pending, boot);
      for (const pgid of pending) {
        const members = groups.get(pgid) ?? [];
        lookups.set(
          pgid,
          members.length > 0 || isGroupGone(pgid)
            ? { state: 'listed', members }
            : { state: 'hidden', reason: `the processes of group ${pgid} can't be examined` },
        );
        if (members.some((member) => !member.zombie)) pending.delete(pgid);
      }
    }
    return lookups;
  };

  const nested = (pgids: ReadonlySet<number>): Map<number, NestedProcess[]> => {
    const found = new Map<number, NestedProcess[]>();
    const boot = bootTime();
    for (const name of readdirSync(proc)) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const status = read(name, 'status');
        const [pids, groups] = [
          namespaceNumbers(status, 'NSpid'),
          namespaceNumbers(status, 'NSpgid'),
        ];
        for (const [level, pgid] of groups.entries()) {
          if (level === 0 || !pgids.has(pgid)) continue;
          const process = describe(stat(name), boot);
          const members = found.get(pgid) ?? [];
          found.set(pgid, members);
          if (!process.zombie) members.push({ ...process, leader: pids[level] === pgid });
        }
      } catch (error) {
        if (!isAbsent(error) && !isDenied(error)) throw error;
      }
    }
    return found;
  };

  /** Whoever only reads a file, such as a viewer, is not meant. */
  const isWriter = (pid: number, fd: string, files: readonly string[]): boolean => {
    try {
      const link = join(proc, String(pid), 'fd', fd);
      // By the name first: to look at what a descriptor leads to can take for ever (network).
      const name = basename(readlinkSync(link));
      const candidates = files.filter((file) => basename(file) === name);
      if (candidates.length === 0) return false;
      const flags = /^flags:\s+([0-7]+)$/m.exec(read(pid, 'fdinfo', fd))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & accessModes) === 0) return false;
      const open = statSync(link, { bigint: true });
      return candidates.some((file) => {
        const found = lstatSync(file, { bigint: true, throwIfNoEntry: false });
        return found?.isFile() === true && found.dev === open.dev && found.ino === open.ino;
      });
    } catch {
      // Closed meanwhile, or another user's.
      return false;
    }
  };

  const table: ProcessTable = {
    hasGroups: true,
    snapshot: (pids, pgids) => {
      const [wantedPids, wantedGroups] = [[...new Set(pids)], [...new Set(pgids)]];
      if (wantedPids.length + wantedGroups.length === 0) {
        return { processes: new Map(), groups: new Map() };
      }
      try {
        // `/proc` of another process namespace than ours has numbers that signals don't take.
        if (readlinkSync(join(proc, 'self')) !== String(process.pid)) {
          throw new Error(`${proc} is another process namespace's`);
        }
        const boot = bootTime();
        return {
          processes: new Map(wantedPids.map((pid) => [pid, processLookup(pid, boot)])),
          groups: groupLookups(wantedGroups, boot),
          bootedAt: boot,
        };
      } catch (error) {
        const reason = `the process table can't be read (${errorText(error)})`;
        return hiddenSnapshot(wantedPids, wantedGroups, reason);
      }
    },
    nested: (pgids) => {
      const wanted = new Set(pgids);
      try {
        return wanted.size === 0 ? new Map<number, NestedProcess[]>() : nested(wanted);
      } catch {
        // Without a process table nothing was found gone, so nobody asks.
        return new Map<number, NestedProcess[]>();
      }
    },
    lineage: () => {
      const lineage: ProcessInfo[] = [];
      try {
        const boot = bootTime();
        for (let pid: number | 'self' = 'self'; pid !== 0;) {
          const found: ProcessInfo = describe(stat(pid), boot);
          lineage.push(found);
          pid = found.ppid;
        }
      } catch {
        // `hidepid`, or no /proc: what is known so far is the answer.
      }
      return lineage;
    },
    names: (pid) => {
      try {
        const [argv0 = ''] = read(pid, 'cmdline').split('\0', 1);
        return { comm: read(pid, 'comm').trimEnd(), argv0 };
      } catch {
        return undefined;
      }
    },
    writesTo: (pid, files) => {
      try {
        return readdirSync(join(proc, String(pid), 'fd')).some((fd) => isWriter(pid, fd, files));
      } catch {
        return false;
      }
    },
    signalGroup: (pgid, signal) => signalProcessGroup(table, pgid, signal),
    signalProcess: (pid, signal) => signalOneProcess(table, pid, signal),
  };
  return table;
}

/** A process's numbers in its namespaces, outermost first. */
function namespaceNumbers(status: string, field: 'NSpid' | 'NSpgid'): number[] {
  const line = new RegExp(`^${field}:\\s+(.+)$`, 'm').exec(status)?.[1];
  return line?.split(/\s+/).map(Number) ?? [];
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '');
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(errorCode(error) ?? '');
}
