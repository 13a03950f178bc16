import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { out } from '../support/root.ts';

/** A row of the explorer's tree, as it is on the screen. */
export interface TreeRow {
  readonly label: string;
  readonly description: string;
  /** 1 at the top. */
  readonly level: number;
  /** Absent where the row has nothing beneath. */
  readonly expanded: boolean | undefined;
  readonly selected: boolean;
}

const themes = {
  dark: 'Dark 2026',
  light: 'Light 2026',
  'high-contrast': 'Default High Contrast',
  'high-contrast-light': 'Default High Contrast Light',
} as const;

export type Theme = keyof typeof themes;

/** All that the explorer and the documents are looked at in. */
export const allThemes = Object.keys(themes) as readonly Theme[];

const bodyClasses = {
  dark: 'vs-dark',
  light: 'vs',
  'high-contrast': 'hc-black',
  'high-contrast-light': 'hc-light',
} as const;

/** What we ask of an element in the page; this program itself knows no DOM. */
interface ShownElement {
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
  getBoundingClientRect(): { readonly top: number };
  querySelector(selector: string): ShownElement | null;
}

/** In the page. */
declare function getComputedStyle(
  element: ShownElement,
  pseudo?: string,
): {
  readonly color: string;
  readonly backgroundColor: string;
  readonly fontWeight: string;
  readonly content: string;
};

/** A window of VS Code in a browser, used as a person uses it: by what is on the screen. */
export class Workbench {
  readonly page: Page;
  private readonly settingsFile: string;
  private theme: Theme = 'dark';

  private constructor(page: Page, settingsFile: string) {
    this.page = page;
    this.settingsFile = settingsFile;
  }

  /** Opens a window and waits until it can be used. `settingsFile`: the server's user settings. */
  static async open(browser: Browser, address: string, settingsFile: string): Promise<Workbench> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(20_000);
    const workbench = new Workbench(page, settingsFile);
    await page.goto(address);
    await page.locator('.monaco-workbench .statusbar').waitFor({ timeout: 60_000 });
    return workbench;
  }

  /** By VS Code's own command: the browser's button leaves no time to store what is open. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    await this.runCommand('Developer: Reload Window');
    await loaded;
    await this.page.locator('.monaco-workbench .statusbar').waitFor({ timeout: 60_000 });
  }

  /** As over a far connection: what the window tells its extensions is late, until it is reloaded. */
  async delayMessages(milliseconds: number): Promise<void> {
    await this.page.evaluate(`{
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        setTimeout(() => send.call(this, data), ${milliseconds});
      };
    }`);
  }

  /** Changes a user setting behind the window's back, and reloads it: it does not watch the file. */
  async setSetting(key: string, value: unknown): Promise<void> {
    const settings = JSON.parse(readFileSync(this.settingsFile, 'utf8')) as Record<string, unknown>;
    settings[key] = value;
    writeFileSync(this.settingsFile, JSON.stringify(settings, undefined, 2));
    await this.reload();
  }

  /** Puts settings of the machine (the extension's storages are one), and reloads the window. */
  async setMachineSettings(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const file = join(this.settingsFile, '..', '..', 'Machine', 'settings.json');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(settings));
    await this.reload();
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.runCommand('Preferences: Color Theme');
    await this.pick(themes[theme]);
    await this.page.locator(`.monaco-workbench.${bodyClasses[theme]}`).waitFor();
    this.theme = theme;
  }

  /** Runs a command by its title in the palette, as `AFT Tasks: Refresh`. */
  async runCommand(title: string): Promise<void> {
    // Another command's title may begin with this one, and come first where it was used before.
    const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const name = new RegExp(`^${escaped}(?! )`);
    const widget = this.page.locator('.quick-input-widget:visible');
    // The palette goes again where another list was just closing or a panel takes the focus, and has
    // no command of an extension that is not loaded yet: a person would call it again.
    await this.until(async () => {
      await this.page.keyboard.press('F1');
      try {
        await widget.locator('input').first().fill(`>${title}`, { timeout: 3000 });
        await widget.getByRole('option', { name }).first().click({ timeout: 3000 });
        return true;
      } catch {
        return undefined;
      }
    }, `The palette does not run ${title}`);
  }

  /** Chooses an entry of the open quick pick. */
  async pick(entry: string): Promise<void> {
    await this.page.locator('.quick-input-widget:visible input').first().fill(entry);
    await this.quickPickRows().filter({ hasText: entry }).first().click();
  }

  /** Types into the quick pick or input box of this title, once it is there. */
  async typeInto(title: string, text: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget:visible');
    await widget.locator('.quick-input-title', { hasText: title }).waitFor();
    await widget.locator('input').first().fill(text);
  }

  /** The entries of an open quick pick. */
  quickPickRows(): Locator {
    return this.page.locator('.quick-input-widget:visible .monaco-list-row');
  }

  /** Opens the AFT Tasks view container by its icon, where it is not open yet. */
  async openExplorer(): Promise<void> {
    const icon = this.page.locator('.activitybar .action-item', {
      has: this.page.getByLabel(/^AFT Tasks/),
    });
    await icon.first().waitFor();
    // What it shows may be gone for a moment; then a click has closed it, and the next one opens it.
    while (!(await this.explorer().isVisible())) {
      await icon.first().click();
      await this.explorer()
        .waitFor({ timeout: 2000 })
        .catch(() => undefined);
    }
  }

  /** The view container, without its title. */
  explorer(): Locator {
    return this.page.locator('[id="workbench.view.extension.aftTasks"]');
  }

  /** The row with this text in its label or description. */
  row(text: string | RegExp): Locator {
    return this.explorer().locator('.monaco-list-row').filter({ hasText: text }).first();
  }

  /** The rows on the screen, from top to bottom. */
  async rows(): Promise<TreeRow[]> {
    const rows = await this.explorer()
      .locator('.monaco-list-row')
      .evaluateAll((elements: ShownElement[]) =>
        elements.map((element) => ({
          top: element.getBoundingClientRect().top,
          label: element.querySelector('.label-name')?.textContent ?? '',
          description: element.querySelector('.label-description')?.textContent ?? '',
          level: Number(element.getAttribute('aria-level')),
          expanded: element.getAttribute('aria-expanded'),
          selected: element.getAttribute('aria-selected') === 'true',
        })),
      );
    return rows
      .sort((a, b) => a.top - b.top)
      .map(({ label, description, level, expanded, selected }) => ({
        label,
        description,
        level,
        expanded: expanded === null ? undefined : expanded === 'true',
        selected,
      }));
  }

  async clickRow(text: string | RegExp): Promise<void> {
    await this.row(text).click();
  }

  /** Clicks one of the buttons that a row shows when the pointer is on it. */
  async inlineAction(rowText: string | RegExp, action: string): Promise<void> {
    const row = this.row(rowText);
    await row.hover();
    await row.getByRole('button', { name: action }).first().click();
  }

  /** Chooses an item of a row's context menu. */
  async contextMenu(rowText: string | RegExp, item: string): Promise<void> {
    await this.row(rowText).click({ button: 'right' });
    const menu = this.page.locator('.context-view .monaco-menu');
    const entry = menu.getByRole('menuitem', { name: item }).first();
    await entry.waitFor();
    // VS Code lets a click go by that comes right after the menu: a person would click again.
    await this.until(async () => {
      if (!(await menu.first().isVisible())) return true;
      await entry.click({ timeout: 1000 }).catch(() => undefined);
      return undefined;
    }, `The menu stays open after a click on ${item}`);
  }

  /** Clicks a button in the view's title. */
  async titleAction(action: string): Promise<void> {
    await this.explorer().hover();
    await this.page.locator('.sidebar').getByRole('button', { name: action }).first().click();
  }

  /** The text of a tooltip that a row shows. */
  async tooltip(rowText: string | RegExp): Promise<string> {
    await this.row(rowText).hover();
    const hover = this.page.locator('.workbench-hover').filter({ visible: true }).last();
    await hover.waitFor();
    return hover.innerText();
  }

  /** The lines of the active editor that are on the screen. */
  async editorText(): Promise<string> {
    const lines = await this.editor()
      .locator('.view-lines > .view-line')
      .evaluateAll((elements: ShownElement[]) =>
        elements.map((element) => ({
          top: element.getBoundingClientRect().top,
          text: element.textContent ?? '',
        })),
      );
    return lines
      .sort((a, b) => a.top - b.top)
      .map(({ text }) => text.replaceAll('\u00a0', ' '))
      .join('\n');
  }

  /** How a text looks in the active editor: CSS properties of the element that has it. */
  async lookOf(text: string): Promise<{ color: string; weight: string }> {
    const span = this.editor().locator('.view-line span > span').filter({ hasText: text }).last();
    await span.waitFor();
    return await span.evaluate((element: ShownElement) => {
      const { color, fontWeight } = getComputedStyle(element);
      return { color, weight: fontWeight };
    });
  }

  /** Resolves when a text in the active editor has a colour: it comes a moment after the text. */
  async textHasColor(text: string, color: string): Promise<void> {
    await this.until(
      async () => ((await this.lookOf(text)).color === color ? true : undefined),
      `${text} is not ${color}`,
    );
  }

  /** The colours of all text on the screen in the active editor, each once. */
  async textColors(): Promise<string[]> {
    const colors = await this.editor()
      .locator('.view-lines > .view-line > span > span')
      .evaluateAll((elements: ShownElement[]) =>
        elements
          .filter(({ textContent }) => textContent?.trim())
          .map((element) => getComputedStyle(element).color),
      );
    return [...new Set(colors)];
  }

  async colorsOf(texts: Locator): Promise<string[]> {
    return await texts.evaluateAll((elements: ShownElement[]) =>
      elements.map((element) => getComputedStyle(element).color),
    );
  }

  /** The colours behind texts in the active editor. */
  async backgrounds(): Promise<string[]> {
    return await this.editor()
      .locator('.view-overlays .cdr')
      .evaluateAll((elements: ShownElement[]) =>
        elements.map((element) => getComputedStyle(element).backgroundColor),
      );
  }

  /** What stands beside the active editor's lines without being part of their text. */
  async textBeside(): Promise<string> {
    const pieces = await this.editor()
      .locator('.view-line span')
      .evaluateAll((elements: ShownElement[]) =>
        elements.map((element) => getComputedStyle(element, '::after').content),
      );
    return pieces.filter((piece) => piece !== 'none').join(' ');
  }

  /** A colour of the theme, as `lookOf` has it. */
  async themeColor(name: string): Promise<string> {
    return await this.page.evaluate(`(() => {
      const probe = document.createElement('i');
      probe.style.color = 'var(--vscode-${name.replaceAll('.', '-')})';
      document.querySelector('.monaco-workbench').append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    })()`);
  }

  /** The number of the first line on the screen in the active editor. */
  async firstLineNumber(): Promise<number> {
    const numbers = await this.editor()
      .locator('.margin-view-overlays .line-numbers')
      .allInnerTexts();
    return Math.min(...numbers.map(Number).filter((number) => number > 0));
  }

  /** The active group's editor. */
  editor(): Locator {
    return this.page.locator('.editor-group-container.active .monaco-editor').first();
  }

  /** Resolves when the active editor shows a text on the screen. */
  async editorShows(text: string | RegExp): Promise<string> {
    return this.until(
      async () => {
        if ((await this.editor().count()) === 0) return undefined;
        const shown = await this.editorText();
        const fits = typeof text === 'string' ? shown.includes(text) : text.test(shown);
        return fits ? shown : undefined;
      },
      `The editor does not show ${String(text)}`,
    );
  }

  /** The lines of the active terminal that are on the screen. */
  async terminalText(): Promise<string> {
    const rows = await this.terminalRows().allTextContents();
    return rows
      .map((row) => row.replaceAll('\u00a0', ' ').trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** Resolves when the active terminal shows a text on the screen. */
  async terminalShows(text: string | RegExp): Promise<string> {
    return this.until(
      async () => {
        const shown = await this.terminalText();
        const fits = typeof text === 'string' ? shown.includes(text) : text.test(shown);
        return fits ? shown : undefined;
      },
      `The terminal does not show ${String(text)}`,
    );
  }

  /** Clicks a link in the active terminal, as long as it is there. */
  async clickTerminalLink(text: string): Promise<void> {
    const row = this.terminalRows().filter({ hasText: text }).first();
    await row.waitFor();
    const shown = (await row.textContent()) ?? '';
    const line = (await row.boundingBox())!;
    // All characters of a terminal are as wide as those of any piece of its text.
    const piece = row.locator('span').first();
    const width = (await piece.boundingBox())!.width / ((await piece.textContent()) ?? '').length;
    const x = line.x + width * (shown.indexOf(text) + text.length / 2);
    const y = line.y + line.height / 2;
    // The terminal asks for links once the pointer is over them.
    await this.page.mouse.move(x + 5, y);
    await this.page.mouse.move(x, y);
    await this.page.waitForTimeout(500);
    await this.page.keyboard.down('Control');
    await this.page.mouse.click(x, y);
    await this.page.keyboard.up('Control');
  }

  private terminalRows(): Locator {
    return this.page.locator('.terminal-wrapper.active .xterm-rows > div');
  }

  /** Opens the output of a task by its id, in the palette. */
  async openOutput(taskId: string): Promise<void> {
    await this.runCommand('AFT Tasks: Open Output');
    await this.typeInto('Open the output of', taskId);
    const entry = this.quickPickRows().filter({ hasText: taskId }).first();
    await entry.waitFor();
    await entry.click();
    await this.editorShows(/\w/);
  }

  /** A button in the active editor's title. */
  editorAction(action: string): Locator {
    return this.page
      .locator('.editor-group-container.active .editor-actions')
      .getByRole('button', { name: action, exact: true });
  }

  /** The text of the active editor once it does not move any more. */
  async editorAtRest(): Promise<string> {
    let before = '';
    return await this.until(async () => {
      const shown = await this.editorText();
      const isAtRest = shown === before;
      before = shown;
      return isAtRest ? shown : undefined;
    }, 'The editor does not come to rest');
  }

  /** Resolves when the active editor's text has grown by what `write` does, on screen or not. */
  async editorGrows(write: () => void): Promise<void> {
    const slider = this.editor().locator('.editor-scrollable > .scrollbar.vertical > .slider');
    const before = await slider.getAttribute('style');
    write();
    await this.until(
      async () => ((await slider.getAttribute('style')) === before ? undefined : true),
      'The editor’s text does not grow',
    );
  }

  /** Shows the end of the active editor, where what is new appears. */
  async scrollToEnd(): Promise<void> {
    await this.editor().locator('.view-lines').click();
    await this.page.keyboard.press('Control+End');
  }

  /** The names on the active group's tabs. */
  async tabs(): Promise<string[]> {
    return this.page.locator('.editor-group-container.active .tab .label-name').allInnerTexts();
  }

  /** Clicks a button of the modal dialog. */
  async answerDialog(button: string): Promise<string> {
    const dialog = this.page.locator('.monaco-dialog-box');
    await dialog.waitFor();
    const text = await dialog.innerText();
    await dialog.getByRole('button', { name: button, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    return text;
  }

  /** Sites that VS Code wants a new tab for are noted instead. Call it before `openedSite`. */
  async catchSites(): Promise<void> {
    await this.page.evaluate(`(() => {
      window.sites = [];
      const note = (address) => window.sites.push(String(address));
      const location = { set href(address) { note(address); } };
      window.open = (address) => (address && note(address), { opener: null, location });
    })()`);
  }

  /** Resolves with the address of the next site; answers that it may be opened where VS Code asks. */
  async openedSite(): Promise<string> {
    const allow = this.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Open' });
    return this.until(async () => {
      if (await allow.isVisible()) await allow.click();
      return (await this.page.evaluate<string | null>('window.sites.shift() ?? null')) ?? undefined;
    }, 'No site was opened');
  }

  /** Resolves with the text of a notification that contains `text`. */
  async notification(text: string | RegExp): Promise<string> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.waitFor();
    return toast.innerText();
  }

  /**
   * As `notification`, in the list of them: VS Code 1.139 shows no toast beyond the third within
   * 800 ms, and a test is faster than a person.
   */
  async listedNotification(text: string | RegExp): Promise<string> {
    await this.runCommand('Notifications: Show Notifications');
    const listed = this.page.locator('.notifications-center .notification-list-item');
    const notification = listed.filter({ hasText: text }).first();
    await notification.waitFor();
    return notification.innerText();
  }

  /** The texts of the notifications that are shown. */
  async notifications(): Promise<string[]> {
    return this.toasts().allInnerTexts();
  }

  /** Clicks a button of a notification. */
  async answerNotification(text: string | RegExp, button: string): Promise<void> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.locator('.monaco-text-button').getByText(button, { exact: true }).click();
  }

  async clearNotifications(): Promise<void> {
    await this.runCommand('Notifications: Clear All Notifications');
    await this.toasts().first().waitFor({ state: 'detached' });
  }

  private toasts(): Locator {
    return this.page.locator('.notification-toast .notification-list-item');
  }

  /** Keeps a picture: `out/screenshots/<name>-<theme>.png`. Answers with its path. */
  async screenshot(name: string): Promise<string> {
    const folder = join(out, 'screenshots');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}-${this.theme}.png`);
    // Fades and spinners are the browser's; what they lead to is what the picture is for.
    await this.page.screenshot({ path, animations: 'disabled', caret: 'hide' });
    return path;
  }

  /** Resolves with the first thing that `find` finds, asked again and again. */
  async until<T>(find: () => Promise<T | undefined>, problem: string): Promise<T> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`${problem}, after 20 s.`);
      await this.page.waitForTimeout(100);
    }
  }
}
