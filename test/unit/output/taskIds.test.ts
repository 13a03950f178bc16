import assert from 'node:assert/strict';
import { findTaskMentions } from '../../../src/output/links/taskIds.ts';

const id = 'bash-0123456789abcdef';
const hash = '761e48ac259824c0';

describe('task mentions', () => {
  for (const taskId of [id, 'bash-01234567', 'bgb-01234567', 'bgb-0123456789abcdef']) {
    it(`finds ${taskId}`, () => {
      assert.deepEqual(findTaskMentions(`started ${taskId}, running`), [
        { kind: 'task', start: 8, end: 8 + taskId.length, taskId },
      ]);
    });
  }

  for (const line of [
    'bash-0123',
    'bash-0123456789',
    'bash-0123456789abcdef0',
    'bash-0123456789ABCDEF',
    'xbash-01234567',
    'aft-bash-01234567',
    'bash-01234567-x',
    'bash 01234567',
    '',
  ]) {
    it(`finds nothing in ${line}`, () => {
      assert.deepEqual(findTaskMentions(line), []);
    });
  }

  const captures: [path: string, stream: string][] = [
    [`/s/bash-tasks/${hash}/${id}/io/stdout`, 'stdout'],
    [`/s/bash-tasks/${hash}/${id}.stderr`, 'stderr'],
    [`${hash}/${id}/io/pty`, 'pty'],
    [`C:\\s\\${hash}\\${id}\\io\\stdout`, 'stdout'],
  ];
  for (const [path, stream] of captures) {
    it(`finds the capture ${path}`, () => {
      assert.deepEqual(findTaskMentions(`tail -f "${path}" # ${id}`), [
        {
          kind: 'capture',
          start: 9,
          end: 9 + path.length,
          taskId: id,
          sessionHash: hash,
          stream,
          path,
        },
        { kind: 'task', start: path.length + 13, end: path.length + 13 + id.length, taskId: id },
      ]);
    });
  }

  it('finds the task of a path that is no capture', () => {
    const [mention] = findTaskMentions(`/s/${hash}/${id}.json`);
    assert.equal(mention?.kind, 'task');
    assert.equal(findTaskMentions(`/s/${hash}/${id}.stdouts`)[0]?.kind, 'task');
    assert.equal(findTaskMentions(`/s/0${hash}/${id}.stdout`)[0]?.kind, 'task');
  });

  it('finds nothing in lines over 2,000 characters', () => {
    assert.deepEqual(findTaskMentions(id.padEnd(2001)), []);
  });
});
