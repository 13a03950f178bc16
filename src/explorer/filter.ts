import type { Task } from '../store/task.ts';

/**
 * Whether a task fits what the user typed: words, all of which must be found in its command, ids,
 * status or directory, whatever the case; `!word` must not be found.
 */
export function taskFilter(text: string): ((task: Task) => boolean) | undefined {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word.replace('!', '') !== '');
  if (words.length === 0) return undefined;
  const wanted = words.filter((word) => !word.startsWith('!'));
  const unwanted = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
  return (task) => {
    const haystack = [
      task.command,
      task.taskId,
      task.sessionId,
      task.harness,
      task.status,
      task.liveness,
      task.projectRoot ?? task.workdir,
    ]
      .join('\n')
      .toLowerCase();
    return (
      wanted.every((word) => haystack.includes(word)) &&
      !unwanted.some((word) => haystack.includes(word))
    );
  };
}
