/** An error whose message is meant for the user: what happened, to which task, and what to do. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserError';
  }
}
