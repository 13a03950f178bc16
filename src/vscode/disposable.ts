import type { Disposable as VsDisposable } from 'vscode';

/** Something that owns other disposables: what it registers goes when it goes, last one first. */
export abstract class Disposable implements VsDisposable {
  private readonly owned: VsDisposable[] = [];
  private disposed = false;

  protected get isDisposed(): boolean {
    return this.disposed;
  }

  /** Hands over `disposable`; where the owner is gone already, it is disposed at once. */
  protected register<T extends VsDisposable>(disposable: T): T {
    if (this.disposed) disposable.dispose();
    else this.owned.push(disposable);
    return disposable;
  }

  dispose(): void {
    this.disposed = true;
    for (let last = this.owned.pop(); last !== undefined; last = this.owned.pop()) last.dispose();
  }
}
