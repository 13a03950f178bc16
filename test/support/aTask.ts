import type { Task } from '../../src/store/task.ts';

/** A finished task; its key follows from its parts. */
export function aTask(parts: Partial<Task> = {}): Task {
  const task: Task = {
    key: '',
    taskId: 'bash-00000001',
    storageId: 'aaaaaaaa',
    storageDirectory: '/storage',
    harness: undefined,
    sessionHash: '761e48ac259824c0',
    layout: 'flat',
    schemaVersion: 4,
    sessionId: 'ses_alpha',
    command: 'true',
    mode: 'pipes',
    workdir: '/tmp',
    projectRoot: '/tmp',
    status: 'completed',
    statusReason: undefined,
    liveness: 'ended',
    exitCode: 0,
    startedAt: 1,
    finishedAt: 2,
    durationMs: 1,
    timeoutMs: undefined,
    pid: undefined,
    pgid: undefined,
    survivors: false,
    delivered: true,
    notifyOnCompletion: true,
    ptyRows: undefined,
    ptyCols: undefined,
    captures: {},
    outputBytes: undefined,
    problem: undefined,
    ...parts,
  };
  const { storageId, harness, sessionHash, taskId } = task;
  return { ...task, key: `${storageId}/${harness ?? '_'}/${sessionHash}/${taskId}` };
}
