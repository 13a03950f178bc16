import type { Task } from '../store/task.ts';
import { taskState } from '../vscode/taskState.ts';
import { processesLeft } from './items.ts';

/**
 * Whether a task fits what the user typed: words, all of which must be found in its command, ids,
 * state (as its row has it, or its record) or directory, whatever the case; `!word` must not be found.
 */
export function taskFilter(text: string): ((task: Task) => boolean) | undefined {
  const words = wordsOf(text.toLowerCase());
  if (words.length === 0) return undefined;
  const wanted = words.filter((word) => !word.startsWith('!'));
  const unwanted = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
  return (task) => {
    const haystack = [
      task.command,
      task.taskId,
      task.sessionId,
      task.harness,
      taskState(task).words,
      task.survivors ? processesLeft() : '',
      // No row of a task whose process is gone says that it runs.
      task.liveness === 'orphaned' ? '' : task.status,
      task.liveness,
      task.projectRoot ?? task.workdir,
    ]
      .join('\n')
      .toLowerCase();
    return (
      wanted.every((word) => isIn(haystack, word)) && !unwanted.some((word) => isIn(haystack, word))
    );
  };
}

/** `exit 1` is one word: its number alone would be found in most ids. */
function wordsOf(text: string): string[] {
  const words = text.match(/!?\bexit -?\d+(?!\S)|\S+/g) ?? [];
  return words.filter((word) => word.replace('!', '') !== '');
}

/** `exit 1` is not `exit 127`. */
function isIn(haystack: string, word: string): boolean {
  if (!/^exit -?\d+$/.test(word)) return haystack.includes(word);
  return new RegExp(`${word}(?!\\d)`).test(haystack);
}
