import * as vscode from 'vscode';

/** A key for `when` clauses, below `aftTasks.`. VS Code is told only when the value changes. */
export class ContextKey<T extends string | boolean | number> {
  private readonly name: string;
  private current: T | undefined;

  constructor(name: string) {
    this.name = name;
  }

  set(value: T): void {
    if (value === this.current) return;
    this.current = value;
    void vscode.commands.executeCommand('setContext', `aftTasks.${this.name}`, value);
  }
}
