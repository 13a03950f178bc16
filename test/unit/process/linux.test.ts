import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { linuxProcessTable, parseProcStat } from '../../../src/process/linux.ts';
import { liveMembers } from '../../../src/process/processTable.ts';
import { ProcessGroups, until } from './processGroups.ts';

const stat = (name: string, state = 'S', threads = 1): string =>
  `4242 (${name}) ${state} 1 4242 4242 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 ${threads} 0 88601 3133440 362`;

describe('the process table of the system', () => {
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  afterEach(() => {
    groups.endAll();
  });

  it('tells a process’s group, session, user and start', async () => {
    const before = Date.now();
    const { pid } = await groups.start('echo ready; sleep 300');
    const found = table.snapshot([pid], []).processes.get(pid);
    assert(found?.state === 'found');
    const { startedAt, startPrecisionMs, ...rest } = found.process;
    assert.deepEqual(rest, {
      pid,
      ppid: process.pid,
      pgid: pid,
      sid: pid,
      uid: process.getuid?.(),
      zombie: false,
    });
    assert(startedAt <= Date.now(), 'starts in the future');
    assert(startedAt + startPrecisionMs >= before, 'starts before it was started');
  });

  it('tells two starts apart that lie a tenth of a second from each other', async () => {
    const { pid } = await groups.start('sleep 0.2; echo ready; sleep 300');
    const between = Date.now() - 100;
    const later = await groups.start('echo ready; sleep 300');
    const { processes } = table.snapshot([pid, later.pid], []);
    const [first, second] = [processes.get(pid), processes.get(later.pid)];
    assert(first?.state === 'found' && second?.state === 'found');
    assert(first.process.startedAt < between);
    assert(second.process.startedAt > between);
  });

  it('tells that a process is gone', async () => {
    const pid = await groups.ended();
    assert.deepEqual(table.snapshot([pid], []).processes.get(pid), { state: 'gone' });
  });

  it('lists the members of the groups asked for, and no others', async () => {
    const first = await groups.start('sleep 300 & sleep 300 & echo ready; wait');
    const second = await groups.start('echo ready; exec sleep 300');
    const snapshot = table.snapshot([], [first.pid, second.pid]);
    assert.equal(liveMembers(snapshot.groups.get(first.pid)).length, 3);
    assert.deepEqual(
      liveMembers(snapshot.groups.get(second.pid)).map((member) => member.pid),
      [second.pid],
    );
    assert.equal(snapshot.groups.size, 2);
    assert.equal(snapshot.processes.size, 0);
  });

  it('lists no member of a group that has ended', async () => {
    const pid = await groups.ended();
    assert.deepEqual(table.snapshot([], [pid]).groups.get(pid), { state: 'listed', members: [] });
  });

  it('tells a zombie from a live process', async () => {
    const { pid } = await groups.startZombie(table);
    const { processes, groups: found } = table.snapshot([pid], [pid]);
    const lookup = processes.get(pid);
    assert(lookup?.state === 'found' && lookup.process.zombie);
    assert.deepEqual(liveMembers(found.get(pid)), []);
  });

  it('answers for numbers that no process can have', () => {
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 40]) {
      assert.notEqual(table.snapshot([pid], [pid]).processes.get(pid)?.state, 'found', String(pid));
    }
  });

  it('signals a whole group', async () => {
    const { pid } = await groups.start('sleep 300 & echo ready; sleep 300');
    assert.equal(table.signalGroup(pid, 0), 'sent');
    assert.equal(table.signalGroup(pid, 'SIGKILL'), 'sent');
    await until(() => liveMembers(table.snapshot([], [pid]).groups.get(pid)).length === 0);
  });

  it('answers that a group is gone', async () => {
    assert.equal(table.signalGroup(await groups.ended(), 'SIGTERM'), 'gone');
  });

  it('never signals its own group, an ancestor’s, or what is no group', () => {
    const lineage = table.lineage();
    assert.equal(lineage[0]?.pid, process.pid);
    assert.equal(lineage[1]?.pid, process.ppid);
    const numbers = lineage.flatMap(({ pid, pgid }) => [pid, pgid ?? 0]);
    for (const number of [...numbers, 0, 1, -1, -5, 1.5, Number.NaN, 2 ** 31, 2 ** 32 + 2]) {
      assert.equal(table.signalGroup(number, 0), 'forbidden', String(number));
    }
  });
});

describe('/proc', () => {
  let proc: string;
  const groups = new ProcessGroups();
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'aft-proc-'));
    writeFileSync(join(proc, 'stat'), 'cpu 1 2 3\nbtime 1700000000\nprocesses 5\n');
    symlinkSync(String(process.pid), join(proc, 'self'));
  });
  afterEach(() => {
    rmSync(proc, { recursive: true });
    groups.endAll();
  });

  const writeProcess = (pid: number, text: string, uid = 1000, more = ''): void => {
    mkdirSync(join(proc, String(pid)), { recursive: true });
    writeFileSync(join(proc, String(pid), 'stat'), text);
    writeFileSync(
      join(proc, String(pid), 'status'),
      `Name:\tsh\nUid:\t${uid}\t0\t0\t0\nGid:\t0\t0\t0\t0\n${more}`,
    );
  };

  it('is parsed with spaces and parentheses in the process’s name', () => {
    for (const name of ['sh', 'tmux: server', 'a) S 1 1 (b', ') Z 1 2 3 ', '((']) {
      const parsed = parseProcStat(stat(name));
      assert.deepEqual(parsed, {
        pid: 4242,
        state: 'S',
        ppid: 1,
        pgid: 4242,
        sid: 4242,
        threads: 1,
        startTicks: 88601,
      });
    }
  });

  it('is not parsed when it is cut off', () => {
    for (const text of ['', '4242', '4242 (sh)', '4242 (sh) S 1 2']) {
      assert.equal(parseProcStat(text), undefined, text);
    }
  });

  it('gives the start as boot time and ticks, and the real user', () => {
    writeProcess(4242, stat('sh'));
    const found = linuxProcessTable(proc).snapshot([4242], []).processes.get(4242);
    assert(found?.state === 'found');
    assert.equal(found.process.startedAt, 1_700_000_000_000 + 886_010);
    assert.equal(found.process.uid, 1000);
  });

  it('counts a process as live whose first thread alone has ended', () => {
    writeProcess(4242, stat('sh', 'Z', 3));
    const found = linuxProcessTable(proc).snapshot([4242], []).processes.get(4242);
    assert(found?.state === 'found' && !found.process.zombie);
  });

  it('does not take a thread for a process: a signal to it would reach the process it is in', () => {
    writeProcess(4242, stat('sh'), 1000, 'Tgid:\t4200\n');
    const found = linuxProcessTable(proc).snapshot([4242], []).processes.get(4242);
    assert.equal(found?.state, 'gone');
  });

  it('of another process namespace than ours hides everything', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    rmSync(join(proc, 'self'));
    symlinkSync('1', join(proc, 'self'));
    const { processes, groups: found } = linuxProcessTable(proc).snapshot([pid], [pid]);
    assert.equal(processes.get(pid)?.state, 'hidden');
    assert.equal(found.get(pid)?.state, 'hidden');
  });

  it('shows the processes of namespaces inside ours by their numbers there', () => {
    const numbers = (pid: string, pgid: string): string => `NSpid:\t${pid}\nNSpgid:\t${pgid}\n`;
    writeProcess(4242, stat('sh'), 1000, numbers('4242\t12', '4242\t12'));
    writeProcess(4243, stat('sh'), 1000, numbers('4243\t13', '4242\t12'));
    writeProcess(4244, stat('sh'), 1000, numbers('4244\t7\t2', '4244\t7\t2'));
    writeProcess(12, stat('sh'), 1000, numbers('12', '12'));
    const nested = linuxProcessTable(proc).nested?.([12, 2, 4242]);
    const seen = [...(nested ?? [])].map(([pgid, found]) => [pgid, found.map((one) => one.leader)]);
    assert.deepEqual(Object.fromEntries(seen), { 12: [true, false], 2: [true] });
  });

  it('that hides a process does not make it gone', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    const { processes, groups: found } = linuxProcessTable(proc).snapshot([pid], [pid]);
    assert.equal(processes.get(pid)?.state, 'hidden');
    assert.equal(found.get(pid)?.state, 'hidden');
  });

  it('that is not there hides everything, and forbids every signal', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    const table = linuxProcessTable(join(proc, 'missing'));
    const { processes, groups: found } = table.snapshot([pid], [pid]);
    assert.equal(processes.get(pid)?.state, 'hidden');
    assert.equal(found.get(pid)?.state, 'hidden');
    assert.equal(table.signalGroup(pid, 0), 'forbidden');
  });
});
