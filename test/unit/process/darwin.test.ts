import assert from 'node:assert/strict';
import { darwinProcessTable, parsePs } from '../../../src/process/darwin.ts';
import type { RunCommand } from '../../../src/process/runCommand.ts';

const sample = `    1     0     1     0 Ss   Mon Nov 23 04:48:18 2026    
  512   509   509   501 S    Mon Nov 23 05:02:35 2026    
 4242   512  4242   501 Ss   Mon Nov 23 05:02:35 2026    
 4243  4242  4242   501 S+   Tue Dec  1 23:59:59 2026    
 4244  4242  4242   501 Z    Tue Dec  1 23:59:59 2026    
`;

const printing =
  (stdout: string, status = 0): RunCommand =>
  () => ({ status, stdout, problem: 'ps: not today' });

describe('ps on macOS', () => {
  it('is asked in the C locale and UTC, for all processes at once', () => {
    const calls: Parameters<RunCommand>[] = [];
    const table = darwinProcessTable((...call) => {
      calls.push(call);
      return { status: 0, stdout: sample, problem: '' };
    });
    table.snapshot([process.pid, process.ppid], []);
    assert.deepEqual(calls, [
      [
        '/bin/ps',
        ['-A', '-o', 'pid=,ppid=,pgid=,ruid=,stat=,lstart='],
        { LC_ALL: 'C', TZ: 'UTC0' },
      ],
    ]);
  });

  it('is not run when everything asked for is gone', () => {
    const table = darwinProcessTable(() => assert.fail('ps was run'));
    const { processes, groups } = table.snapshot([0x7fff_fff0], [0x7fff_fff0]);
    assert.deepEqual(processes.get(0x7fff_fff0), { state: 'gone' });
    assert.deepEqual(groups.get(0x7fff_fff0), { state: 'listed', members: [] });
  });

  it('is parsed: session leaders, members, zombies', () => {
    const [, , leader, member, zombie] = parsePs(sample);
    assert.deepEqual(leader, {
      pid: 4242,
      ppid: 512,
      pgid: 4242,
      sid: 4242,
      uid: 501,
      zombie: false,
      startedAt: Date.UTC(2026, 10, 23, 5, 2, 35),
      startPrecisionMs: 1000,
    });
    assert.equal(member?.sid, undefined);
    assert.equal(member?.startedAt, Date.UTC(2026, 11, 1, 23, 59, 59));
    assert.equal(zombie?.zombie, true);
  });

  it('has lines that can’t be understood: they are no proof that a process is gone', () => {
    assert.deepEqual(parsePs('PID PPID\nnonsense\n  7 1 7 0 Ss 23. Nov 2026 05:02\n'), []);
    const found = darwinProcessTable(printing(sample)).snapshot([process.pid], []);
    assert.equal(found.processes.get(process.pid)?.state, 'hidden');
  });

  it('that fails hides everything, and forbids every signal', () => {
    for (const run of [printing('', 0), printing(sample, 1)]) {
      const table = darwinProcessTable(run);
      const found = table.snapshot([process.pid], []).processes.get(process.pid);
      assert.deepEqual(found, { state: 'hidden', reason: '/bin/ps lists nothing: ps: not today' });
      assert.equal(table.signalGroup(4242, 0), 'forbidden');
    }
  });

  it('gives the ancestors, whose groups are never signalled', () => {
    const own = `${process.pid} 512 ${process.pid} 501 S Mon Nov 23 05:02:35 2026\n`;
    const table = darwinProcessTable(printing(sample + own));
    assert.deepEqual(
      table.lineage().map((ancestor) => ancestor.pid),
      [process.pid, 512, 509].slice(0, 2),
    );
    assert.equal(table.signalGroup(509, 0), 'forbidden');
  });
});
