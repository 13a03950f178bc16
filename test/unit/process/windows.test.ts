import assert from 'node:assert/strict';
import type { RunCommand } from '../../../src/process/runCommand.ts';
import {
  parseProcessList,
  processTree,
  windowsProcessTable,
} from '../../../src/process/windows.ts';
import { ProcessGroups } from './processGroups.ts';

const sample = [
  '4 0 1795409298000',
  '1000 4 1795409300000',
  '2000 1000 1795409400000',
  '2004 2000 1795409401000',
  '2008 2004 1795409402000',
  // Its parent had the number 2000 before the process that has it now.
  '3000 2000 1795409000000',
  // Its parent has ended.
  '3004 5000 1795409500000',
  '',
].join('\r\n');

describe('the process table of Windows', () => {
  const groups = new ProcessGroups();
  afterEach(() => {
    groups.endAll();
  });

  const tree = (root: number): number[] =>
    processTree(parseProcessList(sample), root).map((process) => process.pid);

  it('is parsed from the script’s lines', () => {
    assert.deepEqual(parseProcessList('\r\n2004 2000 1795409401000\r\nWARNING: nothing\r\n'), [
      {
        pid: 2004,
        ppid: 2000,
        pgid: undefined,
        sid: undefined,
        uid: undefined,
        zombie: false,
        startedAt: 1795409401000,
        startPrecisionMs: 1,
      },
    ]);
  });

  it('has a tree below a process, without older processes that name the same parent', () => {
    assert.deepEqual(tree(2000), [2000, 2004, 2008]);
  });

  it('has the descendants of a process that has ended', () => {
    assert.deepEqual(tree(5000), [3004]);
  });

  it('ends where numbers go in circles', () => {
    const circle = parseProcessList('10 12 5\n12 10 5\n');
    assert.equal(processTree(circle, 10).length, 2);
  });

  it('does not start PowerShell for processes that are gone', () => {
    const table = windowsProcessTable(() => assert.fail('PowerShell was started'));
    const { processes } = table.snapshot([0x7fff_fff0], []);
    assert.deepEqual(processes.get(0x7fff_fff0), { state: 'gone' });
  });

  it('hides everything where PowerShell fails', () => {
    const table = windowsProcessTable(() => ({ status: 1, stdout: '', problem: 'not allowed' }));
    assert.deepEqual(table.snapshot([process.pid], []).processes.get(process.pid), {
      state: 'hidden',
      reason: 'powershell.exe lists nothing: not allowed',
    });
  });

  describe('taskkill', () => {
    /** A machine with us, the given process, and a taskkill that ends so. */
    const machine = (pid: number, status: number): { run: RunCommand; calls: string[][] } => {
      const calls: string[][] = [];
      const run: RunCommand = (file, args) => {
        if (file === 'taskkill.exe') calls.push([...args]);
        const list = `${process.pid} 4 1795409300000\n${pid} ${process.pid} 1795409400000\n`;
        return file === 'taskkill.exe'
          ? { status, stdout: '', problem: 'denied' }
          : { status: 0, stdout: list, problem: '' };
      };
      return { run, calls };
    };

    it('ends the tree by force', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      const { run, calls } = machine(pid, 0);
      assert.equal(windowsProcessTable(run).signalGroup(pid, 'SIGKILL'), 'sent');
      assert.deepEqual(calls, [['/PID', String(pid), '/T', '/F']]);
    });

    it('that finds no process means gone', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      assert.equal(windowsProcessTable(machine(pid, 128).run).signalGroup(pid, 'SIGKILL'), 'gone');
    });

    it('that fails while the process is there means not permitted', async () => {
      const { pid } = await groups.start('echo ready; sleep 300');
      const table = windowsProcessTable(machine(pid, 1).run);
      assert.equal(table.signalGroup(pid, 'SIGKILL'), 'not-permitted');
    });

    it('that fails while the process is gone has ended it', async () => {
      const pid = await groups.ended();
      assert.equal(windowsProcessTable(machine(pid, 255).run).signalGroup(pid, 'SIGKILL'), 'sent');
    });

    it('is never run on ourselves or our ancestors', () => {
      const { run, calls } = machine(5, 0);
      assert.equal(windowsProcessTable(run).signalGroup(process.pid, 'SIGKILL'), 'forbidden');
      assert.deepEqual(calls, []);
    });
  });
});
