import { commands } from 'vscode';

/** For `npm start`: the AFT Tasks view is the first thing that the window shows. */
export async function activate() {
  await commands.executeCommand('aftTasks.explorer.focus');
}
