import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { commandIds } from '../../src/commands/commandTable.ts';
import { api } from './fixture.ts';

describe('activation', () => {
  it('returns version 1 of the API', async () => {
    const { apiVersion } = await api();
    assert.equal(apiVersion, 1);
  });

  it('registers every command', async () => {
    await api();
    const registered = await vscode.commands.getCommands(true);
    for (const id of commandIds) assert.ok(registered.includes(`aftTasks.${id}`), id);
  });
});
