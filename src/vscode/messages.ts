import * as vscode from 'vscode';

/**
 * Messages to the user. VS Code makes links, of commands too, of `[text](address)` in notifications
 * and in progress; what a task chose (its command, its paths, its ids) must not become one. The
 * linter keeps other files from calling `vscode.window.show…Message` themselves.
 */
export function withoutLinks(text: string): string {
  return text.replaceAll('](', '] (');
}

export async function showInformation(
  message: string,
  ...buttons: readonly string[]
): Promise<string | undefined> {
  return await vscode.window.showInformationMessage(withoutLinks(message), ...buttons);
}

export async function showWarning(
  message: string,
  ...buttons: readonly string[]
): Promise<string | undefined> {
  return await vscode.window.showWarningMessage(withoutLinks(message), ...buttons);
}

export async function showError(
  message: string,
  ...buttons: readonly string[]
): Promise<string | undefined> {
  return await vscode.window.showErrorMessage(withoutLinks(message), ...buttons);
}

/** Asks before something is done that can't be undone, or that ends something. */
export async function confirm(question: string, detail: string, yes: string): Promise<boolean> {
  const options = { modal: true, detail: withoutLinks(detail) };
  return (await vscode.window.showWarningMessage(withoutLinks(question), options, yes)) === yes;
}
