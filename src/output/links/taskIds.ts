import type { CaptureStream } from '../../persistence/record.ts';

/** A task's id, or the path of a capture, in a line of text. Offsets are in UTF-16 units. */
export type TaskMention =
  | { readonly kind: 'task'; readonly start: number; readonly end: number; readonly taskId: string }
  | {
      readonly kind: 'capture';
      readonly start: number;
      readonly end: number;
      readonly taskId: string;
      readonly sessionHash: string;
      readonly stream: CaptureStream;
      /** As it is written: unchecked, maybe relative. */
      readonly path: string;
    };

/** Longer lines are no lines that people read. */
const LINE_LIMIT = 2000;

const TASK_ID = /(?<![\w-])(?:bash|bgb)-[0-9a-f]{8}(?:[0-9a-f]{8})?(?![\w-])/g;

/** `<session hash>/<id>/io/<stream>`, or in the flat layout `<session hash>/<id>.<stream>`. */
const CAPTURE =
  /(?<![0-9A-Za-z])([0-9a-f]{16})[\\/]((?:bash|bgb)-[0-9a-f]{8}(?:[0-9a-f]{8})?)(?:[\\/]io[\\/]|\.)(stdout|stderr|pty)(?![\w-])/g;

/** What comes before a path and is not part of it. */
const PATH_BREAK = /[\s"'`<>|()[\]{},;=]/;

/** Finds the tasks that a line names, in order; an id within a capture's path only as the path. */
export function findTaskMentions(line: string): TaskMention[] {
  if (line.length > LINE_LIMIT) return [];
  const mentions: TaskMention[] = [];
  let last = 0;
  for (const match of line.matchAll(CAPTURE)) {
    const [text, sessionHash = '', taskId = '', stream] = match;
    const end = match.index + text.length;
    const start = pathStart(line, last, match.index);
    mentions.push({
      kind: 'capture',
      start,
      end,
      taskId,
      sessionHash,
      stream: stream as CaptureStream,
      path: line.slice(start, end),
    });
    last = end;
  }
  for (const { index: start, 0: taskId } of line.matchAll(TASK_ID)) {
    const end = start + taskId.length;
    if (mentions.some((mention) => start < mention.end && end > mention.start)) continue;
    mentions.push({ kind: 'task', start, end, taskId });
  }
  return mentions.sort((left, right) => left.start - right.start);
}

function pathStart(line: string, from: number, to: number): number {
  let start = to;
  while (start > from && !PATH_BREAK.test(line.charAt(start - 1))) start--;
  return start;
}
